"""What the doctor makes of what it sees."""

from pathlib import Path

import pytest

from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.operations.doctor import (
    GIB,
    Finding,
    Level,
    attempt,
    disk,
    lanes,
    migrations,
    ok,
    variables,
)


@pytest.mark.parametrize(
    ("free", "level"), [(GIB - 1, "fail"), (GIB, "warn"), (5 * GIB - 1, "warn"), (5 * GIB, "ok")]
)
def test_little_space_is_a_warning_and_hardly_any_is_a_failure(free: int, level: Level) -> None:
    finding = disk(Path("/data"), free)
    assert finding.level == level
    assert "GiB free at /data" in finding.detail
    assert bool(finding.next_step) == (level != "ok")


def test_an_unknown_variable_is_a_warning_that_names_it() -> None:
    assert variables(()).level == "ok"
    assert variables(("TUTORDEX_HOEM",)) == Finding(
        subject="settings",
        level="warn",
        detail="unknown: TUTORDEX_HOEM",
        next_step="correct the spelling (docs/configuration.md)",
    )


def test_a_database_that_is_not_migrated_is_a_failure() -> None:
    assert migrations([]).level == "ok"
    finding = migrations(["migration 0001_initial is not applied; run `tutordex db migrate`"])
    assert (finding.level, finding.next_step) == ("fail", "run `tutordex db migrate`")


def test_an_error_of_ours_becomes_a_failure_and_the_next_looks_still_happen() -> None:
    def unusable() -> Finding:
        raise UsageError("pipelines", "holds no version", "add one")

    def unreadable() -> Finding:
        raise PermanentError("a.jsonl: no header; start it with one")

    assert attempt("pipelines", unusable) == Finding(
        subject="pipelines", level="fail", detail="pipelines: holds no version", next_step="add one"
    )
    assert attempt("recordings", unreadable).next_step == "start it with one"
    assert attempt("disk", lambda: ok("disk", "enough")) == ok("disk", "enough")


def test_what_the_operating_system_refuses_becomes_a_failure_too(tmp_path: Path) -> None:
    def unreadable() -> Finding:
        return ok("database", (tmp_path / "none").read_text(encoding="utf-8"))

    finding = attempt("database", unreadable)
    assert (finding.level, finding.detail) == ("fail", f"{tmp_path}/none: No such file or directory")


def test_a_paused_version_is_a_warning_and_a_stopped_one_a_failure_and_the_rest_is_not_mentioned() -> None:
    paused, stopped = lanes(
        {"llm:c": ("closed", "-"), "llm:b": ("stopped", "401"), "llm:a": ("open", "no answer")}
    )
    assert (paused.level, paused.subject, paused.detail) == ("warn", "llm:a", "is paused: no answer")
    assert (stopped.level, stopped.next_step) == ("fail", "put it right, then: tutordex breaker reset llm:b")
