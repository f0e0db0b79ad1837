"""Whether a version may become live, what that changes, and what the next one is called."""

from datetime import date

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.versions import NAME_PATTERN
from tutordex_dagster.operations.promotion import (
    changed_fields,
    incomplete,
    next_name,
    order_warning,
    reconciliation,
    summary_lines,
)
from tutordex_dagster.store.promotion import Difference, Differences, Reconciled

TODAY = date(2026, 3, 2)


def counted(reference: str = "t.me/a", **counts: int) -> Reconciled:
    names = ("ok", "skipped", "failed", "dead", "waiting", "missing")
    every = {name: counts.get(name, 0) for name in names}
    return Reconciled(reference=reference, messages=sum(every.values()), **every)


def test_a_version_that_has_everything_meets_no_obstacle() -> None:
    assert incomplete("v2", [counted(ok=8, skipped=2), counted("t.me/b", ok=1)], dead_limit=0.2) == []
    assert incomplete("v2", [], dead_limit=0.2) == []


@pytest.mark.parametrize("lack", ["failed", "waiting", "missing"])
def test_one_message_that_is_not_extracted_is_an_obstacle_with_the_numbers(lack: str) -> None:
    rows = [counted(ok=8), counted("t.me/b", ok=1, **{lack: 2})]
    (line,) = incomplete("v2", rows, dead_limit=0.2)
    assert line.startswith("v2: 2 of 11 messages are not extracted (")
    assert f"2 {lack}" in line
    assert "most in t.me/b" in line
    assert "tutordex enqueue --version v2" in line


def test_dead_messages_are_an_obstacle_above_the_limit_only() -> None:
    assert incomplete("v2", [counted(ok=8, dead=2)], dead_limit=0.2) == []
    (line,) = incomplete("v2", [counted(ok=7, dead=3)], dead_limit=0.2)
    assert line.startswith("v2: 3 of 10 messages are dead, the limit is 20.0%")


def test_the_reconciliation_fails_for_missing_jobs_of_a_version_that_follows() -> None:
    rows = [counted(ok=3, missing=1)]
    assert not reconciliation(rows, followed=True).passed
    found = reconciliation(rows, followed=False)
    assert found.passed
    assert found.summary == "4 messages: 3 ok, 0 skipped, 0 failed, 0 dead, 0 waiting, 1 missing"
    assert found.rows[0]["reference"] == "t.me/a"
    assert reconciliation([counted(ok=3, waiting=1)], followed=True).passed


def test_the_summary_names_the_fields_that_change_most_first() -> None:
    fields = {"rate": 2, "status": 5, "levels": 0}
    found = Differences(added=1, absent=4, kept=3, shared=10, changed=6, fields=fields)
    first, second = summary_lines("v2", found)
    counts, _, kept = first.rpartition(", ")
    assert counts == "v2 against what is shown: 1 added, 1 gone, 6 changed, 4 the same"
    assert kept == "3 kept as they are (v2 has not read their posts)"
    assert second == "changed by field: status 5, rate 2"


def test_a_sample_shows_only_what_differs_and_no_bookkeeping() -> None:
    was = {"rate_min": 30, "levels": ["P5"], "raw_id": 1, "updated_at": "x"}
    now = {"rate_min": 35, "levels": ["P5"], "raw_id": 2, "updated_at": "y"}
    difference = Difference(reference="t.me/a", message_id=1, segment=0, was=was, now=now)
    assert changed_fields(difference) == {"rate_min": (30, 35)}


def test_a_new_name_sorts_by_day_and_says_what_is_new() -> None:
    assert next_name("prompt_v4", TODAY, []) == "2026-03-02__prompt_v4"
    assert next_name(" schema 3, prompt 2 ", TODAY, []) == "2026-03-02__schema-3-prompt-2"


def test_a_taken_name_is_numbered() -> None:
    known = ["2026-03-02__a", "2026-03-02__a-2", "rules"]
    assert next_name("a", TODAY, known) == "2026-03-02__a-3"


def test_a_name_that_would_not_stand_last_is_told() -> None:
    """A day has several versions, and a clock may be wrong: people take the last name for the newest."""
    name = "2026-03-02__prompt"
    assert order_warning(name, ["2026-03-01__z", "2026-03-02__a", "rules", "2027-01-01_x"]) is None
    warned = order_warning(name, ["2026-03-02__schema", "2026-03-02__a", "2026-03-03__a", "rules"])
    assert warned is not None
    assert "2026-03-02__prompt sorts before 2026-03-02__schema and 1 more, and rows and lists" in warned
    assert "__schema, and rows" in str(order_warning(name, ["2026-03-02__schema"]))


def test_a_tenth_version_of_one_note_stands_before_the_second_and_that_is_told() -> None:
    known = ["2026-03-02__a", *(f"2026-03-02__a-{number}" for number in range(2, 10))]
    name = next_name("a", TODAY, known)
    assert name == "2026-03-02__a-10"
    assert "sorts before 2026-03-02__a-2 and 7 more" in str(order_warning(name, known))


def test_a_name_can_always_stand_in_a_pipeline_file() -> None:
    import re

    for note in ("x" * 200, "-a-", "日本 v2", "a/b\\c"):
        assert re.match(NAME_PATTERN, next_name(note, TODAY, []))


@pytest.mark.parametrize("note", ["", "  ", "日本", "--"])
def test_a_note_without_letters_is_refused(note: str) -> None:
    with pytest.raises(UsageError, match="leaves nothing for a name"):
        next_name(note, TODAY, [])
