"""Sensors and schedules: nothing new, new, in flight, failed, disabled."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.integration.dagster.world import NOW, START, World, post
from tutordex_dagster.assets.drain import VERSION_TAG
from tutordex_dagster.assets.keys import COLLECT_JOB, DRAIN_JOB, RAW_MESSAGES, extraction_key
from tutordex_dagster.definitions import build
from tutordex_dagster.partitions import grid_order, rectangle_of
from tutordex_dagster.schedules import hourly_schedule, nightly_schedule
from tutordex_dagster.sensors.extract import extract_sensor
from tutordex_dagster.sensors.seal import seal_sensor
from tutordex_dagster.windows import HOUR


def tick(world: World, sensor: dg.SensorDefinition) -> Any:  # noqa: ANN401 - what a sensor may return
    with dg.build_sensor_context(world.instance, resources={"services": world.services}) as context:
        return sensor(context)


def extract(world: World) -> Any:  # noqa: ANN401 - as above
    return tick(world, extract_sensor(spec=world.services.live))


def seal(world: World) -> dg.SensorResult:
    result = tick(world, seal_sensor(settings=world.services.settings))
    assert isinstance(result, dg.SensorResult)
    return result


def requests(result: dg.SensorResult) -> list[dg.RunRequest]:
    return list(result.run_requests or ())


def with_settings(world: World, **changed: object) -> World:
    settings = world.services.settings.model_copy(update=changed)
    return replace(world, services=replace(world.services, settings=settings))


def note_run(
    world: World,
    job: str,
    status: dg.DagsterRunStatus,
    tags: dict[str, str],
    config: dict[str, Any] | None = None,
) -> str:
    """Leave a run of this status in Dagster's storage."""
    definition = build(world.services.settings).resolve_job_def(job)
    run = world.instance.create_run_for_job(definition, tags=tags, run_config=config or {}, status=status)
    if status == dg.DagsterRunStatus.FAILURE:
        world.instance.report_run_failed(run)
    return run.run_id


def read_everything(world: World) -> None:
    world.publish()
    world.backfill(hours=24, versions=[], assignments=False, lane="live")


def test_without_due_work_the_extract_sensor_says_so(world: World) -> None:
    assert extract(world).skip_message == "rules: nothing is due."


def test_due_work_becomes_one_run_and_a_repeated_tick_asks_for_the_same_one(world: World) -> None:
    world.record("alpha", [post(6.5), post(7.5)], channel_id=1)
    read_everything(world)

    first, again = extract(world), extract(world)

    assert first.tags == {VERSION_TAG: "rules"}
    assert first.run_key == again.run_key
    assert len(first.run_key) == 32
    assert world.run(DRAIN_JOB, run_config=first.run_config, tags=first.tags).success
    assert extract(world).skip_message == "rules: nothing is due."


