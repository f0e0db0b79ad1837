"""The drain job: due work from wherever it is, reported exactly where it was."""

from datetime import datetime, timedelta

import dagster as dg
import pytest

from tests.integration.dagster.world import NOW, START, World, post, tags
from tutordex_dagster import runs
from tutordex_dagster.assets import events
from tutordex_dagster.assets.keys import ASSIGNMENTS, DRAIN_JOB, RAW_MESSAGES
from tutordex_dagster.capture.sweep import sweep
from tutordex_dagster.partitions import partition_key
from tutordex_dagster.windows import HOUR, Window

RULES = dg.AssetKey(["extractions", "rules"])


def collect(world: World, since: datetime) -> None:
    """Read a channel from an instant until now, as a source that is no run of ours would."""
    services = world.services
    for channel in services.channels.all():
        sweep(
            services.source_for(channel),
            Window(since, NOW),
            log=services.raw_log,
            clock=world.clock,
            enqueue=services.enqueue_for("live"),
            lag=timedelta(0),
        )


def drain(world: World, version: str = "rules", **config: int) -> dg.ExecuteInProcessResult:
    ops = {"drain_due": {"config": {"version": version, **config}}}
    return world.run(DRAIN_JOB, run_config={"ops": ops})


def test_exactly_the_touched_partitions_are_reported_and_assignments_follow_in_the_same_run(
    world: World,
) -> None:
    world.record("alpha", [post(4.5, "OLD"), post(6.5), post(9.5)], channel_id=1)
    world.publish()
    collect(world, START - 6 * HOUR)

    assert drain(world).success

    assert set(world.events(RULES)) == {partition_key("t.me/alpha", START + hours * HOUR) for hours in (0, 3)}
    assert world.rows("SELECT count(*) FROM assignments") == [(3,)]
    assert world.events(ASSIGNMENTS)[None].metadata["open"].value == 3
    assert world.events(RAW_MESSAGES) == {}


def test_a_shadow_version_touches_neither_assignments_nor_other_versions(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    collect(world, START)

    assert drain(world, "rules-strict").success

    assert world.rows("SELECT count(*) FROM assignments") == [(0,)]
    assert world.rows("SELECT status::text FROM telegram_extractions WHERE pipeline_version = 'rules'") == [
        ("pending",)
    ]
    assert world.events(RULES) == {}


def test_a_run_stops_after_its_jobs_and_the_next_one_goes_on(world: World) -> None:
    world.record("alpha", [post(6.1), post(6.2), post(6.3)], channel_id=1)
    world.publish()
    collect(world, START)

    drain(world, max_jobs=2)
    unfinished = world.events(RULES)
    drain(world)

    assert unfinished == {}, "an hour with waiting messages is not done"
    assert world.events(RULES)[partition_key("t.me/alpha", START)].metadata["ok"].value == 3


def test_the_command_line_reports_what_it_drained_outside_of_any_run(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()

    told = runs.report_extractions(world.instance, world.services, {"rules": {(1, START), (1, START - HOUR)}})

    assert told == 1
    assert world.colours(RULES) == {partition_key("t.me/alpha", START): "MATERIALIZED"}


@pytest.mark.parametrize("bulk", [True, False])
def test_events_are_the_same_whether_dagster_takes_them_in_bulk_or_not(
    world: World, monkeypatch: pytest.MonkeyPatch, *, bulk: bool
) -> None:
    monkeypatch.setattr(events, "BULK", bulk)
    world.record("alpha", [post(6.5), post(7.5)], channel_id=1)
    world.publish()

    world.backfill(hours=2)
    runs.report_extractions(world.instance, world.services, {"rules": {(1, START)}})

    assert world.colours(RAW_MESSAGES) == world.colours(RULES)
    assert set(world.colours(RULES).values()) == {"MATERIALIZED"}
    records = world.instance.fetch_materializations(RULES, limit=10).records
    assert len(records) == 3
    assert {bool(record.run_id) for record in records} == {True, False}
    assert all(tags(event)["dagster/data_version"] for event in world.events(RULES).values())
