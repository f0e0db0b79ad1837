"""The status as a record: what is wrong comes first, every version has a full row, every instant is UTC."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tutordex_dagster.operations.status import (
    Catchup,
    RunInProgress,
    Service,
    Status,
    Telegram,
    alarms,
    by_version,
    catchup_of,
    following,
    session_state,
)
from tutordex_dagster.operations.status_json import as_json
from tutordex_dagster.resilience.breaker import Breaker
from tutordex_dagster.store.assignments import AssignmentStats
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.coverage import ChannelCoverage, DueHour
from tutordex_dagster.store.extractions import BacklogRow
from tutordex_dagster.store.heartbeats import Heartbeat
from tutordex_dagster.store.metrics import MetricRow
from tutordex_dagster.store.resilience import BreakerRow, FloodedMethod
from tutordex_dagster.store.sessions import SessionRow
from tutordex_dagster.windows import HOUR, Window

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def coverage(**given: Any) -> ChannelCoverage:  # noqa: ANN401 - any field
    known: dict[str, Any] = {
        "channel_id": 7,
        "reference": "t.me/a",
        "newest_message_at": NOON,
        "first_hour": NOON - 5 * HOUR,
        "sealed": 2,
        "open": 1,
        "failed": 0,
        "missing": 2,
        "gaps": (Window(NOON - 4 * HOUR, NOON - 2 * HOUR),),
        "messages": 12,
    }
    return ChannelCoverage(**known | given)


def channel(**given: Any) -> Channel:  # noqa: ANN401 - any field
    known: dict[str, Any] = {
        "channel_id": 7,
        "reference": "t.me/a",
        "title": "A",
        "source_kind": "telegram",
        "collect_since": NOON - 5 * HOUR,
        "cursor": 41,
        "cursor_at": NOON - MINUTE,
        "member": True,
    }
    return Channel(**known | given)


def session_row(**given: Any) -> SessionRow:  # noqa: ANN401 - any field
    known: dict[str, Any] = {
        "fingerprint": "0123456789ab",
        "name": "tail",
        "environment": "production",
        "account_id": 5,
        "holder": None,
        "lease_expires_at": None,
        "heartbeat_at": None,
        "parked_at": None,
        "parked_reason": None,
        "held": False,
    }
    return SessionRow(**known | given)


def status(**given: Any) -> Status:  # noqa: ANN401 - any field
    known: dict[str, Any] = {
        "at": NOON,
        "live_version": "rules",
        "coverage": [coverage()],
        "channels": [channel()],
        "backlog": by_version([]),
        "assignments": AssignmentStats(open=0, closed=0, by_channel={}, by_level={}, newest=None),
        "runs": None,
        "catchup": Catchup(),
        "telegram": Telegram(configured=True),
        "services": (),
        "metrics": (),
    }
    return Status(**known | given)


PARKED = session_row(parked_at=NOON - HOUR, parked_reason="DUPLICATED")
STOPPED = BreakerRow(
    component="llm:v2", breaker=Breaker(state="stopped", opened_at=NOON, reason="401"), changed_at=NOON
)
OPEN = BreakerRow(
    component="telegram",
    breaker=Breaker(state="open", opened_at=NOON, failures=(NOON,), reason="no answer"),
    changed_at=NOON,
)
TAIL = Service(
    beat=Heartbeat(component="tail", holder="host:42", at=NOON - 4 * MINUTE, detail={"messages": 3}),
    every_seconds=60,
)


def test_a_version_has_a_count_for_every_status_also_those_without_jobs() -> None:
    rows = [
        BacklogRow(version="strict", status="pending", jobs=3),
        BacklogRow(version="rules", status="ok", jobs=5),
        BacklogRow(version="rules", status="dead", jobs=1),
    ]
    table = by_version(rows)
    assert list(table) == ["rules", "strict"]
    assert table["rules"] == {"pending": 0, "processing": 0, "ok": 5, "failed": 0, "skipped": 0, "dead": 1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"telegram": Telegram(sessions=[PARKED], chosen={"tail": PARKED.fingerprint})},
            "session tail: parked since 2026-03-02 11:00 UTC: DUPLICATED; tutordex login --session tail",
        ),
        (
            {"telegram": Telegram(unusable={"tail": "SESSION_STRING: is no session; make one"})},
            "SESSION_STRING: is no session; make one",
        ),
        (
            {"telegram": Telegram(breakers=[OPEN])},
            "breaker telegram: open since 2026-03-02 12:00 UTC (no answer); it closes once a probe works",
        ),
        (
            {"telegram": Telegram(breakers=[STOPPED])},
            "llm:v2: stopped since 2026-03-02 12:00 UTC (401); once put right: tutordex breaker reset llm:v2",
        ),
        (
            {
                "telegram": Telegram(
                    floods=[FloodedMethod("0123456789ab", "GetHistoryRequest", NOON + timedelta(seconds=75))]
                )
            },
            "flood wait: no GetHistoryRequest before 2026-03-02 12:01:15 UTC; it goes on by itself",
        ),
        (
            {"services": [TAIL]},
            "tail: last heard of at 2026-03-02 11:56 UTC on host:42; start it, or leave it to the sensor",
        ),
        (
            {"telegram": Telegram(wanted={"t.me/b": "t.me/b: is private; join it"})},
            "t.me/b: is private; join it",
        ),
        ({"channels": [channel(problem="is gone; drop it")]}, "t.me/a: is gone; drop it"),
        (
            {"channels": [channel(cursor_at=NOON - 2 * HOUR)]},
            "t.me/a: not followed, last confirmed 2026-03-02 10:00 UTC; tutordex doctor",
        ),
        ({"coverage": [coverage(failed=3)]}, "t.me/a: 3 hours could not be read; they are tried again"),
        (
            {"catchup": Catchup(missing=3, enabled=False)},
            "catchup: is switched off while hours are missing; set RECOVERY_CATCHUP_ENABLED=1",
        ),
        (
            {"backlog": by_version([BacklogRow(version="rules", status="dead", jobs=4)])},
            "rules: 4 extractions are dead; look: tutordex dead list",
        ),
    ],
)
def test_everything_that_is_wrong_is_said_with_its_next_step(given: dict[str, Any], said: str) -> None:
    assert list(alarms(status(**given))) == [said]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"telegram": Telegram(configured=True, sessions=[PARKED], chosen={"tail": "another"})},
        {"telegram": Telegram(breakers=[BreakerRow(component="x", breaker=Breaker(), changed_at=NOON)])},
        {"services": [Service(beat=TAIL.beat, every_seconds=80)]},
        {"services": [TAIL], "at": NOON + timedelta(days=1), "channels": []},
        {"channels": [channel(source_kind="recorded", cursor_at=None)]},
        {"channels": [channel(cursor_at=None)], "telegram": Telegram(configured=False)},
        {"backlog": by_version([BacklogRow(version="strict", status="dead", jobs=4)])},
        {"catchup": Catchup(missing=3, obstacle="session recovery is used by host:42")},
    ],
)
def test_what_heals_by_itself_or_was_replaced_raises_no_alarm(given: dict[str, Any]) -> None:
    """At three in the morning a list of things that are not wrong hides the one that is."""
    assert list(alarms(status(**given))) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (session_row(), "free"),
        (
            session_row(held=True, holder="host:42", lease_expires_at=NOON),
            "held by host:42 until 12:00:00",
        ),
        (session_row(holder="host:42", lease_expires_at=NOON), "free"),
        (PARKED, "parked since 2026-03-02 11:00 UTC: DUPLICATED"),
    ],
)
def test_the_state_of_a_session_is_said_in_words(row: SessionRow, said: str) -> None:
    assert session_state(row) == said


def test_a_service_is_described_by_its_own_word_for_what_it_does() -> None:
    beat = Heartbeat(component="tail", holder="host:42", at=NOON, detail={"state": "retrying"})
    assert Service(beat=beat, every_seconds=60).word(NOON + MINUTE) == "retrying"
    assert Service(beat=beat, every_seconds=60).word(NOON + 4 * MINUTE) == "silent"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "followed"),
        ({"member": None}, "followed"),
        ({"member": False}, "asked, not joined"),
        ({"cursor_at": None}, "not followed yet"),
        ({"source_kind": "export"}, "an export, which never changes"),
    ],
)
def test_how_a_channel_is_followed_is_said_in_words(given: dict[str, Any], said: str) -> None:
    assert following(channel(**given)) == said


def test_the_catchup_counts_missing_hours_only_and_says_when_there_are_more() -> None:
    due = [
        DueHour(channel_id=1, reference="t.me/a", hour=NOON, why="missing"),
        DueHour(channel_id=2, reference="t.me/b", hour=NOON - HOUR, why="missing"),
        DueHour(channel_id=3, reference="t.me/c", hour=NOON - 2 * HOUR, why="reread"),
    ]
    found = catchup_of(due, limit=9, enabled=True, obstacle=None)
    assert (found.missing, found.channels, found.oldest, found.at_least) == (2, 2, NOON - HOUR, False)
    assert catchup_of(due, limit=3, enabled=True, obstacle=None).at_least
    assert catchup_of([], limit=3, enabled=True, obstacle="x") == Catchup(obstacle="x")


def test_the_json_says_its_format_and_its_zone_and_survives_a_round_trip() -> None:
    run = RunInProgress(run_id="1234", what="assignments", state="started", since=NOON)
    record = json.loads(json.dumps(as_json(status(runs=[run]), schema_version="1.0.0")))
    assert (record["schema_version"], record["timezone"], record["at"]) == ("1.0.0", "UTC", NOON.isoformat())
    (first,) = record["channels"]
    assert first["hours"] == {"sealed": 2, "open": 1, "failed": 0, "missing": 2}
    assert first["gaps"] == [{"since": "2026-03-02T08:00:00+00:00", "until": "2026-03-02T10:00:00+00:00"}]
    assert (first["source"], first["following"], first["member"], first["problem"]) == (
        "telegram",
        "followed",
        True,
        None,
    )
    assert first["confirmed_at"] == "2026-03-02T11:59:00+00:00"
    assert record["assignments"]["newest"] is None
    assert record["runs"][0]["what"] == "assignments"
    assert record["wrong"] == []


def test_the_json_holds_everything_about_telegram_and_no_account() -> None:
    metric = MetricRow(name="retries_total", labels={"target": "telegram"}, value=3, updated_at=NOON)
    telegram = Telegram(
        configured=True,
        sessions=[PARKED],
        chosen={"tail": PARKED.fingerprint},
        breakers=[OPEN],
        floods=[FloodedMethod("0123456789ab", "GetHistoryRequest", NOON)],
    )
    catchup = Catchup(missing=2, channels=1, oldest=NOON, obstacle="parked")
    record = as_json(
        status(telegram=telegram, services=[TAIL], metrics=[metric], catchup=catchup), schema_version="1.0.0"
    )
    record = json.loads(json.dumps(record))
    (session,) = record["telegram"]["sessions"]
    assert (session["account_known"], session["holder"]) == (True, None)
    assert "account_id" not in session
    assert record["telegram"]["breakers"][0]["failures"] == 1
    assert record["telegram"]["flood_waits"][0]["until"] == NOON.isoformat()
    assert (record["services"][0]["alive"], record["services"][0]["detail"]) == (False, {"messages": 3})
    assert record["metrics"][0]["labels"] == {"target": "telegram"}
    assert record["catchup"]["missing_hours"] == 2
    assert len(record["wrong"]) == 4


def test_no_instance_and_no_runs_are_told_apart() -> None:
    assert as_json(status(runs=None), schema_version="1.0.0")["runs"] is None
    assert as_json(status(runs=[]), schema_version="1.0.0")["runs"] == []
