"""The extract sensors: nothing due, due, in flight, failed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from tests.integration.dagster.ticks import note_run, read_everything, tick, with_settings
from tests.integration.dagster.world import World, post
from tutordex_dagster.assets.drain import VERSION_TAG
from tutordex_dagster.assets.keys import DRAIN_JOB
from tutordex_dagster.queue.contract import Finished, Job
from tutordex_dagster.sensors.extract import extract_sensor


def run_job(job: Job) -> Finished:
    result = b'{"kind": "assignment", "segments": [{"assignment_code": "A1"}]}'
    return Finished(job=job, status="ok", result=result)


def extract(world: World, version: str = "rules") -> Any:  # noqa: ANN401 - what a sensor may return
    return tick(world, extract_sensor(spec=world.services.pipeline(version)))


def test_without_due_work_the_extract_sensor_says_so(world: World) -> None:
    assert extract(world).skip_message == "rules: nothing is due."


def test_due_work_becomes_one_run_and_a_repeated_tick_asks_for_the_same_one(world: World) -> None:
    world.record("alpha", [post(6.5), post(7.5)], channel_id=1)
    read_everything(world)

    first, again = extract(world), extract(world)

    assert first.tags[VERSION_TAG] == "rules"
    assert first.run_key == again.run_key
    assert len(first.run_key) == 32
    assert world.run(DRAIN_JOB, run_config=first.run_config, tags=first.tags).success
    assert extract(world).skip_message == "rules: nothing is due."


def test_ends_that_nobody_projected_become_a_run_that_does(world: World) -> None:
    """Lost otherwise: what a run extracted that died before it brought `assignments` up to date."""
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    (job,) = world.services.queue.claim("rules", limit=9)
    world.services.queue.finish([run_job(job)])

    request = extract(world)

    assert world.run(DRAIN_JOB, run_config=request.run_config, tags=request.tags).success
    assert world.rows("SELECT assignment_code FROM assignments") == [("A1",)]
    assert extract(world).skip_message == "rules: nothing is due."


def test_another_version_becomes_live_for_the_next_tick(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    world.services.promotions.switch(
        "rules-strict", live="rules", after=9, action="promote", actor="me", fingerprint="f"
    )

    priorities = [int(extract(world, name).tags["dagster/priority"]) for name in ("rules", "rules-strict")]

    assert priorities[0] < 0 < priorities[1]


def test_the_live_version_starts_before_backfills_and_others_after_them(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)

    priorities = [int(extract(world, name).tags["dagster/priority"]) for name in ("rules", "rules-strict")]

    assert priorities[0] > 0 > priorities[1]


def test_no_second_drain_starts_beside_a_running_one(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    config = {"ops": {"drain_due": {"config": {"version": "rules"}}}}
    run_id = note_run(world, DRAIN_JOB, dg.DagsterRunStatus.STARTED, {VERSION_TAG: "rules"}, config)

    assert extract(world).skip_message == f"rules: run {run_id[:8]} is at it."
    assert isinstance(extract(world, "rules-strict"), dg.RunRequest)


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


def test_nothing_is_extracted_while_that_is_switched_off(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    assert extract(with_settings(world, supabase_enabled=False)).skip_message == (
        "rules: SUPABASE_ENABLED is 0."
    )
