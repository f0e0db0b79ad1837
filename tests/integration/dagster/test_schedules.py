"""What runs by the clock."""

from tests.integration.dagster.world import START, World, post
from tutordex_dagster.assets.keys import ASSIGNMENTS, NIGHTLY_JOB, RAW_MESSAGES
from tutordex_dagster.windows import HOUR


def test_the_night_projects_and_runs_every_check_and_reads_nothing(world: World) -> None:
    world.record("alpha", [post(6.5, "A1"), post(7.5, "A2")], channel_id=1)
    world.publish()
    world.backfill(hours=2)
    read_before = world.events(RAW_MESSAGES).keys()

    result = world.run(NIGHTLY_JOB)

    assert result.success
    assert len(result.get_asset_check_evaluations()) == 3 + 3 * len(world.services.pipelines) + 2
    assert all(each.passed for each in result.get_asset_check_evaluations())
    assert result.get_asset_materialization_events() == []
    assert world.events(RAW_MESSAGES).keys() == read_before
    newest = world.instance.fetch_materializations(ASSIGNMENTS, limit=1).records[0]
    assert newest.run_id == result.run_id


def test_the_night_names_what_is_wrong_with_hours_that_no_run_touched(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    world.backfill(hours=4)
    with world.services.database.connection() as connection:
        connection.execute("DELETE FROM channel_hours WHERE hour = %s", [START + HOUR])

    result = world.run(NIGHTLY_JOB)

    failed = {
        (each.asset_key, each.check_name) for each in result.get_asset_check_evaluations() if not each.passed
    }
    assert failed == {(RAW_MESSAGES, "coverage")}
