"""An experiment as an asset: it extracts what is missing, compares, and shows the findings in the UI."""

import dagster as dg
import pytest

from tests.integration.dagster.world import World, post

EXPERIMENT = dg.AssetKey(["comparisons", "rules_vs_strict"])
PAIR = "rules_vs_rules-strict"


@pytest.fixture
def collected(world: World) -> World:
    world.record("alpha", [post(6.5, "A1"), post(7.5, "A2")], channel_id=1)
    world.record("beta", [post(8.5, "B1"), {"at": post(8.6)["at"], "text": "Good morning!"}], channel_id=2)
    world.publish()
    world.backfill()
    return world


def materialize(world: World, *, extract: bool) -> dg.ExecuteInProcessResult:
    ops = {EXPERIMENT.to_python_identifier(): {"config": {"extract": extract}}}
    return world.run("__ASSET_JOB", asset_selection=[EXPERIMENT], run_config={"ops": ops})


def test_the_findings_are_on_the_assets_page_and_other_assets_stay_as_they_are(collected: World) -> None:
    assignments = collected.rows("SELECT * FROM assignments ORDER BY channel_id, message_id")
    assert materialize(collected, extract=True).success

    metadata = collected.events(EXPERIMENT)[None].metadata
    assert metadata["posts"].value == 4
    assert str(metadata[f"{PAIR}_verdict"].value).startswith("No labels")
    assert "| field | A filled |" in str(metadata[f"{PAIR}_fields"].value)
    assert str(metadata[f"{PAIR}_plot"].value).startswith("![B minus A](data:image/svg+xml;base64,")
    assert collected.rows("SELECT * FROM assignments ORDER BY channel_id, message_id") == assignments
    folder = collected.services.settings.tutordex_home / "comparisons" / "rules-vs-strict" / PAIR
    assert (folder / "report.html").is_file()


def test_comparing_alone_extracts_nothing(collected: World) -> None:
    collected.backfill(hours=2, versions=("rules-strict",), assignments=False)
    before = collected.rows("SELECT count(*) FROM telegram_extractions")
    assert materialize(collected, extract=False).success
    assert collected.rows("SELECT count(*) FROM telegram_extractions") == before
    fields = str(collected.events(EXPERIMENT)[None].metadata[f"{PAIR}_fields"].value)
    assert "2 posts are not finished by both versions" in fields