def test_no_second_drain_starts_beside_a_running_one(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    config = {"ops": {"drain_due": {"config": {"version": "rules"}}}}
    run_id = note_run(world, DRAIN_JOB, dg.DagsterRunStatus.STARTED, {VERSION_TAG: "rules"}, config)

    assert extract(world).skip_message == f"rules: run {run_id[:8]} is at it."
    other = next(spec for spec in world.services.pipelines if spec.name == "rules-strict")
    assert isinstance(tick(world, extract_sensor(spec=other)), dg.RunRequest)


def test_a_failed_drain_is_followed_by_another_one_later(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    before = extract(world).run_key
    config = {"ops": {"drain_due": {"config": {"version": "rules"}}}}
    world.clock.now = datetime.now(UTC)
    note_run(world, DRAIN_JOB, dg.DagsterRunStatus.FAILURE, {VERSION_TAG: "rules"}, config)

    at_once = extract(world)
    world.clock.advance(timedelta(minutes=6))
    later = extract(world)

    assert "failed; the next one starts after" in at_once.skip_message
    assert later.run_key != before


def test_an_unread_channel_is_added_to_the_grid_and_read_up_to_the_last_ended_hour(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.record("beta", [post(6.5)], channel_id=2)

    result = seal(world)

    (added,) = result.dynamic_partitions_requests or ()
    (request,) = requests(result)
    rectangle = rectangle_of(request.tags)
    assert list(added.partition_keys) == ["t.me/alpha", "t.me/beta"]
    assert rectangle is not None
    assert (rectangle.first_channel, rectangle.last_channel) == ("t.me/alpha", "t.me/beta")
    assert (rectangle.window.since, rectangle.window.until) == (START, NOW.replace(minute=0))
    assert request.run_config == {
        "ops": {"raw_messages": {"config": {"lane": "live", "read": True, "follow": True}}}
    }


def test_hours_without_messages_count_as_extracted_once_they_are_read(world: World) -> None:
    """Nothing is ever due in them, so the grid of an extraction would keep holes for ever."""
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    for request in requests(seal(world)):
        assert world.run(COLLECT_JOB, run_config=request.run_config, tags=dict(request.tags)).success

    read = world.instance.get_materialized_partitions(RAW_MESSAGES)
    for spec in world.services.pipelines:
        extracted = world.instance.get_materialized_partitions(extraction_key(spec))
        assert read - extracted == {"t.me/alpha|2026-03-02-06:00"}


def test_the_runs_a_tick_asks_for_leave_nothing_for_the_next_one(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    for request in requests(seal(world)):
        assert world.run(COLLECT_JOB, run_config=request.run_config, tags=dict(request.tags)).success

    result = seal(world)

    assert requests(result) == []
    assert result.skip_reason is not None
    assert (
        result.skip_reason.skip_message
        == "No hour that just ended is due; older ones wait until live extraction is done."
    )


def test_hours_that_a_run_is_reading_are_left_to_it(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    (request,) = requests(seal(world))
    note_run(world, COLLECT_JOB, dg.DagsterRunStatus.STARTED, dict(request.tags))

    result = seal(world)

    assert requests(result) == []
    assert result.skip_reason is not None
    assert result.skip_reason.skip_message == "6 hours are due, and runs are reading all of them."


def test_old_hours_wait_until_live_extraction_is_done_and_recent_ones_do_not(world: World) -> None:
    world = with_settings(world, recovery_catchup_chunk_hours=2)
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    world.record("beta", [post(6.5)], channel_id=2)
    world = replace(world, services=replace(world.services))

    busy = [rectangle_of(request.tags) for request in requests(seal(world))]
    drained = with_settings(world, recovery_catchup_queue_low_watermark=1)
    free = [rectangle_of(request.tags) for request in requests(seal(drained))]

    assert [each.window.since for each in busy if each] == [NOW.replace(minute=0) - 2 * HOUR]
    assert sorted(each.window.since for each in free if each) == [START, NOW.replace(minute=0) - 2 * HOUR]


def test_a_failed_hour_is_read_again_after_an_hour_and_not_before(world: World) -> None:
    world.record("alpha", ['{"at": 110000, "text": 7}'], channel_id=1)
    read_everything(world)

    assert requests(seal(world)) == []
    world.clock.advance(timedelta(hours=1, minutes=1))
    hours = [rectangle_of(request.tags) for request in requests(seal(world))]

    assert START in [each.window.since for each in hours if each]


def test_hours_stored_without_dagster_are_reported_without_reading_them_again(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL WHERE hour < %s", [NOW - HOUR])

    (request,) = requests(seal(world))

    assert request.run_config["ops"]["raw_messages"]["config"]["read"] is False
    assert world.run(COLLECT_JOB, run_config=request.run_config, tags=dict(request.tags)).success
    assert requests(seal(world)) == []


def test_catchup_can_be_switched_off(world: World) -> None:
    off = with_settings(world, recovery_catchup_enabled=False)

    result = tick(off, seal_sensor(settings=off.services.settings))

    assert (
        result.skip_message == "RECOVERY_CATCHUP_ENABLED is 0: hours that ended are not read by themselves."
    )


def test_a_channel_without_a_source_is_named_and_stops_no_other(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    listed = with_settings(world, channel_list="t.me/alpha, @Ghosts")

    result = seal(listed)

    (added,) = result.dynamic_partitions_requests or ()
    assert list(added.partition_keys) == ["t.me/alpha"]
    assert len(requests(result)) == 1


@pytest.fixture
def stored(world: World, tmp_path: Path) -> Iterator[World]:
    """Give the world an instance that lasts: a schedule's context opens it by its address."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield replace(world, instance=instance)


def planned(world: World, schedule: dg.ScheduleDefinition, at: datetime) -> list[dg.RunRequest]:
    with dg.build_schedule_context(
        instance=world.instance, scheduled_execution_time=at, resources={"services": world.services}
    ) as context:
        found = schedule(context)
    assert isinstance(found, Iterator | list)
    return list(found)


def test_the_schedules_read_the_last_hours_of_all_channels_in_one_run(stored: World) -> None:
    world = stored
    world.record("alpha", [post(6.5)], channel_id=1)
    world.record("beta", [post(6.5)], channel_id=2)
    world.publish()
    order = grid_order(world.instance)

    (hourly,) = planned(world, hourly_schedule(), NOW)
    (nightly,) = planned(world, nightly_schedule(settings=world.services.settings), NOW)

    for request, since in ((hourly, NOW.replace(minute=0) - HOUR), (nightly, START)):
        rectangle = rectangle_of(request.tags)
        assert rectangle is not None
        assert [rectangle.first_channel, rectangle.last_channel] == list(order)
        assert (rectangle.window.since, rectangle.window.until) == (since, NOW.replace(minute=0) + HOUR)


def test_without_channels_the_schedules_ask_for_nothing(stored: World) -> None:
    assert planned(stored, hourly_schedule(), NOW) == []
