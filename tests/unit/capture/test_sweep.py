"""A sweep stores whole hours with a verdict on each, whatever the source yields."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.capture.script import DAY, LAG, NOW, START, Recorder, Script, ids, post, run, states
from tutordex_dagster.capture.contract import CaptureBatch, HourState, Message, StoreResult, Unreadable
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.capture.recorded import RecordedSource
from tutordex_dagster.capture.recording import read_recording
from tutordex_dagster.capture.sweep import SweepSummary, sweep
from tutordex_dagster.errors import TransientError
from tutordex_dagster.windows import HOUR, Window, hour_of

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "channels"


def test_every_hour_of_the_window_gets_a_verdict_the_empty_ones_too() -> None:
    log = MemoryRawLog()
    summary = run(Script([post(1, 0.5), post(2, 3.5)]), log)
    assert states(log) == dict.fromkeys(range(24), "sealed")
    assert summary.stored == StoreResult(new=2, enqueued=2)
    assert (summary.messages, summary.in_state("sealed"), summary.in_state("open")) == (2, 24, 0)


@pytest.mark.parametrize(
    ("after_the_hour", "state"),
    [(timedelta(), "open"), (LAG - timedelta(seconds=1), "open"), (LAG, "sealed")],
)
def test_an_hour_is_sealed_only_by_a_read_that_began_a_lag_after_its_end(
    after_the_hour: timedelta, state: HourState
) -> None:
    log = MemoryRawLog()
    run(Script([]), log, window=Window(START, START + HOUR), now=START + HOUR + after_the_hour)
    assert states(log) == {0: state}


def test_a_source_that_does_not_vouch_for_an_hour_leaves_it_open() -> None:
    log = MemoryRawLog()
    run(Script([post(1, 1.2)], vouched=START + 2 * HOUR), log, window=Window(START, START + 4 * HOUR))
    assert states(log) == {0: "sealed", 1: "sealed", 2: "open", 3: "open"}


def test_hours_that_have_not_begun_are_left_out() -> None:
    log = MemoryRawLog()
    run(Script([]), log, now=START + 1.5 * HOUR)
    assert states(log) == {0: "sealed", 1: "open"}
    assert run(Script([]), log, now=START - HOUR) == SweepSummary()


def test_an_unreadable_message_fails_its_hour_and_nothing_else() -> None:
    log = MemoryRawLog()
    unreadable = Unreadable(reason="no text", posted_at=START + 1.5 * HOUR)
    summary = run(Script([post(1, 1.2), unreadable, unreadable, post(2, 1.7), post(3, 2)]), log)
    assert ids(log) == [1, 2, 3]
    assert summary.failed == {START + HOUR: "no text (and 1 more)"}
    assert (summary.unreadable, summary.in_state("sealed")) == (2, 23)


@pytest.mark.parametrize(
    ("found", "hour"),
    [
        ([Unreadable(reason="broken")], 0),
        ([post(1, 5.1), Unreadable(reason="broken"), post(2, 6.1)], 5),
        ([post(1, 5.1), Unreadable(reason="broken", posted_at=START - HOUR)], 5),
    ],
)
def test_an_unreadable_message_without_a_usable_time_fails_the_hour_read_last(
    found: list[Message | Unreadable], hour: int
) -> None:
    summary = run(Script(found), MemoryRawLog())
    assert summary.failed == {START + hour * HOUR: "broken"}


def test_an_error_of_the_log_is_raised_not_blamed_on_the_source() -> None:
    class Full:
        def store(self, batch: CaptureBatch) -> StoreResult:
            raise TransientError(f"disk full at {batch.channel_id}")

    with pytest.raises(TransientError, match="disk full"):
        run(Script([post(1, 1)]), Full())


def test_a_second_sweep_changes_nothing() -> None:
    log = MemoryRawLog()
    source = Script([post(1, 0.5), post(2, 3.5)])
    run(source, log)
    before = log.revisions(7), log.hours(7, DAY)
    summary = run(source, log, now=NOW + HOUR)
    assert summary.stored == StoreResult(known=2)
    assert (log.revisions(7), log.hours(7, DAY)) == before


def test_a_message_missing_from_a_later_sweep_was_deleted() -> None:
    log = MemoryRawLog()
    run(Script([post(1, 0.5), post(2, 3.5)]), log)
    summary = run(Script([post(2, 3.5)]), log, now=NOW + HOUR)
    assert summary.stored == StoreResult(known=1, deleted=1)
    assert ids(log) == [2]


def test_a_partial_source_never_deletes() -> None:
    log = MemoryRawLog()
    run(Script([post(1, 0.5)]), log)
    run(Script([], authoritative=False), log, now=NOW + HOUR)
    assert ids(log) == [1]


def test_a_failed_hour_deletes_nothing() -> None:
    log = MemoryRawLog()
    run(Script([post(1, 0.5), post(2, 0.6)]), log)
    run(Script([post(1, 0.5), Unreadable(reason="broken")]), log, now=NOW + HOUR)
    assert ids(log) == [1, 2]


def test_complete_hours_are_stored_as_soon_as_a_batch_is_full() -> None:
    log = Recorder()
    run(Script([post(number, number * 0.5) for number in range(1, 13)]), log, batch_size=4)
    assert [len(batch.messages) for batch in log.batches] == [3, 2, 2, 2, 3]
    assert [len(batch.hours) for batch in log.batches] == [2, 1, 1, 1, 19]
    assert all(batch.tombstones for batch in log.batches)


def test_a_giant_hour_is_stored_in_parts_and_completed_by_the_last() -> None:
    log = Recorder()
    giant = [post(number, 1 + number / 100) for number in range(1, 12)]
    run(Script([post(100, 0.5), *giant, post(12, 2.5)]), log, batch_size=4)
    assert max(len(batch.messages) for batch in log.batches) <= 4
    ending = [batch for batch in log.batches if any(each.hour == START + HOUR for each in batch.hours)]
    assert len(ending) == 1
    assert not ending[0].tombstones
    assert ids(log.log) == [*range(1, 13), 100]
    assert states(log.log)[1] == "sealed"


def test_a_giant_hour_read_again_keeps_its_messages() -> None:
    log = MemoryRawLog()
    giant = [post(number, 1 + number / 100) for number in range(1, 12)]
    run(Script(giant), log, batch_size=4)
    summary = run(Script(giant), log, batch_size=4, now=NOW + HOUR)
    assert summary.stored == StoreResult(known=11)


def test_a_message_out_of_order_is_stored_though_its_hour_is_complete() -> None:
    log = MemoryRawLog()
    ordered = [post(number, float(number)) for number in range(1, 9)]
    run(Script([*ordered, post(9, 0.5)]), log)
    run(Script([*ordered, post(9, 0.5)]), log, batch_size=2, now=NOW + HOUR)
    assert ids(log) == list(range(1, 10))


def test_a_failure_out_of_order_fails_its_complete_hour_again() -> None:
    log = MemoryRawLog()
    late = Unreadable(reason="late", posted_at=START + 0.5 * HOUR)
    summary = run(Script([post(1, 1), post(2, 2), post(3, 3), late, post(4, 4)]), log, batch_size=2)
    assert summary.failed == {START: "late"}
    assert log.hours(7, DAY)[0].error == "late"
    assert len(summary.hours) == 24


def test_a_message_outside_the_window_is_kept_and_its_hour_stays_open() -> None:
    log = MemoryRawLog()
    run(Script([post(1, 30)]), log)
    assert states(log, Window(START, NOW))[30] == "open"


@pytest.mark.parametrize(
    ("limit", "stored", "sealed", "truncated"),
    [(0, [], 1, True), (2, [1, 2], 2, True), (3, [1, 2, 3], 4, True), (4, [1, 2, 3, 4], 24, False)],
)
def test_a_limit_stops_the_sweep_and_leaves_unread_hours_unsealed(
    limit: int, stored: list[int], sealed: int, *, truncated: bool
) -> None:
    log = MemoryRawLog()
    found = [post(1, 1.1), post(2, 2.1), post(3, 2.2), post(4, 4.1)]
    summary = run(Script(found), log, max_messages=limit)
    assert ids(log) == stored
    assert (summary.in_state("sealed"), summary.truncated) == (sealed, truncated)
    assert list(states(log).values()).count("sealed") == sealed


def test_progress_adds_up_to_all_hours_and_messages() -> None:
    told: list[tuple[int, int]] = []
    sweep(
        Script([post(number, number * 0.5) for number in range(1, 13)]),
        DAY,
        log=MemoryRawLog(),
        clock=lambda: NOW,
        enqueue=(),
        lag=LAG,
        batch_size=3,
        on_progress=lambda hours, messages: told.append((hours, messages)),
    )
    assert (sum(hours for hours, _ in told), sum(messages for _, messages in told)) == (24, 12)


@given(
    hours=st.lists(st.floats(0, 23.9), max_size=25),
    batch_size=st.integers(1, 12),
    cuts=st.lists(st.integers(0, 24), max_size=3),
    disorder=st.randoms(use_true_random=False),
    shuffled=st.booleans(),
)
def test_any_batch_size_any_cut_and_any_order_store_the_same_messages_and_hours(
    hours: list[float], batch_size: int, cuts: list[int], disorder: object, *, shuffled: bool
) -> None:
    found = [post(number, hour) for number, hour in enumerate(sorted(hours), start=1)]
    expected = MemoryRawLog()
    run(Script(found), expected)
    actual = MemoryRawLog()
    if shuffled:
        disorder.shuffle(found)  # type: ignore[attr-defined]
    for since, until in zip([0, *sorted(cuts)], [*sorted(cuts), 24], strict=True):
        if since < until:
            window = Window(START + since * HOUR, START + until * HOUR)
            part = [each for each in found if hour_of(each.posted_at) in window]
            run(Script(part), actual, window=window, batch_size=batch_size)
    assert actual.live(7) == expected.live(7)
    assert actual.hours(7, DAY) == expected.hours(7, DAY)


@settings(max_examples=40)
@given(
    earlier=st.lists(st.tuples(st.integers(1, 47), st.integers(0, 47), st.integers(1, 48)), max_size=5),
    batch_size=st.integers(1, 9),
)
def test_whatever_was_swept_before_the_last_full_sweep_decides(
    earlier: list[tuple[int, int, int]], batch_size: int
) -> None:
    recording = read_recording(EXAMPLES / "lanternleaf_demo.jsonl")
    two_days = Window(START, START + 48 * HOUR)

    def play(log: MemoryRawLog, at: datetime, window: Window) -> None:
        source = RecordedSource(recording, lambda: at)
        sweep(source, window, log=log, clock=lambda: at, enqueue=(), lag=LAG, batch_size=batch_size)

    disturbed, undisturbed = MemoryRawLog(), MemoryRawLog()
    for at, since, length in sorted(earlier):
        play(disturbed, START + at * HOUR, Window(START + since * HOUR, START + (since + length) * HOUR))
    for log in (disturbed, undisturbed):
        play(log, START + 48 * HOUR, two_days)
    channel_id = recording.info.channel_id
    assert disturbed.live(channel_id) == undisturbed.live(channel_id)
    assert disturbed.hours(channel_id, two_days) == undisturbed.hours(channel_id, two_days)
