"""Findings about Telegram: credentials, sessions, gates and channels. Pure judgements, like `doctor`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tutordex_dagster.operations.doctor import Finding, fail, ok, warn
from tutordex_dagster.operations.status import BEATS_MISSED, FORGOTTEN

_PRIVATE = 0o077
"""Rights of others than the owner: a session file has none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """A session as the settings name it and as the table of sessions knows it.

    `role` is tail, recovery or media; `file` and its `mode` are None for a session string of a variable.
    `holder` is set while a process uses it, `environment` (the one it belongs to) since its first use.
    """

    role: str
    fingerprint: str
    file: Path | None = None
    mode: int | None = None
    environment: str | None = None
    holder: str | None = None
    parked_reason: str | None = None


def credentials(*, configured: bool, needed_for: str) -> Finding:
    """Judge whether API id and hash are there; `needed_for` says what asks for them, "" when nothing does."""
    if configured:
        return ok("telegram", "TELEGRAM_API_ID and TELEGRAM_API_HASH are set")
    if not needed_for:
        return ok("telegram", "not set up: recordings and exports only (docs/telegram.md)")
    return fail(
        "telegram",
        f"TELEGRAM_API_ID and TELEGRAM_API_HASH are not set, but {needed_for}",
        "get both at https://my.telegram.org and set them",
    )


def no_session(role: str, variable: str, file: Path) -> Finding:
    """Say that a role has no session."""
    return fail(
        f"session {role}",
        f"{variable} is not set, and {file} does not exist",
        f"log in: tutordex login --session {role}",
    )


def session(facts: SessionFacts, environment: str) -> Finding:
    """Judge a session that is there; the first thing in its way is what counts."""
    subject, login = f"session {facts.role}", f"tutordex login --session {facts.role}"
    if facts.parked_reason:
        detail = f"{facts.fingerprint} is parked: {facts.parked_reason.rstrip('.')}"
        return fail(subject, detail, f"log in anew: {login}")
    if facts.environment not in {None, environment}:
        detail = f"{facts.fingerprint} belongs to environment {facts.environment}, this is {environment}"
        return fail(subject, detail, f"log in for this one: {login}")
    if facts.file and facts.mode is not None and facts.mode & _PRIVATE:
        detail = f"{facts.file} can be read by others (mode {facts.mode & 0o777:o})"
        return warn(subject, detail, f"chmod 600 {facts.file}")
    use = f"used by {facts.holder}" if facts.holder else "free"
    return ok(subject, f"{facts.fingerprint}, {use}")


def switches(*, raw: bool, queue: bool) -> Sequence[Finding]:
    """Judge whether what a backfill reads may be stored, and will be extracted."""
    found = []
    if not raw:
        found.append(fail("raw log", "SUPABASE_RAW_ENABLED is 0, so no backfill may run", "set it to 1"))
    if not queue:
        detail = "EXTRACTION_QUEUE_ENABLED is 0: posts are stored, but nothing is extracted"
        found.append(warn("queue", detail, "set it to 1, or run `tutordex enqueue` later"))
    return found or [ok("switches", "raw posts are stored and enqueued")]


def shared(*, one_session: bool) -> Sequence[Finding]:
    """Warn when following and history take turns with one session."""
    if not one_session:
        return ()
    detail = "history is read through the session that follows, so only while nobody follows"
    return (warn("session recovery", detail, "give it one: tutordex login --session recovery"),)


def gates(breakers: Mapping[str, str], floods: Mapping[str, datetime]) -> Sequence[Finding]:
    """Judge what holds calls back: why breakers are open, by component; until when floods last, by call."""
    closed_again = "it closes by itself once a probe works; `tutordex breaker show` tells when"
    found = [
        warn(f"breaker {component}", reason, closed_again) for component, reason in sorted(breakers.items())
    ]
    found += [
        warn(
            "flood wait", f"no {method} before {until:%Y-%m-%d %H:%M:%S} UTC", "nothing: it goes on by itself"
        )
        for method, until in sorted(floods.items())
    ]
    return found or (ok("calls", "no breaker is open and no flood wait runs"),)


def tail_beat(last: datetime | None, now: datetime, every_seconds: float) -> Sequence[Finding]:
    """Judge the heartbeat of `tutordex tail`; one that is not used here, or not any more, is no fault."""
    if last is None or now - last >= FORGOTTEN:
        return ()
    if now - last <= BEATS_MISSED * timedelta(seconds=every_seconds):
        return (ok("tail", "`tutordex tail` is running"),)
    detail = f"`tutordex tail` was last heard of at {last:%Y-%m-%d %H:%M} UTC; the sensor follows instead"
    return (warn("tail", detail, "start it again, or leave it to the sensor"),)


def channels(problems: Mapping[str, str], *, not_joined: Sequence[str]) -> Sequence[Finding]:
    """Name every channel that cannot be read (why; what to do) and every one that is asked, not pushed."""
    lost = [
        warn(reference, *_split(reason.removeprefix(f"{reference}: ")))
        for reference, reason in sorted(problems.items())
    ]
    slow = [
        warn(reference, "not a member, so it is asked every few seconds", "join it with the account")
        for reference in sorted(set(not_joined) - set(problems))
    ]
    return [*lost, *slow] or [ok("channels", "every listed channel has a source")]


def _split(reason: str) -> tuple[str, str]:
    why, _, next_step = reason.rpartition("; ")
    return (why, next_step) if why else (reason, "read docs/telegram.md")
