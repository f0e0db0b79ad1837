"""Where a source breaks off, what was read is kept and the rest is due or failed; later looks are planned."""

import pytest

from tests.unit.capture.script import DAY, NOW, START, Recorder, Script, ids, post, run, states
from tutordex_dagster.capture.contract import SourceKind, Unreadable
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.resilience.errors import SessionDead, SessionParked
from tutordex_dagster.windows import HOUR, Window

THREE_HOURS = [post(1, 1.2), post(2, 3.1), post(3, 3.2)]


def test_a_source_that_breaks_off_for_good_keeps_the_hours_before_and_fails_the_rest() -> None:
    log = MemoryRawLog()
    error = PermanentError("banned")
    summary = run(Script(THREE_HOURS, error=error), log)
    assert ids(log) == [1, 2, 3]
    assert states(log) == dict.fromkeys(range(3), "sealed") | dict.fromkeys(range(3, 24), "failed")
    assert set(summary.failed.values()) == {"banned"}
    assert (summary.error, summary.unread) == (error, {})


@pytest.mark.parametrize("error", [TransientError("flood"), SessionDead("flood"), SessionParked("flood")])
def test_a_source_that_breaks_off_for_a_while_keeps_what_was_read_and_leaves_the_rest_unread(
    error: TransientError | PermanentError,
) -> None:
    log = MemoryRawLog()
    summary = run(Script(THREE_HOURS, error=error), log)
    assert ids(log) == [1, 2, 3]
    assert states(log) == dict.fromkeys(range(3), "sealed") | {3: "open"}
    assert (summary.failed, summary.error) == ({}, error)
    assert summary.unread == {START + hour * HOUR: "flood" for hour in range(3, 24)}
    assert [each.hour for each in summary.hours] == [START + hour * HOUR for hour in range(3)]
    assert summary.newest_at == THREE_HOURS[-1].posted_at


def test_hours_left_unread_stay_as_the_ledger_has_them() -> None:
    log = MemoryRawLog()
    unreadable = Unreadable(reason="broken", posted_at=START + 5.5 * HOUR)
    run(Script([*THREE_HOURS, post(4, 4.5), unreadable]), log)
    before = log.hours(7, DAY)
    summary = run(Script(THREE_HOURS[:1], error=TransientError("flood")), log, now=NOW + HOUR)
    assert len(summary.unread) == 23
    assert log.hours(7, DAY) == before
    assert ids(log) == [1, 2, 3, 4]


def test_a_source_that_cannot_start_leaves_or_fails_the_whole_window() -> None:
    log = Recorder()
    summary = run(Script([], error=TransientError("no route")), log)
    assert (len(summary.unread), summary.hours, log.batches) == (24, (), [])
    assert run(Script([], error=PermanentError("banned")), log).in_state("failed") == 24


def test_a_giant_hour_that_breaks_off_is_kept_and_unread() -> None:
    log = MemoryRawLog()
    giant = [post(number, 1 + number / 100) for number in range(1, 12)]
    summary = run(Script([post(100, 0.5), *giant], error=TransientError("flood")), log, batch_size=4)
    assert ids(log) == [*range(1, 12), 100]
    assert (states(log), min(summary.unread)) == ({0: "sealed", 1: "open"}, START + HOUR)


def test_every_hour_that_was_sealed_is_planned_to_be_read_again() -> None:
    log = MemoryRawLog()
    found = [Unreadable(reason="broken", posted_at=START + HOUR)]
    run(Script(found), log, window=Window(START, START + 6 * HOUR), now=START + 4.5 * HOUR)
    planned = {(hour - START) // HOUR: (due - START) // HOUR for hour, due in log.rereads(7).items()}
    assert planned == {0: 18, 2: 6, 3: 7}


@pytest.mark.parametrize(("kind", "planned"), [("telegram", 6), ("recorded", 6), ("export", 0)])
def test_an_export_is_never_read_again(kind: SourceKind, planned: int) -> None:
    log = MemoryRawLog()
    run(Script([], kind=kind), log, window=Window(START, START + 6 * HOUR), now=START + 7 * HOUR)
    assert len(log.rereads(7)) == planned
