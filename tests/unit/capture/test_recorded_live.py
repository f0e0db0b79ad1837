"""A recording can be followed: what it tells of a span turns what was shown before into what is shown."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutordex_dagster.capture.contract import LiveSource, Message, Unreadable
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.capture.recorded import REMEMBERED, RecordedSource
from tutordex_dagster.capture.recording import Recording, read_recording
from tutordex_dagster.capture.tail import follow
from tutordex_dagster.windows import HOUR, Window

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
PERIOD = 2 * HOUR
SECOND = timedelta(seconds=1)
Shown = dict[int | None, Message | Unreadable]

LINES: Sequence[dict[str, Any] | str] = [
    {"at": 600, "text": "first", "edits": [{"after": 60, "text": "first, edited"}]},
    {"at": 3000, "text": "gone soon", "deleted_after": 900},
    {"at": 3000, "text": "twin", "edits": [{"after": 10_000, "text": "edited in the next period"}]},
    "nonsense",
    {"at": 7000, "text": "last", "deleted_after": 20_000, "edits": [{"after": 0, "text": "at once"}]},
]


def recording(folder: Path, lines: Sequence[dict[str, Any] | str], **header: object) -> Recording:
    path = folder / "live.jsonl"
    first = {
        "schema_version": 1,
        "channel": {"id": 7, "reference": "t.me/live", "title": "Live"},
        "period_hours": 2,
        "epoch": EPOCH.isoformat(),
        **header,
    }
    texts = [line if isinstance(line, str) else json.dumps(line) for line in [first, *lines]]
    path.write_text("\n".join(texts), encoding="utf-8")
    return read_recording(path)


@pytest.fixture
def demo(tmp_path: Path) -> Recording:
    """Give a recording of two hours with every kind of line."""
    return recording(tmp_path, LINES)


def source(recorded: Recording, now: datetime) -> RecordedSource:
    return RecordedSource(recorded, lambda: now)


def shown(recorded: Recording, now: datetime) -> Shown:
    everything = source(recorded, now).read(Window(EPOCH - HOUR, now + HOUR))
    return {each.message_id: each for each in everything}


def told(before: Shown, recorded: Recording, since: datetime, now: datetime) -> Shown:
    """Apply what the source tells after `since` to what was shown then."""
    changes = source(recorded, now).changes(int(since.timestamp()))
    assert changes
    assert (changes.final, changes.cursor) == (True, int(now.timestamp()))
    after = before | {each.message_id: each for each in changes.found}
    return {key: each for key, each in after.items() if key not in changes.deleted}


def test_a_recorded_channel_is_a_live_source(demo: Recording) -> None:
    live: LiveSource = source(demo, EPOCH + 1.5 * SECOND)
    assert live.cursor() == int(EPOCH.timestamp()) + 1


@pytest.mark.parametrize(
    ("after", "until", "found", "deleted"),
    [
        (0, 599, [], []),
        (0, 600, [1], []),
        (600, 659, [], []),
        (659, 660, [1], []),
        (2999, 3899, [2, 3, 4], []),
        (3000, 3900, [], [2]),
        (2999, 3900, [3, 4], [2]),
        (12_999, 13_000, [3], []),
        (26_999, 27_000, [], [5]),
    ],
)
def test_what_happened_is_told_once_it_has_happened_and_not_again(
    demo: Recording, after: int, until: int, found: list[int], deleted: list[int]
) -> None:
    changes = source(demo, EPOCH + until * SECOND).changes(int(EPOCH.timestamp()) + after)
    assert changes
    first_period = [each.message_id for each in changes.found if each.message_id and each.message_id < 6]
    assert (first_period, [each for each in changes.deleted if each < 6]) == (found, deleted)


def test_an_unreadable_line_is_told_as_such(demo: Recording) -> None:
    changes = source(demo, EPOCH + HOUR).changes(int(EPOCH.timestamp()))
    assert changes
    assert [type(each) for each in changes.found] == [Message, Message, Message, Unreadable]


@pytest.mark.parametrize(("off", "is_told"), [(REMEMBERED, True), (REMEMBERED + SECOND, False)])
@pytest.mark.parametrize("direction", [-1, 1])
def test_of_a_cursor_over_a_day_off_nothing_can_be_told(
    demo: Recording, off: timedelta, direction: int, *, is_told: bool
) -> None:
    now = EPOCH + 100 * HOUR
    assert (source(demo, now).changes(int((now + direction * off).timestamp())) is not None) is is_told


def test_when_the_clock_was_put_back_nothing_has_happened_after_the_cursor(demo: Recording) -> None:
    ahead = int((EPOCH + HOUR).timestamp())
    changes = source(demo, EPOCH + HOUR - 5 * SECOND).changes(ahead)
    assert changes
    assert (changes.found, list(changes.deleted), changes.cursor) == ((), [], ahead)


def test_nothing_is_told_of_what_came_before_the_recording_begins(tmp_path: Path) -> None:
    begins = EPOCH + 3100 * SECOND
    late = recording(tmp_path, LINES, begins=begins.isoformat())
    changes = source(late, EPOCH + 3 * HOUR).changes(int(EPOCH.timestamp()))
    assert changes
    assert [each.message_id for each in changes.found] == [5, 6, 7, 8, 9]
    assert list(changes.deleted) == []


@pytest.mark.parametrize(
    ("after_id", "ids"), [(0, [1, 3, 4, 5, 6]), (3, [4, 5, 6]), (2, [3, 4, 5, 6]), (6, []), (99, [])]
)
def test_newer_messages_are_those_with_a_greater_id_that_exist(
    demo: Recording, after_id: int, ids: list[int]
) -> None:
    found = source(demo, EPOCH + PERIOD + 700 * SECOND).newer(after_id)
    assert [each.message_id for each in found] == ids


@pytest.mark.parametrize(("limit", "ids"), [(0, []), (1, [6]), (5, [1, 3, 4, 5, 6]), (99, [1, 3, 4, 5, 6])])
def test_the_newest_messages_come_oldest_first(demo: Recording, limit: int, ids: list[int]) -> None:
    found = source(demo, EPOCH + PERIOD + 700 * SECOND).newest(limit)
    assert [each.message_id for each in found] == ids


def test_an_empty_recording_has_nothing_to_tell(tmp_path: Path) -> None:
    empty = source(recording(tmp_path, []), EPOCH + HOUR)
    changes = empty.changes(int(EPOCH.timestamp()))
    assert changes
    assert (changes.found, list(empty.newer(0)), empty.newest(5)) == ((), [], ())


def test_a_recording_is_followed_without_ever_reading_its_past(demo: Recording) -> None:
    """After a year of periods the first look reads an hour, and the next one tells what came since."""
    clock = [EPOCH + 365 * 24 * HOUR]
    log = MemoryRawLog(clock=lambda: clock[-1])
    for seconds in (500, 700, 4000):
        clock.append(clock[0] + seconds * SECOND)
        follow(
            source(demo, clock[-1]),
            log.position(7),
            log=log,
            clock=lambda: clock[-1],
            enqueue=(),
            rescan=timedelta(days=14),
        )
    first = 365 * 12 * len(LINES)
    assert [message.message_id - first for message in log.live(7)] == [1, 3]
    assert log.live(7)[0].text == "first, edited"


_MOMENTS = st.integers(0, 3 * 7200)
_LATER = st.integers(0, 20_000)
_EDITS = st.lists(st.fixed_dictionaries({"after": _LATER, "text": st.text(max_size=2)}), max_size=2)
_RANDOM_LINES = st.lists(
    st.fixed_dictionaries(
        {"at": st.integers(0, 7199), "text": st.just("a case")},
        optional={"deleted_after": _LATER, "edits": _EDITS},
    ),
    max_size=4,
)


@settings(deadline=None)
@given(lines=_RANDOM_LINES, begins=_MOMENTS, moments=st.lists(_MOMENTS, min_size=2, max_size=5))
def test_what_is_told_turns_what_was_shown_into_what_is_shown(
    lines: list[dict[str, Any]], begins: int, moments: list[int]
) -> None:
    with TemporaryDirectory() as folder:
        recorded = recording(Path(folder), lines, begins=(EPOCH + begins * SECOND).isoformat())
    times = [EPOCH + moment * SECOND for moment in sorted(moments)]
    state = shown(recorded, times[0])
    for since, now in pairwise(times):
        state = told(state, recorded, since, now)
        assert state == shown(recorded, now)
