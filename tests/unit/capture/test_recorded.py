"""The recorded source: a week that repeats for ever, and never shows what has not happened yet."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.capture.contract import Message, Unreadable
from tutordex_dagster.capture.recorded import RecordedSource, load_recordings
from tutordex_dagster.capture.recording import read_recording
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.windows import HOUR, Window

EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
HEADER: dict[str, Any] = {
    "schema_version": 1,
    "channel": {"id": 7, "reference": "t.me/Demo_Channel", "title": "Demo"},
    "period_hours": 168,
    "epoch": EPOCH.isoformat(),
}
LINES: list[dict[str, Any] | str] = [
    {"at": 600, "text": "first"},
    {
        "at": 4000,
        "text": "cheap",
        "edits": [{"after": 60, "text": "dear"}, {"after": 3600, "text": "CLOSED"}],
    },
    {"at": 9000, "text": "gone soon", "deleted_after": 1800, "media": "photo"},
    {"at": 20000, "text": "", "service": True},
    {"at": 30000, "text": "taken", "reply": 3, "forwarded": "Elsewhere"},
]


def written(folder: Path, lines: list[dict[str, Any] | str], **header: object) -> Path:
    path = folder / "demo.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in [HEADER | header, *lines]]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def source_at(path: Path, now: datetime) -> RecordedSource:
    return RecordedSource(read_recording(path), lambda: now)


def messages(source: RecordedSource, window: Window) -> list[Message]:
    found = list(source.read(window))
    assert all(isinstance(each, Message) for each in found)
    return [each for each in found if isinstance(each, Message)]


def test_a_recording_goes_on_for_ever_with_the_same_ids_at_the_same_instants(tmp_path: Path) -> None:
    source = source_at(written(tmp_path, LINES), EPOCH + 500 * WEEK)
    third_week = messages(source, Window(EPOCH + 2 * WEEK, EPOCH + 3 * WEEK))
    assert [(each.message_id, each.posted_at - EPOCH - 2 * WEEK) for each in third_week] == [
        (11, timedelta(seconds=600)),
        (12, timedelta(seconds=4000)),
        (14, timedelta(seconds=20000)),
        (15, timedelta(seconds=30000)),
    ]
    assert third_week[3].reply_to == 12
    assert (third_week[3].forwarded_from, third_week[2].kind) == ("Elsewhere", "service")


@pytest.mark.parametrize(
    ("age", "text", "edited_after"),
    [(0, "cheap", None), (59, "cheap", None), (60, "dear", 60), (3599, "dear", 60), (3600, "CLOSED", 3600)],
)
def test_an_edit_shows_once_its_time_has_come(
    tmp_path: Path, age: int, text: str, edited_after: int | None
) -> None:
    posted = EPOCH + timedelta(seconds=4000)
    source = source_at(written(tmp_path, LINES), posted + timedelta(seconds=age))
    shown = messages(source, Window(posted, posted + HOUR))[0]
    edited_at = None if edited_after is None else posted + timedelta(seconds=edited_after)
    assert (shown.text, shown.edited_at) == (text, edited_at)


@pytest.mark.parametrize(("age", "ids"), [(-1, []), (0, [3]), (1799, [3]), (1800, [])])
def test_a_message_is_there_from_its_posting_to_its_deletion(
    tmp_path: Path, age: int, ids: list[int]
) -> None:
    posted = EPOCH + timedelta(seconds=9000)
    source = source_at(written(tmp_path, LINES), posted + timedelta(seconds=age))
    found = messages(source, Window(EPOCH + timedelta(seconds=8000), EPOCH + WEEK))
    assert [each.message_id for each in found] == ids


@pytest.mark.parametrize(
    ("text", "third_week"),
    [("LL{#0182}", "LL0382"), ("{#9} and {#0950}", "209 and 1150"), ("{#} {1} {#x}", "{#} {1} {#x}")],
)
def test_serial_numbers_go_on_from_week_to_week(tmp_path: Path, text: str, third_week: str) -> None:
    path = written(tmp_path, [{"at": 0, "text": text}], serials_per_period=100)
    shown = messages(source_at(path, EPOCH + 3 * WEEK), Window(EPOCH + 2 * WEEK, EPOCH + 3 * WEEK))
    assert [each.text for each in shown] == [third_week]


def test_nothing_is_shown_before_the_epoch_or_before_the_recording_begins(tmp_path: Path) -> None:
    late = (EPOCH + timedelta(seconds=5000)).isoformat()
    source = source_at(written(tmp_path, LINES, begins=late), EPOCH + WEEK)
    assert [each.message_id for each in messages(source, Window(EPOCH - WEEK, EPOCH + WEEK))] == [4, 5]


def test_a_recording_vouches_for_everything_until_now(tmp_path: Path) -> None:
    source = source_at(written(tmp_path, LINES), EPOCH)
    assert source.vouches_until(EPOCH) == source.observed_at(EPOCH) == EPOCH
    assert source.authoritative
    assert source.info.reference == "t.me/demo_channel"


@pytest.mark.parametrize(
    ("line", "at_is_known"),
    [
        ('{"at": 700, "text": 5}', True),
        ('{"at": 700, "colour": "red"}', True),
        ('{"at": 700, "text": "cut', False),
        ("nonsense", False),
        ('{"at": "soon"}', False),
        ('["at"]', False),
        ('{"at": 604800, "text": "beyond the week"}', False),
    ],
)
def test_a_bad_line_is_unreadable_in_its_place_and_shifts_no_id(
    tmp_path: Path, line: str, *, at_is_known: bool
) -> None:
    path = written(tmp_path, [LINES[0], line, LINES[1]])
    found = list(source_at(path, EPOCH + WEEK).read(Window(EPOCH, EPOCH + 2 * HOUR)))
    bad = found[1]
    assert isinstance(bad, Unreadable)
    assert bad.posted_at == (EPOCH + timedelta(seconds=700) if at_is_known else None)
    assert bad.reason.startswith("line 3 of the recording: ")
    assert [each.message_id for each in found] == [1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"period_hours": 0},
        {"epoch": "2026-01-05T00:00:00"},
        {"channel": {"id": 7, "reference": "t.me/a b", "title": "?"}},
        {"colour": "red"},
    ],
)
def test_a_file_without_a_valid_header_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = written(tmp_path, LINES, **change)
    with pytest.raises(PermanentError, match=r"demo\.jsonl: the first line is no recording's header"):
        read_recording(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    with pytest.raises(PermanentError, match="header"):
        read_recording(path)


def test_recordings_load_by_reference(tmp_path: Path) -> None:
    written(tmp_path, LINES)
    assert list(load_recordings(tmp_path, lambda: EPOCH)) == ["t.me/demo_channel"]


def test_a_channel_recorded_twice_is_refused(tmp_path: Path) -> None:
    copy = written(tmp_path, LINES).read_bytes()
    (tmp_path / "other.jsonl").write_bytes(copy)
    with pytest.raises(UsageError, match="a second time"):
        load_recordings(tmp_path, lambda: EPOCH)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        load_recordings(tmp_path / "nowhere", lambda: EPOCH)


@given(cuts=st.lists(st.integers(0, 3 * 168), max_size=6), minutes=st.integers(0, 3 * 168 * 60))
def test_reading_in_pieces_equals_reading_at_once(cuts: list[int], minutes: int) -> None:
    folder = Path(__file__).resolve().parents[3] / "examples" / "channels"
    source = source_at(folder / "pebblepath_demo.jsonl", EPOCH + timedelta(minutes=minutes))
    ends = sorted({0, 3 * 168, *cuts})
    pieces = [
        each
        for since, until in pairwise(ends)
        for each in source.read(Window(EPOCH + since * HOUR, EPOCH + until * HOUR))
    ]
    assert pieces == list(source.read(Window(EPOCH, EPOCH + 3 * WEEK)))
