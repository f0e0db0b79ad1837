"""promote, rollback, version and prune: what they refuse, what they change, what they say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import Result
from pyarrow import parquet

from tutordex_dagster.definitions import build
from tutordex_dagster.errors import TransientError
from tutordex_dagster.operations import promotion
from tutordex_dagster.resources.promotion import Change, Rows
from tutordex_dagster.resources.services import Services
from tutordex_dagster.settings import PROJECT, load_settings

Command = Callable[..., Result]
Posts = Callable[[int], datetime]

ENQUEUE = ("enqueue", "--version", "rules-strict")
DRAIN = ("drain", "--version", "rules-strict", "--oneshot")


GOLD = """
agency: One
posts:
- post: "Code: G100"
  expected: {kind: assignment, segments: [{assignment_code: G100}]}
"""
"""A labelled post on which both versions score alike."""


@pytest.fixture
def drained(tutordex: Command, posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command on a database where the live version shows five posts."""
    gold = tmp_path / "gold.yaml"
    gold.write_text(GOLD)
    monkeypatch.setenv("TUTORDEX_GOLD", str(gold))
    monkeypatch.setattr(promotion, "FRESH", timedelta(0))
    posts(5)
    tutordex("drain", "--oneshot")
    return tutordex


@pytest.fixture
def obsolete(drained: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command where rules-strict has extracted everything and follows new posts no more."""
    folder = tmp_path / "pipelines"
    folder.mkdir()
    for file in (PROJECT / "pipelines").glob("*.yaml"):
        (folder / file.name).write_text(file.read_text().replace("shadow: true", "shadow: false"))
    monkeypatch.setenv("TUTORDEX_PIPELINES", str(folder))
    drained(*ENQUEUE)
    drained(*DRAIN)
    return drained


def test_an_incomplete_version_is_refused_with_the_numbers(drained: Command, services: Services) -> None:
    drained(*ENQUEUE, "--max-messages", "2")
    result = drained("promote", "rules-strict", exit_code=1)
    assert "rules-strict: 5 of 5 messages are not extracted (3 missing, 2 waiting, 0 failed" in result.stdout
    assert "rules-strict is not promoted" in result.stderr
    assert services.live.name == "rules"


def test_a_version_that_reads_the_labelled_posts_worse_is_refused_with_the_scores(
    drained: Command, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    drained(*ENQUEUE)
    drained(*DRAIN)
    monkeypatch.setenv("TUTORDEX_GOLD", str(PROJECT / "tests/data/gold"))
    result = drained("promote", "rules-strict", exit_code=1)
    assert "'rules-strict': mean dropped by " in result.stdout
    assert "against the live version 'rules'" in result.stdout
    assert services.live.name == "rules"


def test_a_dry_run_says_what_would_change_and_shows_nothing_yet(drained: Command, services: Services) -> None:
    drained(*ENQUEUE)
    drained(*DRAIN)
    result = drained("promote", "rules-strict", "--dry-run")
    assert "rules-strict against what is shown: 0 added, 0 gone" in result.stdout
    assert "changed by field: " in result.stdout
    assert " segment 0:" in result.stdout
    assert services.live.name == "rules"
    assert services.promotions.history() == []


def test_a_promotion_is_seen_at_once_and_taken_back_by_a_rollback(
    drained: Command, services: Services
) -> None:
    drained(*ENQUEUE)
    drained(*DRAIN)
    assert "rules-strict is live, after rules" in drained("promote", "rules-strict").stdout
    assert services.live.name == "rules-strict"
    assert services.enqueue_for("live")[0].version == "rules-strict"
    assert "always" not in drained("version", "list").stdout
    assert "rules is live, after rules-strict" in drained("rollback").stdout
    assert services.live.name == "rules"
    refused = drained("rollback", exit_code=2)
    assert "rules: was not promoted, so nothing was before it" in refused.stderr
    assert [entry.action for entry in services.promotions.history()] == ["rollback", "promote"]


def test_anyway_promotes_an_incomplete_version_and_keeps_what_it_has_not_read(
    drained: Command, services: Services
) -> None:
    assert "5 rows kept from before" in drained("promote", "rules-strict", "--anyway").stdout
    assert services.assignments.stats().open == 5


def test_only_posts_of_the_window_have_to_be_extracted(drained: Command, services: Services) -> None:
    since = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    drained("promote", "rules-strict", "--since", since)
    assert services.live.name == "rules-strict"


def test_a_version_whose_fingerprint_changed_is_refused(drained: Command, services: Services) -> None:
    drained(*ENQUEUE)
    services.database.execute(
        "UPDATE pipeline_versions SET fingerprint = 'another' WHERE name = 'rules-strict'", {}
    )
    result = drained("promote", "rules-strict", exit_code=2)
    assert "is registered with fingerprint another" in result.stderr


def test_the_setting_no_longer_moves_the_live_version_and_the_doctor_says_so(
    drained: Command, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRACTION_PIPELINE_VERSION", "rules-strict")
    assert services.live.name == "rules"
    assert "is rules, while EXTRACTION_PIPELINE_VERSION" in drained("doctor").stdout.replace("\n", " ")


def test_the_first_versions_file_may_go_once_another_version_is_live(
    obsolete: Command, services: Services
) -> None:
    """Only an empty database asks for `rules`: neither a command nor the code location does later on."""
    obsolete("promote", "rules-strict")
    obsolete("prune", "rules", "--yes")
    (load_settings().tutordex_pipelines / "rules.yaml").unlink()
    assert services.live.name == "rules-strict"
    obsolete("status")
    obsolete("drain", "--oneshot")
    assert "ok   live version     rules-strict" in obsolete("doctor").stdout
    dg.Definitions.validate_loadable(build(load_settings()))


def test_a_live_version_without_a_file_is_named_by_the_doctor(obsolete: Command, services: Services) -> None:
    (load_settings().tutordex_pipelines / "rules.yaml").unlink()
    assert services.assignments.live_version() == "rules"
    said = obsolete("doctor", exit_code=1).stdout
    assert "fail live version     'rules': is no pipeline version" in said
    assert "database" in said


def test_a_new_version_gets_a_name_and_the_next_steps(drained: Command, services: Services) -> None:
    services.versions.register("2100-01-01__later", "0" * 64, {})
    today = datetime.now(UTC).date()
    said = drained("version", "new", "--note", "prompt v4")
    assert "sorts before 2100-01-01__later" in said.stderr
    name, *steps = said.stdout.splitlines()
    assert name in {f"{day.isoformat()}__prompt-v4" for day in (today, today + timedelta(days=1))}
    assert f"to {name}.yaml" in steps[0]


def test_pruning_shows_first_and_exports_what_it_deletes(
    obsolete: Command, services: Services, tmp_path: Path
) -> None:
    shown = obsolete("prune", "rules-strict").stdout
    assert shown.startswith("rules-strict: 5 extractions (0 held by workers) and 0 projected rows would be")
    assert services.queue.backlog() != []

    done = obsolete("prune", "rules-strict", "--yes", "--into", str(tmp_path)).stdout
    assert done.startswith("rules-strict: 5 extractions are in ")
    (file,) = tmp_path.glob("*.parquet")
    kept = parquet.read_table(file)
    assert kept.num_rows == 5
    assert set(kept["status"].to_pylist()) == {"ok"}
    assert kept.schema.metadata[b"timezone"] == b"UTC"
    assert [row.version for row in services.queue.backlog()] == ["rules"]
    assert services.database.value("SELECT detail->>'export' FROM audit", {}) == str(file)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("rules", "is the live version"),
        ("rules-strict", "follows new posts as a shadow"),
        ("nobody", "has no results here"),
    ],
)
def test_what_must_not_be_pruned_is_refused(drained: Command, version: str, reason: str) -> None:
    drained(*ENQUEUE)
    assert reason in drained("prune", version, "--yes", exit_code=2).stderr


def test_a_rollback_does_not_undo_a_promotion_made_meanwhile(drained: Command, services: Services) -> None:
    drained(*ENQUEUE)
    drained(*DRAIN)
    drained("promote", "rules-strict")

    @contextmanager
    def building(_: str) -> Iterator[Rows]:
        services.promotions.switch(
            "third", live="rules-strict", after=0, action="promote", actor="somebody", fingerprint="f"
        )
        yield lambda _: None

    change = Change(services=services, actor="me", say=lambda _: None, building=building)
    with pytest.raises(TransientError, match="rules was judged against rules-strict, but third has become"):
        change.roll_back()
    assert services.assignments.begin_with("rules") == "third"


def test_a_rollback_to_a_version_that_was_pruned_is_refused(obsolete: Command, services: Services) -> None:
    obsolete("promote", "rules-strict")
    warning = "rules was live before rules-strict: without its extractions, `tutordex rollback` is refused"
    assert warning in obsolete("prune", "rules").stderr
    assert warning in obsolete("prune", "rules", "--yes").stderr
    refused = obsolete("rollback", exit_code=2)
    assert "rules: has read nothing, so there is nothing to go back to; tutordex enqueue" in refused.stderr
    assert services.live.name == "rules-strict"
    assert services.assignments.stats().open == 5
    obsolete("enqueue", "--version", "rules")
    obsolete("drain", "--version", "rules", "--oneshot")
    assert "rules is live, after rules-strict: nothing kept" in obsolete("rollback").stdout
    assert "was live before" not in obsolete("prune", "rules-strict").stderr


def test_an_export_that_cannot_be_written_deletes_nothing(
    obsolete: Command, services: Services, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    refused = obsolete("prune", "rules-strict", "--yes", "--into", str(tmp_path / "file" / "x"), exit_code=2)
    assert "cannot be written" in refused.stderr
    assert services.pruning.count("rules-strict").extractions == 5
