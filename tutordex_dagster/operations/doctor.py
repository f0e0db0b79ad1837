"""Findings about the state of the house, each with what to do. Pure judgements; the reading is elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tutordex_dagster.errors import TutorDexError, UsageError, plain
from tutordex_dagster.resilience.breaker import BreakerState

Level = Literal["ok", "warn", "fail"]

GIB = 1024**3
DISK_FAIL_BYTES = 1 * GIB
DISK_WARN_BYTES = 5 * GIB
"""A year of fifty busy channels takes about 3 GiB with its extractions and Dagster's events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and the next step if it is not well."""

    subject: str
    level: Level
    detail: str
    next_step: str = ""


def ok(subject: str, detail: str) -> Finding:
    """Say that something is well."""
    return Finding(subject=subject, level="ok", detail=detail)


def warn(subject: str, detail: str, next_step: str) -> Finding:
    """Say that something works but should be looked at."""
    return Finding(subject=subject, level="warn", detail=detail, next_step=next_step)


def fail(subject: str, detail: str, next_step: str) -> Finding:
    """Say that something does not work."""
    return Finding(subject=subject, level="fail", detail=detail, next_step=next_step)


def from_error(subject: str, error: TutorDexError) -> Finding:
    """Turn one of our errors into the finding that something does not work."""
    if isinstance(error, UsageError):
        return fail(subject, f"{error.value}: {error.reason}", error.next_step)
    detail, _, next_step = str(error).rpartition("; ")
    return fail(subject, detail or str(error), next_step)


def attempt(subject: str, look: Callable[[], Finding]) -> Finding:
    """Return what the look finds; an error becomes the finding, so the other looks still happen."""
    try:
        return look()
    except TutorDexError as error:
        return from_error(subject, error)
    except OSError as error:
        return fail(subject, plain(error), "put that right, or set another path")


def variables(unknown: Sequence[str]) -> Finding:
    """Judge variables that carry one of our prefixes and that no setting knows."""
    if not unknown:
        return ok("settings", "all values can be used")
    return warn("settings", f"unknown: {', '.join(unknown)}", "correct the spelling (docs/configuration.md)")


def disk(folder: Path, free_bytes: int) -> Finding:
    """Judge the free space in bytes where the folder is."""
    detail = f"{free_bytes / GIB:.1f} GiB free at {folder}"
    if free_bytes < DISK_FAIL_BYTES:
        return fail("disk", detail, "free some space now: Postgres stops when the disk is full")
    if free_bytes < DISK_WARN_BYTES:
        return warn("disk", detail, "free some space or move TUTORDEX_HOME")
    return ok("disk", detail)


def live_version(live: str, chosen: str) -> Finding:
    """Judge whether commands that name no version work on the live one."""
    if live == chosen:
        return ok("live version", live)
    return warn(
        "live version",
        f"is {live}, while EXTRACTION_PIPELINE_VERSION makes commands work on {chosen}",
        f"tutordex promote {chosen}, or unset it",
    )


def lanes(obstacles: Mapping[str, tuple[BreakerState, str]]) -> Sequence[Finding]:
    """Judge the versions that ask a language model: the state of a lane's breaker and why, by component."""
    return [
        fail(component, f"is stopped: {why}", f"put it right, then: tutordex breaker reset {component}")
        if state == "stopped"
        else warn(component, f"is paused: {why}", "nothing: it goes on by itself once a probe works")
        for component, (state, why) in sorted(obstacles.items())
        if state != "closed"
    ]


def migrations(problems: Sequence[str]) -> Finding:
    """Judge what the database check found: the first problem stands for all."""
    if not problems:
        return ok("database", "reachable and migrated")
    problem, _, next_step = problems[0].rpartition("; ")
    return fail("database", problem, next_step)
