"""The seal sensor: hours that just ended, whatever the catchup is doing with older ones."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from tests.integration.dagster.telegram import channel, with_telegram
from tests.integration.dagster.ticks import (
    carry_out,
    config,
    note_run,
    read_everything,
    requests,
    skipped,
    spans,
    tick,
    with_settings,
)
from tests.integration.dagster.world import NOW, START, World, post
from tutordex_dagster.assets.keys import COLLECT_JOB, RAW_MESSAGES, extraction_key
from tutordex_dagster.capture.grid import Rectangle
from tutordex_dagster.errors import TransientError
from tutordex_dagster.operations.identity import PROCESS_TAG, own_identity
from tutordex_dagster.partitions import range_tags
from tutordex_dagster.sensors import seal as sensor
from tutordex_dagster.sensors.requests import RAW_OFF
from tutordex_dagster.windows import HOUR, Window

LAST_ENDED = NOW.replace(minute=0)


def seal(world: World) -> dg.SensorResult:
    result = tick(world, sensor.seal_sensor(settings=world.services.settings))
    assert isinstance(result, dg.SensorResult)
    return result


def test_an_unread_channel_is_added_to_the_grid_and_read_up_to_the_last_ended_hour(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.record("beta", [post(6.5)], channel_id=2)

    result = seal(world)

    (added,) = result.dynamic_partitions_requests or ()
    (request,) = requests(result)
    (rectangle,) = spans([request])
    assert list(added.partition_keys) == ["t.me/alpha", "t.me/beta"]
    assert (rectangle.first_channel, rectangle.last_channel) == ("t.me/alpha", "t.me/beta")
    assert rectangle.window == Window(START, LAST_ENDED)
    assert config(request) == {"lane": "live", "read": True, "follow": True}
    assert int(request.tags["dagster/priority"]) > 0


def test_hours_without_messages_count_as_extracted_once_they_are_read(world: World) -> None:
    """Nothing is ever due in them, so the grid of an extraction would keep holes for ever."""
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    carry_out(world, requests(seal(world)))

    read = world.instance.get_materialized_partitions(RAW_MESSAGES)
    for spec in world.services.pipelines:
        extracted = world.instance.get_materialized_partitions(extraction_key(spec))
        assert read - extracted == {"t.me/alpha|2026-03-02-06:00"}


def test_the_runs_a_tick_asks_for_leave_nothing_for_the_next_one(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    carry_out(world, requests(seal(world)))

    assert skipped(seal(world)) == "No hour that just ended is due."


def test_hours_that_a_run_is_reading_are_left_to_it(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    (request,) = requests(seal(world))
    note_run(world, COLLECT_JOB, dg.DagsterRunStatus.STARTED, request.tags)

    result = seal(world)

    assert requests(result) == []
    assert skipped(result).startswith("6 hours are due; runs are reading them")


def test_older_hours_are_left_to_the_catchup_and_a_full_queue_holds_nothing_up(world: World) -> None:
    world = with_settings(world, recovery_catchup_chunk_hours=2, recovery_catchup_enabled=False)
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    world.record("beta", [post(6.5)], channel_id=2)
    world = replace(world, services=replace(world.services))

    assert [each.window for each in spans(requests(seal(world)))] == [
        Window(LAST_ENDED - 2 * HOUR, LAST_ENDED)
    ]


def test_the_running_hour_is_left_alone_until_its_lag_has_passed(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reread_at = NULL")

    world.clock.now = LAST_ENDED + HOUR + timedelta(seconds=90)
    assert requests(seal(world)) == []
    world.clock.advance(timedelta(minutes=1))
    assert [each.window for each in spans(requests(seal(world)))] == [Window(LAST_ENDED, LAST_ENDED + HOUR)]


def test_a_failed_hour_is_read_again_after_an_hour_and_not_before(world: World) -> None:
    world.record("alpha", ['{"at": 110000, "text": 7}'], channel_id=1)
    read_everything(world)

    assert requests(seal(world)) == []
    world.clock.advance(timedelta(hours=1, minutes=1))
    world = with_settings(world, recovery_catchup_chunk_hours=12)

    assert START in [each.window.since for each in spans(requests(seal(world)))]


def test_an_hour_is_looked_at_again_when_late_changes_are_to_be_expected(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    world.clock.now = LAST_ENDED + timedelta(minutes=10)
    with world.services.database.connection() as connection:
        connection.execute(
            "UPDATE channel_hours SET reread_at = %s WHERE hour = %s", [world.clock.now, LAST_ENDED - HOUR]
        )

    assert [each.window.since for each in spans(requests(seal(world)))] == [LAST_ENDED - HOUR]


def test_a_rectangle_whose_run_failed_is_not_asked_for_again_at_once(world: World) -> None:
    """A source may be away for a while: a run every half minute would only fill the list of runs."""
    world = with_telegram(world, channel("alpha", 1, error=TransientError("t.me/alpha: gone")), since=START)
    first = requests(seal(world))
    (ended,) = carry_out(world, first)
    (again,) = spans(first)

    world.clock.now = datetime.now(UTC)
    at_once = sensor.READ.requests(world.services, world.instance, [again])
    world.clock.advance(timedelta(minutes=6))
    (later,) = sensor.READ.requests(world.services, world.instance, [again])

    assert not ended.success
    assert at_once == []
    assert later.tags == first[0].tags
    assert later.run_key != first[0].run_key


def test_telegram_that_cannot_be_read_is_named_and_recordings_are_read(world: World) -> None:
    world.record("zulu", [post(6.5)], channel_id=9)
    world.publish()
    world = with_telegram(world, channel("alpha", 1), since=START, obstacle="session x is parked: revoked")

    found = requests(seal(world))
    carry_out(world, found)

    assert {each.first_channel for each in spans(found)} == {"t.me/zulu"}
    assert skipped(seal(world)) == (
        "No hour that just ended is due. Telegram is not read: session x is parked: revoked."
    )


def being_backfilled(world: World, tags: Mapping[str, str]) -> World:
    """Return a world in which a run with these tags reads beta, and nobody reads alpha."""
    world = with_telegram(world, channel("alpha", 1), channel("beta", 2), since=START, holder="host:7")
    taken = Rectangle(first_channel="t.me/beta", last_channel="t.me/beta", window=Window(START, LAST_ENDED))
    note_run(world, COLLECT_JOB, dg.DagsterRunStatus.STARTED, {**range_tags(taken), **tags})
    return world


def test_hours_that_just_ended_take_their_turn_behind_a_run_that_reads_now_and_only_once(
    world: World,
) -> None:
    """More runs of a person's backfill wait already: this one has to come before them."""
    world = being_backfilled(world, {"dagster/backfill": "x"})

    (request,) = requests(seal(world))
    note_run(world, COLLECT_JOB, dg.DagsterRunStatus.NOT_STARTED, request.tags)

    (rectangle,) = spans([request])
    assert (rectangle.first_channel, rectangle.window) == ("t.me/alpha", Window(START, LAST_ENDED))
    assert int(request.tags["dagster/priority"]) > 0
    assert requests(seal(world)) == []


