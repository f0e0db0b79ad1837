"""What the doctor makes of sessions, gates and channels of Telegram."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tutordex_dagster.operations.doctor import Level
from tutordex_dagster.operations.telegram_doctor import (
    SessionFacts,
    channels,
    credentials,
    gates,
    no_session,
    session,
    shared,
    switches,
    tail_beat,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FILE = Path("/home/x/tutordex.session")


@pytest.mark.parametrize(
    ("configured", "needed_for", "level"),
    [
        (True, "", "ok"),
        (True, "t.me/x is listed", "ok"),
        (False, "", "ok"),
        (False, "t.me/x is listed", "fail"),
    ],
)
def test_missing_credentials_matter_only_when_something_needs_them(
    needed_for: str, level: Level, *, configured: bool
) -> None:
    finding = credentials(configured=configured, needed_for=needed_for)
    assert finding.level == level
    assert ("but t.me/x is listed" in finding.detail) == (level == "fail")
    assert ("my.telegram.org" in finding.next_step) == (level == "fail")


def test_a_missing_session_names_the_variable_the_file_and_the_login() -> None:
    finding = no_session("recovery", "SESSION_STRING_RECOVERY", FILE)
    assert finding.level == "fail"
    assert finding.detail == f"SESSION_STRING_RECOVERY is not set, and {FILE} does not exist"
    assert finding.next_step == "log in: tutordex login --session recovery"


@pytest.mark.parametrize(
    ("facts", "level", "said"),
    [
        ({}, "ok", "0123456789ab, free"),
        ({"file": FILE, "mode": 0o100600}, "ok", "free"),
        ({"holder": "host:42"}, "ok", "0123456789ab, used by host:42"),
        ({"file": FILE, "mode": 0o100640}, "warn", "can be read by others (mode 640)"),
        ({"environment": "production"}, "ok", "free"),
        ({"environment": "staging"}, "fail", "belongs to environment staging, this is production"),
        ({"parked_reason": "AUTH_KEY_DUPLICATED."}, "fail", "is parked: AUTH_KEY_DUPLICATED"),
        ({"parked_reason": "revoked", "file": FILE, "mode": 0o100644}, "fail", "is parked: revoked"),
    ],
)
def test_a_session_is_judged_by_the_first_thing_in_its_way(
    facts: dict[str, Any], level: Level, said: str
) -> None:
    finding = session(SessionFacts(role="tail", fingerprint="0123456789ab", **facts), "production")
    assert (finding.subject, finding.level) == ("session tail", level)
    assert finding.detail.endswith(said)
    assert bool(finding.next_step) == (level != "ok")


def test_one_session_for_both_roles_is_a_warning() -> None:
    (finding,) = shared(one_session=True)
    assert (finding.level, finding.next_step) == ("warn", "give it one: tutordex login --session recovery")
    assert shared(one_session=False) == ()


def test_what_holds_calls_back_is_named_and_nothing_else_is_said() -> None:
    breakers, floods = {"telegram": "open since 12:00"}, {"GetHistoryRequest": NOON}
    breaker, flood = gates(breakers, floods)
    assert (breaker.level, breaker.subject, breaker.detail) == (
        "warn",
        "breaker telegram",
        "open since 12:00",
    )
    assert (flood.level, flood.detail) == ("warn", "no GetHistoryRequest before 2026-03-02 12:00:00 UTC")
    (calm,) = gates({}, {})
    assert calm.level == "ok"


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (180, "ok"), (181, "warn")])
def test_three_missed_heartbeats_of_the_tail_are_a_warning(seconds: int, level: Level) -> None:
    (finding,) = tail_beat(NOON, NOON + timedelta(seconds=seconds), 60)
    assert finding.level == level


@pytest.mark.parametrize("last", [None, NOON - timedelta(days=1)])
def test_a_tail_service_that_is_not_used_here_is_no_fault(last: datetime | None) -> None:
    assert tail_beat(last, NOON, 60) == ()


def test_every_channel_with_a_problem_has_its_own_line_and_next_step() -> None:
    problems = {"t.me/b": "t.me/b: is private; join it with the account", "t.me/a": "unknown name"}
    first, second = channels(problems, not_joined=[])
    assert (first.subject, first.detail, first.next_step) == (
        "t.me/a",
        "unknown name",
        "read docs/telegram.md",
    )
    assert (second.detail, second.next_step) == ("is private", "join it with the account")


def test_a_channel_that_was_not_joined_is_named_once() -> None:
    first, second = channels({"t.me/b": "is private; join it"}, not_joined=["t.me/a", "t.me/b"])
    assert (first.subject, second.subject, second.level) == ("t.me/b", "t.me/a", "warn")
    assert second.next_step == "join it with the account"
    (calm,) = channels({}, not_joined=[])
    assert calm.level == "ok"


def test_a_backfill_needs_the_raw_log_and_should_have_the_queue() -> None:
    raw, queue = switches(raw=False, queue=False)
    assert (raw.level, raw.next_step) == ("fail", "set it to 1")
    assert (queue.level, queue.subject) == ("warn", "queue")
    (calm,) = switches(raw=True, queue=True)
    assert calm.level == "ok"
