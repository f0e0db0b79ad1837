"""Scores on the gold set: made by themselves on every change of a version, and a drop does not pass."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from tests.integration.dagster.ticks import skipped, tick
from tests.integration.dagster.world import World
from tutordex_dagster.assets.keys import QUALITY_JOB, quality_key
from tutordex_dagster.comparison.promotion import promotion_obstacles
from tutordex_dagster.comparison.scoring import FieldScore, ScoreCard
from tutordex_dagster.extraction.gold import load_gold
from tutordex_dagster.extraction.llm import REVISION
from tutordex_dagster.extraction.versions import fingerprint
from tutordex_dagster.resources.services import services_on
from tutordex_dagster.sensors.quality import quality_sensor

GOLD = """
agency: Someone
posts:
- post: |-
    Code: AB123
    P5 Maths @ Bishan
    Rate: $40/hr
  expected:
    kind: assignment
    segments:
    - assignment_code: AB123
      academic_display_text: P5 Maths
      address: [Bishan]
      rate: {min: 40, max: 40, raw_text: $40/hr}
- post: Good morning, everybody
  expected: {reason: other}
"""


@pytest.fixture
def scoring(world: World, tmp_path: Path) -> World:
    """Give a world with a small gold set and one version of rules."""
    (tmp_path / "gold.yaml").write_text(GOLD)
    (tmp_path / "pipelines").mkdir()
    return with_version(world, tmp_path, estimated_slots=True)


def with_version(world: World, folder: Path, **parameters: bool) -> World:
    """Return the world as it is after a deployment that brings these parameters."""
    rules = yaml.safe_load(Path("pipelines/rules.yaml").read_text(encoding="utf-8"))
    content = {**rules, "parameters": {**rules["parameters"], **parameters}}
    (folder / "pipelines" / "rules.yaml").write_text(yaml.safe_dump(content))
    settings = world.services.settings.model_copy(
        update={"tutordex_gold": folder / "gold.yaml", "tutordex_pipelines": folder / "pipelines"}
    )
    services = services_on(world.services.database, settings, clock=world.clock)
    return replace(world, services=services)


def look(world: World) -> Any:  # noqa: ANN401 - what a sensor may return
    return tick(world, quality_sensor)


def carry_out(world: World, result: Any) -> dg.ExecuteInProcessResult:  # noqa: ANN401 - as above
    world.clock.advance(timedelta(minutes=1))
    return world.run(QUALITY_JOB, asset_selection=result.asset_selection)


def cards(world: World) -> list[ScoreCard]:
    gold = load_gold(world.services.settings.tutordex_gold)
    return world.services.scores.cards({"rules", "better"}, gold=gold.digest)


def test_a_version_is_scored_by_itself_once_and_again_when_its_code_version_changes(
    scoring: World, tmp_path: Path
) -> None:
    first, again = look(scoring), look(scoring)
    assert first.run_key == again.run_key
    assert carry_out(scoring, first).success
    assert skipped(look(scoring)) == "Every version that can be asked is scored as it is now."

    changed = with_version(scoring, tmp_path, estimated_slots=False)
    assert carry_out(changed, look(changed)).success

    assert skipped(look(changed)) == "Every version that can be asked is scored as it is now."
    found = [card.fingerprint for card in cards(changed)]
    assert found == [fingerprint(scoring.services.live), fingerprint(changed.services.live)]


def test_several_versions_are_scored_in_one_run_and_the_rest_is_asked_for_alone(world: World) -> None:
    due = look(world)
    assert due.asset_selection == [quality_key(spec) for spec in world.services.pipelines]
    assert int(due.tags["dagster/priority"]) < 0
    world.run(QUALITY_JOB, asset_selection=due.asset_selection[:1])
    rest = look(world)
    assert rest.asset_selection == due.asset_selection[1:]
    assert rest.run_key != due.run_key


def test_rules_are_scored_again_on_a_changed_gold_set(scoring: World, tmp_path: Path) -> None:
    carry_out(scoring, look(scoring))
    (tmp_path / "gold.yaml").write_text(GOLD.replace("reason: other", "reason: promo"))
    assert carry_out(scoring, look(scoring)).success
    assert len(cards(scoring)) == 1


def test_the_event_shows_the_scores_as_a_table_and_a_plot(scoring: World) -> None:
    result = carry_out(scoring, look(scoring))
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["posts"].value == 2
    table = str(metadata["fields"].value)
    assert "| assignment_code | 100.0 |" in table
    assert "| Someone | 2 |" in str(metadata["agencies"].value)
    assert "svg+xml" in str(metadata["score_by_field"].value)
    (verdict,) = result.get_asset_check_evaluations()
    assert verdict.passed
    assert str(verdict.description).endswith("there is nothing to compare it with yet")


def test_a_drop_of_the_live_version_is_an_error_that_names_the_field_and_blocks_its_promotion(
    scoring: World, tmp_path: Path
) -> None:
    carry_out(scoring, look(scoring))
    changed = with_version(scoring, tmp_path, labelled_only=True)
    result = carry_out(changed, look(changed))

    (verdict,) = result.get_asset_check_evaluations()
    assert not verdict.passed
    assert verdict.severity == dg.AssetCheckSeverity.ERROR
    assert "academic_display_text dropped by 100.0 points (100.0 to 0.0)" in str(verdict.description)
    assert obstacles(changed) != []


def test_a_version_that_reads_as_well_as_before_may_be_promoted(scoring: World) -> None:
    (told,) = obstacles(scoring)
    assert told.startswith(
        "'rules' as it is now has no score on this gold set; materialize its quality asset"
    )
    carry_out(scoring, look(scoring))
    assert obstacles(scoring) == []


def obstacles(world: World) -> list[str]:
    live = world.services.live
    gold = load_gold(world.services.settings.tutordex_gold).digest
    return promotion_obstacles(
        cards(world), version=live.name, fingerprint=fingerprint(live), gold=gold, live=live.name
    )


def test_a_gold_set_that_cannot_be_read_is_named_by_the_sensor(scoring: World, tmp_path: Path) -> None:
    (tmp_path / "gold.yaml").write_text("agency: [")
    assert "gold.yaml: is not YAML" in skipped(look(scoring))


def test_another_version_is_held_against_the_live_one_and_only_warns(scoring: World, tmp_path: Path) -> None:
    gold = load_gold(tmp_path / "gold.yaml").digest
    perfect = FieldScore(field="subjects", score=1, labelled=1, found=1, wrong=0, missing=0, invented=0)
    scoring.services.scores.add(
        ScoreCard(
            version="better",
            fingerprint="f",
            gold=gold,
            scored_at=scoring.clock() - timedelta(days=1),
            posts=2,
            fields=(perfect,),
        )
    )
    rules = yaml.safe_load((tmp_path / "pipelines" / "rules.yaml").read_text())
    (tmp_path / "pipelines" / "better.yaml").write_text(yaml.safe_dump({**rules, "name": "better"}))
    settings = scoring.services.settings.model_copy(update={"extraction_pipeline_version": "better"})
    other = replace(scoring, services=services_on(scoring.services.database, settings, clock=scoring.clock))
    result = other.run(QUALITY_JOB, asset_selection=[dg.AssetKey(["extraction_quality", "rules"])])
    (verdict,) = result.get_asset_check_evaluations()
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "'better' of" in str(verdict.description)


def test_a_model_without_a_server_is_not_asked_for_and_by_hand_it_says_what_is_missing(
    scoring: World, tmp_path: Path
) -> None:
    version = {"name": "model", "extractor": "llm", "revision": REVISION, "description": "d"}
    (tmp_path / "pipelines" / "model.yaml").write_text(yaml.safe_dump(version))
    both = with_version(scoring, tmp_path)
    model, rules = both.services.pipelines

    assert look(both).asset_selection == [quality_key(rules)]
    result = both.run(QUALITY_JOB, asset_selection=[quality_key(model)])

    assert not result.success
    (failed,) = [event for event in result.all_node_events if event.is_step_failure]
    assert "model was not scored, earlier scores stand" in str(failed.step_failure_data.user_failure_data)
    assert not both.services.scores.scored()
