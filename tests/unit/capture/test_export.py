"""Exports as sources: every known defect of real files, the choice of the chat, and what is vouched for."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tutordex_dagster.capture.contract import ChannelInfo, Message, Unreadable
from tutordex_dagster.capture.export import (
    ExportChat,
    ExportSource,
    check_export_path,
    choose_chat,
    open_export,
)
from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import HOUR, Window

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=30)
DAY = Window(NOON - 12 * HOUR, NOON + 12 * HOUR)
INFO = ChannelInfo(channel_id=11, reference="t.me/demo", title="Demo")


def raw(message_id: object = 1, minutes: float = 0, **fields: object) -> dict[str, Any]:
    """Write a message as Telegram Desktop does; a field set to None is left out."""
    at = NOON + timedelta(minutes=minutes)
    whole = {
        "id": message_id,
        "type": "message",
        "date": at.replace(tzinfo=None).isoformat(),
        "date_unixtime": str(int(at.timestamp())),
        "from": "Demo",
        "text": "a case",
    }
    return {key: value for key, value in (whole | fields).items() if value is not None}


def export(folder: Path, *messages: object, chat_id: object = 11) -> Path:
    path = folder / "result.json"
    whole = {"name": "Demo", "type": "public_channel", "id": chat_id, "messages": messages}
    path.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    return path


def source(path: Path) -> ExportSource:
    return ExportSource(
        path,
        info=INFO,
        timezone=None,
        first_at=NOON,
        newest_at=NOON + 5 * HOUR,
        clock=lambda: NOW,
    )


def read(path: Path) -> list[Message | Unreadable]:
    return list(source(path).read(DAY))


def read_one(folder: Path, fields: dict[str, Any]) -> Message:
    (found,) = read(export(folder, raw(**fields)))
    assert isinstance(found, Message)
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"message_id": 12}, {"message_id": 12}),
        ({"message_id": "12"}, {"message_id": 12}),
        ({"message_id": "message12"}, {"message_id": 12}),
        ({"text": " as it is \n"}, {"text": " as it is \n"}),
        ({"text": ["a ", {"type": "bold", "text": "b"}, " c"]}, {"text": "a b c"}),
        ({"text": []}, {"text": ""}),
        ({"text": None}, {"text": ""}),
        ({"type": "service", "action": "pin_message", "text": ""}, {"kind": "service"}),
        ({"forwarded_from": "Elsewhere"}, {"forwarded_from": "Elsewhere"}),
        ({"reply_to_message_id": 4}, {"reply_to": 4}),
        ({"reply_to_message_id": 4, "reply_to_peer_id": "channel5"}, {"reply_to": None}),
        ({"author": "Desk"}, {"author": "Desk"}),
        ({}, {"author": "Demo", "kind": "post", "media": None, "edited_at": None}),
        ({"photo": "photos/a.jpg"}, {"media": "photo"}),
        ({"photo": "(File not included. Change data exporting settings to download.)"}, {"media": "photo"}),
        ({"file": "files/a.pdf"}, {"media": "file"}),
        ({"file": "stickers/a.webp", "media_type": "sticker"}, {"media": "sticker"}),
        ({"poll": {"question": "?"}}, {"media": "poll"}),
        ({"edited_unixtime": str(int((NOON + HOUR).timestamp()))}, {"edited_at": NOON + HOUR}),
        ({"edited_unixtime": "0", "edited": "1970-01-01T08:00:00"}, {"edited_at": None}),
        ({"edited_unixtime": "soon"}, {"edited_at": None}),
        ({"edited": "2026-01-05T21:00:00"}, {"edited_at": None}),
        ({"date_unixtime": None, "date": "2026-01-05T20:00:00+08:00"}, {"posted_at": NOON}),
    ],
)
def test_every_field_of_a_message_is_read(
    tmp_path: Path, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    message = read_one(tmp_path, fields)
    assert {key: getattr(message, key) for key in expected} == expected


def test_the_same_post_has_the_same_content_wherever_its_media_lie(tmp_path: Path) -> None:
    one = read_one(tmp_path, {"photo": "photos/a.jpg"})
    other = read_one(tmp_path, {"photo": "(File not included.)"})
    assert one.content_hash() == other.content_hash()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (raw("x", 61), "id 'x' is no number"),
        (raw(2, 61, text=5), "message 2: its text is neither"),
        (raw(2, 61, text=["a", 5]), "message 2: its text is neither"),
    ],
)
def test_a_message_that_cannot_be_read_is_unreadable_at_its_time(
    tmp_path: Path, bad: dict[str, Any], reason: str
) -> None:
    first, unreadable, last = read(export(tmp_path, raw(1), bad, raw(3, 62)))
    assert isinstance(unreadable, Unreadable)
    assert unreadable.reason.startswith(reason)
    assert unreadable.posted_at == NOON + timedelta(minutes=61)
    assert isinstance(first, Message)
    assert isinstance(last, Message)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (raw(2, date_unixtime="soon"), "cannot read date_unixtime 'soon'"),
        (raw(2, date_unixtime="9" * 30), "cannot read date_unixtime"),
        (raw(2, date_unixtime=None, date="yesterday"), "cannot read date_unixtime None or date 'yesterday'"),
        (raw(2, date_unixtime=None, date=None), "neither date_unixtime nor date"),
        (raw(2, date_unixtime="5"), "before Telegram began"),
        (raw(2, date_unixtime="4000000000"), "in the future"),
        ("no object", "no object"),
    ],
)
def test_a_message_without_a_readable_time_counts_with_the_one_before_it(
    tmp_path: Path, bad: object, reason: str
) -> None:
    found = read(export(tmp_path, raw(1, 61), bad, raw(3, 122)))
    assert isinstance(found[1], Unreadable)
    assert reason in found[1].reason
    assert found[1].posted_at == NOON + timedelta(minutes=61)


def test_only_the_messages_in_the_window_are_read(tmp_path: Path) -> None:
    path = export(tmp_path, raw(1), raw(2, 60), {"id": 9}, raw(3, 120))
    found = list(source(path).read(Window(NOON + HOUR, NOON + 2 * HOUR)))
    assert [each.message_id for each in found] == [2, None]


def test_local_times_need_a_time_zone_and_the_error_names_both_ways(tmp_path: Path) -> None:
    path = export(tmp_path, raw(1, date_unixtime=None))
    with pytest.raises(UsageError, match=r"no date_unixtime.*--timezone"):
        open_export(path, timezone=None, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("local", "timezone", "instant"),
    [
        ("2026-01-05T20:00:00", "Asia/Singapore", NOON),
        ("2026-01-05T12:00:00", "UTC", NOON),
        ("2025-10-26T02:30:00", "Europe/Berlin", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
    ],
)
def test_local_times_are_read_in_the_named_zone_the_first_of_two_when_clocks_go_back(
    tmp_path: Path, local: str, timezone: str, instant: datetime
) -> None:
    path = export(tmp_path, raw(1, date_unixtime=None, date=local))
    (found,) = open_export(path, timezone=timezone, clock=lambda: NOW)
    assert found.newest_at == instant


@pytest.mark.parametrize("timezone", ["Singapur", "../../etc/passwd", "America"])
def test_an_unknown_time_zone_is_refused(tmp_path: Path, timezone: str) -> None:
    with pytest.raises(UsageError, match="is no time zone"):
        open_export(export(tmp_path, raw()), timezone=timezone, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("path", "unsafe"),
    [
        ("photos/a.jpg", False),
        ("(File not included. Change data exporting settings to download.)", False),
        ("photos/..a.jpg", False),
        (None, False),
        ("/etc/passwd", True),
        ("\\\\host\\share", True),
        ("photos/../../a", True),
        ("..\\a", True),
        ("C:\\a", True),
        ("c:a", True),
        ("photos/a\x00.jpg", True),
    ],
)
def test_media_paths_that_lead_elsewhere_are_dropped_and_counted(
    tmp_path: Path, path: str | None, *, unsafe: bool
) -> None:
    reading = source(export(tmp_path, raw() | {"photo": path}))
    (message,) = reading.read(DAY)
    assert isinstance(message, Message)
    assert message.media == "photo"
    assert json.loads(message.payload)["photo"] == (None if unsafe else path)
    assert reading.unsafe_paths == unsafe


def test_control_characters_written_as_hex_escapes_are_read(tmp_path: Path) -> None:
    path = export(tmp_path, raw(text="a@@b"))
    path.write_bytes(path.read_bytes().replace(b"@@", b"\\x0B"))
    (message,) = read(path)
    assert isinstance(message, Message)
    assert message.text == "a\x0bb"


def test_a_cut_off_file_keeps_what_it_has_and_fails_the_hour_of_the_cut(tmp_path: Path) -> None:
    path = export(tmp_path, raw(1), raw(2, 61), raw(3, 122))
    path.write_bytes(path.read_bytes().split(b'"id": 3')[0])
    first, second, cut = read(path)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert isinstance(cut, Unreadable)
    assert cut.posted_at == second.posted_at
    assert "cut off" in cut.reason
    (chat,) = open_export(path, timezone=None, clock=lambda: NOW)
    assert chat.cut == cut.reason
    assert chat.newest_at == second.posted_at


def test_an_export_vouches_for_no_more_than_its_newest_message(tmp_path: Path) -> None:
    reading = source(export(tmp_path, raw()))
    assert reading.vouches_until(NOW) == reading.observed_at(NOW) == NOON + 5 * HOUR
    assert reading.vouches_until(NOON) == NOON
    assert not reading.authoritative


def test_a_chat_that_comes_twice_is_one(tmp_path: Path) -> None:
    half = [{"name": "Demo", "type": "public_channel", "id": 11, "messages": [raw(1)]}]
    other = [{"name": "Demo", "type": "public_channel", "id": "11", "messages": [raw(2, 61)]}]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"chats": {"list": half}, "left_chats": {"list": other}}), encoding="utf-8")
    (chat,) = open_export(path, timezone=None, clock=lambda: NOW)
    assert (chat.messages, chat.first_at, chat.newest_at) == (2, NOON, NOON + timedelta(minutes=61))
    assert [each.message_id for each in read(path)] == [1, 2]


CHATS = [
    ExportChat(chat_id=11, name="Demo Channel", kind="public_channel"),
    ExportChat(chat_id=12, name="Twin", kind="public_channel"),
    ExportChat(chat_id=13, name="twin!", kind="private_group"),
]


@pytest.mark.parametrize(
    ("reference", "wanted", "chat_id"),
    [
        ("t.me/demochannel", None, 11),
        ("t.me/demo_channel", None, 11),
        ("t.me/c/12", None, 12),
        ("t.me/other", "demo channel", 11),
        ("t.me/other", "13", 13),
        ("t.me/other", "-10013", 13),
    ],
)
def test_the_chat_is_chosen_by_name_or_id(reference: str, wanted: str | None, chat_id: int) -> None:
    assert choose_chat(CHATS, reference=reference, wanted=wanted).chat_id == chat_id


def test_the_only_chat_is_taken_whatever_its_name() -> None:
    assert choose_chat(CHATS[:1], reference="t.me/other") == CHATS[0]


@pytest.mark.parametrize(
    ("reference", "wanted", "reason"),
    [
        ("t.me/other", None, r"t\.me/other: fits no chat.*'Demo Channel' \(11, public_channel\), 'Twin'"),
        ("t.me/other", "twin", r"twin: fits several chats.*'Twin' \(12.*'twin!' \(13"),
        ("t.me/c/99", None, "fits no chat"),
        ("t.me/other", "!", "fits no chat"),
    ],
)
def test_an_unclear_choice_lists_the_candidates(reference: str, wanted: str | None, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        choose_chat(CHATS, reference=reference, wanted=wanted)


def test_a_long_list_of_candidates_is_cut() -> None:
    many = [ExportChat(chat_id=number, name="x", kind="public_channel") for number in range(15)]
    with pytest.raises(UsageError, match="and 5 more"):
        choose_chat(many, reference="t.me/other")


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path, r"is a folder; name the file in it: .*result\.json"),
        (tmp_path / "pipe", "is no regular file"),
        (tmp_path / "gone", "cannot be opened"),
        (tmp_path / "a\x00b", "cannot be opened"),
    ]:
        with pytest.raises(UsageError, match=reason):
            check_export_path(path)


@pytest.mark.parametrize("text", ["", "nonsense", '{"some": "json"}'])
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="is no Telegram Desktop export"):
        open_export(path, timezone=None, clock=lambda: NOW)