def test_no_run_is_asked_for_while_a_command_line_keeps_the_session(world: World) -> None:
    """It takes no turns: a run would wait for a while, and fail."""
    world = being_backfilled(world, {PROCESS_TAG: own_identity()})

    assert skipped(seal(world)).endswith("Telegram is not read: session x is used by host:7.")


def test_very_many_hours_stored_without_dagster_are_reported_by_a_run_that_reads_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor, "REPORTED_AT_ONCE", 2)
    world = with_settings(world, recovery_catchup_chunk_hours=1)
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL WHERE hour < %s", [NOW - 2 * HOUR])

    (request,) = requests(seal(world))

    assert config(request)["read"] is False
    assert [each.success for each in carry_out(world, [request])] == [True]
    assert requests(seal(world)) == []


def test_a_few_hours_stored_without_dagster_are_left_to_the_tail_sensor(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL")

    assert requests(seal(world)) == []


def test_a_channel_without_a_source_is_named_and_stops_no_other(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    listed = with_settings(world, channel_list="t.me/alpha, @Ghosts")

    result = seal(listed)

    (added,) = result.dynamic_partitions_requests or ()
    assert list(added.partition_keys) == ["t.me/alpha"]
    assert len(requests(result)) == 1


def test_a_list_that_cannot_be_read_is_named_and_known_channels_go_on(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    listed = with_settings(world, channel_list="t.me/alpha,t.me/+invite")

    found = requests(seal(listed))
    carry_out(world, found)

    assert {each.first_channel for each in spans(found)} == {"t.me/alpha"}
    assert skipped(seal(listed)).startswith(
        "No hour that just ended is due. New channels were not looked up: 't.me/+invite': is an invite link"
    )


def test_nothing_is_sealed_while_the_raw_log_is_switched_off(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    off = with_settings(world, supabase_raw_enabled=False)
    assert skipped(tick(off, sensor.seal_sensor(settings=off.services.settings))) == RAW_OFF
