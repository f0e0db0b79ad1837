"""Asset checks on stored rows: what they find, and whom they stop."""

from datetime import timedelta

import dagster as dg

from tests.integration.dagster.world import START, World, post
from tutordex_dagster.assets.keys import NIGHTLY_JOB, PIPELINE_JOB
from tutordex_dagster.capture.grid import Rectangle
from tutordex_dagster.partitions import range_tags
from tutordex_dagster.windows import HOUR, Window


def run_hours(world: World, first: int, last: int) -> dg.ExecuteInProcessResult:
    window = Window(START + first * HOUR, START + (last + 1) * HOUR)
    rectangle = Rectangle(first_channel="t.me/alpha", last_channel="t.me/alpha", window=window)
    return world.run(PIPELINE_JOB, tags=dict(range_tags(rectangle)))


def verdicts(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {
        (each.asset_key.to_user_string(), each.check_name): each
        for each in result.get_asset_check_evaluations()
    }


def test_good_rows_pass_every_check(world: World) -> None:
    world.record("alpha", [post(6.5, "A1"), post(7.5, "A2")], channel_id=1)
    world.publish()
    found = verdicts(run_hours(world, 0, 2))

    assert len(found) == 11
    assert [name for name, verdict in found.items() if not verdict.passed] == []


def test_a_gap_and_a_code_that_is_open_twice_are_named_and_stop_nothing(world: World) -> None:
    world.record("alpha", [post(6.5, "A1"), post(7.5, "A1")], channel_id=1)
    world.publish()
    run_hours(world, 0, 1)
    result = run_hours(world, 4, 4)
    found = verdicts(result)

    assert result.success
    failed = {name: verdict for name, verdict in found.items() if not verdict.passed}
    assert set(failed) == {("raw_messages", "coverage"), ("assignments", "duplicates")}
    assert {verdict.severity for verdict in failed.values()} == {dg.AssetCheckSeverity.WARN}
    assert found["raw_messages", "coverage"].description == "2 hours are missing"
    assert "found" in found["assignments", "duplicates"].metadata


def test_a_result_of_another_shape_keeps_assignments_from_being_updated(world: World) -> None:
    world.record("alpha", [post(6.5), post(7.5)], channel_id=1)
    world.publish()
    run_hours(world, 0, 0)
    with world.services.database.connection() as connection:
        connection.execute("""UPDATE telegram_extractions SET result = '{"kind": "poem", "segments": []}'""")

    result = run_hours(world, 1, 1)

    assert not verdicts(result)["extractions/rules", "schema"].passed
    assert not result.success
    assert world.rows("SELECT count(*) FROM assignments") == [(1,)]


def test_an_open_assignment_of_a_deleted_post_is_named(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    run_hours(world, 0, 0)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE assignments SET message_id = 999")

    verdict = verdicts(run_hours(world, 0, 0))["assignments", "reconciliation"]

    assert not verdict.passed
    assert verdict.severity == dg.AssetCheckSeverity.ERROR


def test_a_message_without_a_job_is_named_by_the_reconciliation_of_its_version(world: World) -> None:
    world.record("alpha", [post(6.5), post(7.5)], channel_id=1)
    world.publish()
    run_hours(world, 0, 1)
    with world.services.database.connection() as connection:
        connection.execute("DELETE FROM telegram_extractions WHERE raw_id = 1")
    world.clock.advance(timedelta(minutes=11))

    found = verdicts(world.run(NIGHTLY_JOB))

    failed = found["extractions/rules", "reconciliation"]
    assert not failed.passed
    assert failed.severity == dg.AssetCheckSeverity.WARN
    assert failed.description == "2 messages: 1 ok, 0 skipped, 0 failed, 0 dead, 0 waiting, 1 missing"
