"""Promotion and rollback from the launchpad: the same as the commands, and the asset's page shows it."""

from collections.abc import Mapping

import dagster as dg
import pytest

from tests.integration.dagster.world import World, post
from tutordex_dagster.assets.keys import ASSIGNMENTS, PROMOTE_JOB, ROLLBACK_JOB

ROWS = "SELECT to_jsonb(shown) - 'updated_at' FROM assignments AS shown ORDER BY message_id"


@pytest.fixture
def extracted(world: World) -> World:
    """Give a world where `rules` is live and `rules-strict`, which scores worse, has read the same posts."""
    world.record("alpha", [post(6.5, "A1"), post(7.5, "A2")], channel_id=1)
    world.publish()
    world.backfill(versions=("rules", "rules-strict"))
    return world


def promote(world: World, **config: object) -> dg.ExecuteInProcessResult:
    return world.run(PROMOTE_JOB, run_config={"ops": {"promote_version": {"config": config}}})


def said(metadata: Mapping[str, object]) -> str:
    """Return what a run says of a change, as its page shows it."""
    shown = metadata["said"]
    assert isinstance(shown, dg.TableMetadataValue)
    return "\n".join(str(record.data["line"]) for record in shown.records)


def test_a_refused_promotion_says_why_and_shows_nothing(extracted: World) -> None:
    before = extracted.rows(ROWS)
    result = promote(extracted, version="rules-strict")

    (event,) = result.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure
    assert "rules-strict is not promoted" in str(failure.description)
    assert "'rules-strict': mean dropped by " in said(failure.metadata)
    assert extracted.rows(ROWS) == before


def test_a_promotion_is_on_the_page_of_assignments_and_a_rollback_takes_it_back(extracted: World) -> None:
    before = extracted.rows(ROWS)
    assert promote(extracted, version="rules-strict", anyway=True, dry_run=True).success
    assert extracted.rows(ROWS) == before
    result = promote(extracted, version="rules-strict", anyway=True)

    assert result.success
    assert extracted.services.live.name == "rules-strict"
    assert extracted.events(ASSIGNMENTS)[None].metadata["pipeline_version"].value == "rules-strict"
    (change,) = extracted.services.promotions.history()
    assert change.actor == f"Dagster run {result.run_id}"
    assert extracted.run(ROLLBACK_JOB).success
    assert extracted.rows(ROWS) == before
    assert not extracted.run(ROLLBACK_JOB).success, "nothing was before the first version"
