"""The raw log in memory keeps the rules of the database: revisions, tombstones, the ledger, the jobs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    EnqueueFor,
    HourState,
    HourSweep,
    Message,
    Position,
    StoreResult,
)
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.windows import HOUR, Window, hour_window

HOUR_0 = datetime(2026, 1, 5, tzinfo=UTC)
SEEN = HOUR_0 + 10 * HOUR
POST = Message(message_id=1, posted_at=HOUR_0 + timedelta(minutes=5), text="a case")
EDIT = replace(POST, text="a dearer case", edited_at=HOUR_0 + HOUR)


def batch(
    *messages: Message,
    seen: datetime = SEEN,
    state: HourState | None = None,
    error: str | None = None,
    enqueue: Sequence[EnqueueFor] = (),
) -> CaptureBatch:
    """Build a batch; with a state it completes the first hour and finds deletions in it."""
    return CaptureBatch(
        channel_id=7,
        source="recorded",
        observed_at=seen,
        messages=messages,
        hours=[HourSweep(hour=HOUR_0, state=state, error=error)] if state else [],
        tombstones=state is not None,
        enqueue=enqueue,
    )


@pytest.mark.parametrize(
    ("second", "result"),
    [
        (batch(POST, seen=SEEN + HOUR), StoreResult(known=1)),
        (batch(EDIT), StoreResult(edited=1)),
        (batch(replace(POST, text="silently changed"), seen=SEEN + HOUR), StoreResult(edited=1)),
        (batch(replace(POST, text="an older view"), seen=SEEN - HOUR), StoreResult(known=1)),
        (batch(EDIT, seen=SEEN - HOUR), StoreResult(edited=1)),
        (batch(seen=SEEN + HOUR, state="sealed"), StoreResult(deleted=1)),
        (batch(seen=SEEN + HOUR, state="failed"), StoreResult()),
        (batch(seen=SEEN, state="sealed"), StoreResult()),
        (batch(seen=SEEN + HOUR), StoreResult()),
        (batch(POST, EDIT), StoreResult(edited=1, known=1)),
        (batch(EDIT, POST), StoreResult(known=2)),
    ],
)
def test_what_a_second_batch_does_to_a_known_post(second: CaptureBatch, result: StoreResult) -> None:
    log = MemoryRawLog()
    assert log.store(batch(POST)) == StoreResult(new=1)
    assert log.store(second) == result
    assert log.store(second) == StoreResult(known=len(second.messages))


def test_a_deleted_post_comes_back_only_by_a_later_observation() -> None:
    log = MemoryRawLog()
    log.store(batch(POST))
    log.store(batch(seen=SEEN + HOUR, state="sealed"))
    assert log.live(7) == []
    assert log.store(batch(EDIT, seen=SEEN + HOUR)) == StoreResult(known=1)
    assert log.store(batch(POST, seen=SEEN + 2 * HOUR)) == StoreResult(edited=1)
    assert [(row.revision, row.message) for row in log.revisions(7)] == [(1, POST), (2, None), (3, POST)]


def test_the_hour_of_a_message_is_that_of_its_first_revision() -> None:
    log = MemoryRawLog()
    log.store(batch(POST))
    log.store(batch(replace(EDIT, posted_at=HOUR_0 + 3 * HOUR)))
    assert log.hours(7, hour_window(HOUR_0))[0].messages == 1
    assert log.hours(7, hour_window(HOUR_0 + 3 * HOUR)) == []


@pytest.mark.parametrize(
    ("first", "then", "state", "error"),
    [
        ("open", "sealed", "sealed", None),
        ("open", "failed", "failed", "why"),
        ("failed", "open", "open", None),
        ("sealed", "open", "sealed", None),
        ("sealed", "failed", "sealed", "why"),
    ],
)
def test_a_sealed_hour_stays_sealed_and_every_other_follows_its_last_sweep(
    first: HourState, then: HourState, state: HourState, error: str | None
) -> None:
    log = MemoryRawLog()
    log.store(batch(state=first))
    log.store(batch(state=then, error="why" if then == "failed" else None))
    report = log.hours(7, hour_window(HOUR_0))[0]
    assert (report.state, report.error) == (state, error)


def test_the_ledger_describes_the_live_messages() -> None:
    log = MemoryRawLog()
    log.store(batch(POST, replace(POST, message_id=2), state="open"))
    before = log.hours(7, hour_window(HOUR_0))[0]
    assert (before.messages, before.first_message_id, before.last_message_id) == (2, 1, 2)
    log.store(batch(EDIT, replace(POST, message_id=2)))
    after = log.hours(7, hour_window(HOUR_0))[0]
    assert after.digest != before.digest


def test_only_the_newest_revision_of_a_message_has_a_pending_job() -> None:
    log = MemoryRawLog()
    rules = [EnqueueFor(version="rules", lane="live")]
    assert log.store(batch(POST, enqueue=rules)).enqueued == 1
    log.store(batch(EDIT, enqueue=rules))
    assert log.jobs("rules") == {1: "skipped", 2: "pending"}
    log.store(batch(seen=SEEN + HOUR, state="sealed", enqueue=rules))
    assert log.jobs("rules") == {1: "skipped", 2: "skipped"}
    assert log.jobs("strict") == {}


def test_nul_characters_are_dropped() -> None:
    log = MemoryRawLog()
    log.store(batch(replace(POST, text="a\x00b", payload=b'{"text":"a\\u0000b"}')))
    assert [(each.text, each.payload) for each in log.live(7)] == [("ab", b'{"text":"ab"}')]


def followed(
    *messages: Message, deleted: Sequence[int] = (), cursor: int | None = None, seen: datetime = SEEN
) -> CaptureBatch:
    """Build what following the channel tells."""
    return replace(batch(*messages, seen=seen), deleted=deleted, cursor=cursor)


def test_a_deleted_id_ends_the_message_unless_it_was_seen_later() -> None:
    log = MemoryRawLog()
    log.store(batch(POST))
    assert log.store(followed(deleted=[1], seen=SEEN - HOUR)) == StoreResult()
    assert log.store(followed(deleted=[1])) == StoreResult(deleted=1)
    assert log.store(followed(deleted=[1], seen=SEEN + HOUR)) == StoreResult()
    assert (log.live(7), log.hours(7, hour_window(HOUR_0))[0].messages) == ([], 0)


def test_a_message_found_and_deleted_at_once_ends_deleted_or_is_not_stored() -> None:
    log = MemoryRawLog()
    log.store(batch(POST))
    unknown = replace(POST, message_id=2)
    result = log.store(followed(EDIT, unknown, deleted=[1, 2]))
    assert result == StoreResult(edited=1, deleted=1, known=1)
    assert [row.message for row in log.revisions(7)] == [POST, EDIT, None]
    assert log.store(batch(unknown)) == StoreResult(known=1)
    assert log.store(batch(unknown, seen=SEEN + HOUR)) == StoreResult(new=1)


def test_the_cursor_moves_forward_only() -> None:
    log = MemoryRawLog()
    assert log.position(7) == Position(cursor=None, cursor_at=None, last_message_id=0)
    log.store(followed(POST, cursor=5))
    log.confirm({7: 4}, SEEN + HOUR)
    assert log.position(7) == Position(cursor=5, cursor_at=SEEN, last_message_id=1)
    log.confirm({7: 5}, SEEN + HOUR)
    log.store(followed(deleted=[1], cursor=6))
    assert log.position(7) == Position(cursor=6, cursor_at=SEEN + HOUR, last_message_id=1)


def test_hours_that_lost_their_changes_are_to_be_read_at_once() -> None:
    now = SEEN + HOUR
    log = MemoryRawLog(clock=lambda: now)
    log.store(batch(state="sealed"))
    demand = replace(batch(), reread=Window(HOUR_0, HOUR_0 + 2 * HOUR))
    log.store(demand)
    assert log.rereads(7) == {HOUR_0: now}
    log.store(batch(state="sealed"))
    assert log.rereads(7) == {HOUR_0: now}
    log.store(batch(state="sealed", seen=now))
    assert log.rereads(7) == {}
