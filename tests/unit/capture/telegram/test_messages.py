"""Telethon's messages as records of ours."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from telethon.tl import TLObject, types

from tutordex_dagster.capture.contract import Message, Unreadable
from tutordex_dagster.capture.export_messages import MessageReader as ExportReader
from tutordex_dagster.capture.telegram.messages import MessageReader, Via, media_kind, names_of, plain

AT = datetime(2025, 3, 1, 12, 30, tzinfo=UTC)
CHANNEL = types.PeerChannel(1_500_000_000)
ELSEWHERE = types.PeerChannel(1_600_000_000)
NAMES = names_of(
    [
        types.Channel(id=1_600_000_000, title="Elsewhere", photo=None, date=AT, access_hash=1),
        types.ChannelForbidden(1_700_000_000, 1, "Closed to us"),
        types.Chat(id=5, title="A group", photo=None, participants_count=1, date=AT, version=1),
        types.ChatEmpty(6),
    ],
    [
        types.User(7, first_name="Ada", last_name="Lovelace"),
        types.User(8, first_name="Grace"),
        types.User(9),
        types.UserEmpty(10),
    ],
)


def post(**more: object) -> TLObject:
    return types.Message(**{"id": 5, "peer_id": CHANNEL, "date": AT, "message": "hello", **more})


def service(action: TLObject, **more: object) -> TLObject:
    return types.MessageService(id=6, peer_id=CHANNEL, date=AT, action=action, **more)


def read(tl: TLObject) -> Message:
    (found,) = MessageReader("history", 12, NAMES).each([tl])
    assert isinstance(found, Message)
    return found


def unreadable(tl: TLObject) -> Unreadable:
    (found,) = MessageReader("history", 12, NAMES).each([tl])
    assert isinstance(found, Unreadable)
    return found


def document(*attributes: TLObject) -> TLObject:
    made = types.Document(1, 2, b"ref", AT, "application/x", 3, 2, list(attributes))
    return types.MessageMediaDocument(document=made)


def video(**more: object) -> TLObject:
    return types.DocumentAttributeVideo(duration=1.0, w=1, h=1, **more)


def audio(**more: object) -> TLObject:
    return types.DocumentAttributeAudio(duration=1, **more)


PHOTO = types.MessageMediaPhoto(
    photo=types.Photo(
        1,
        2,
        b"file reference",
        AT,
        [
            types.PhotoStrippedSize("i", b"thumbnail"),
            types.PhotoCachedSize("m", 90, 90, b"\x00\xff"),
            types.PhotoSize("x", 800, 600, 1000),
        ],
        2,
    )
)
STICKER = types.DocumentAttributeSticker("x", types.InputStickerSetEmpty())
NAMED = types.DocumentAttributeFilename("a.pdf")
GEO = types.GeoPoint(103.8, 1.3, 1)
WEB_PAGE = types.MessageMediaWebPage(types.WebPageEmpty(1))


def test_a_post_is_read_whole() -> None:
    header = types.MessageFwdHeader(date=AT, from_id=ELSEWHERE)
    edited = AT + timedelta(hours=1)
    found = read(
        post(
            edit_date=edited,
            post_author="Mary",
            reply_to=types.MessageReplyHeader(reply_to_msg_id=3),
            fwd_from=header,
            media=PHOTO,
        )
    )
    assert replace(found, payload=b"") == Message(
        message_id=5,
        posted_at=AT,
        text="hello",
        edited_at=edited,
        author="Mary",
        reply_to=3,
        forwarded_from="Elsewhere",
        media="photo",
        payload=b"",
    )


def test_the_text_is_the_bare_one() -> None:
    bold = types.MessageEntityBold(0, 5)
    assert read(post(message="**x** 𝕏 \n", entities=[bold])).text == "**x** 𝕏 \n"


@pytest.mark.parametrize(
    ("media", "kind"),
    [
        (PHOTO, "photo"),
        (types.MessageMediaPhoto(ttl_seconds=1), "photo"),
        (document(NAMED), "file"),
        (document(), "file"),
        (types.MessageMediaDocument(), "file"),
        (document(STICKER, video()), "sticker"),
        (document(video(round_message=True)), "video_message"),
        (document(audio(voice=True)), "voice_message"),
        (document(video(), types.DocumentAttributeAnimated(), NAMED), "animation"),
        (document(NAMED, video()), "video_file"),
        (document(audio(title="Song"), NAMED), "audio_file"),
        (types.MessageMediaGeo(GEO), "location"),
        (types.MessageMediaGeoLive(GEO, 60), "location"),
        (types.MessageMediaVenue(GEO, "x", "x", "x", "x", "x"), "location"),
        (types.MessageMediaContact("65", "A", "B", "", 1), "contact"),
        (types.MessageMediaPoll(None, None), "poll"),
        (WEB_PAGE, None),
        (types.MessageMediaDice(1, "x"), None),
        (types.MessageMediaUnsupported(), None),
    ],
)
def test_media_have_the_names_of_exports(media: TLObject, kind: str | None) -> None:
    assert media_kind(media) == kind


@pytest.mark.parametrize(
    ("header", "reply_to"),
    [
        (None, None),
        (types.MessageReplyHeader(reply_to_msg_id=3), 3),
        (types.MessageReplyHeader(reply_to_msg_id=3, reply_to_peer_id=CHANNEL), 3),
        (types.MessageReplyHeader(reply_to_msg_id=3, reply_to_peer_id=ELSEWHERE), None),
        (types.MessageReplyHeader(reply_to_msg_id=3, forum_topic=True), 3),
        (types.MessageReplyStoryHeader(types.PeerUser(7), 3), None),
    ],
)
def test_a_reply_is_to_a_message_of_the_same_chat(header: TLObject, reply_to: int | None) -> None:
    assert read(post(reply_to=header)).reply_to == reply_to


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ({"from_id": ELSEWHERE}, "Elsewhere"),
        ({"from_id": types.PeerChannel(1_700_000_000)}, "Closed to us"),
        ({"from_id": types.PeerChat(5)}, "A group"),
        ({"from_id": types.PeerUser(7)}, "Ada Lovelace"),
        ({"from_id": types.PeerUser(8)}, "Grace"),
        ({"from_id": types.PeerUser(9)}, None),
        ({"from_id": types.PeerUser(404)}, None),
        ({"from_name": "Hidden"}, "Hidden"),
        ({}, None),
    ],
)
def test_the_origin_is_named_when_it_is_known(origin: Mapping[str, Any], name: str | None) -> None:
    assert read(post(fwd_from=types.MessageFwdHeader(date=AT, **origin))).forwarded_from == name


def test_the_author_is_whoever_signed_or_sent_it() -> None:
    assert read(post()).author is None
    assert read(post(from_id=types.PeerUser(7))).author == "Ada Lovelace"
    assert read(post(from_id=types.PeerUser(404))).author is None
    assert read(post(from_id=types.PeerUser(7), post_author="Mary")).author == "Mary"


def test_an_edit_before_the_post_is_none() -> None:
    assert read(post(edit_date=AT)).edited_at == AT
    assert read(post(edit_date=datetime(1970, 1, 1, tzinfo=UTC))).edited_at is None


def test_service_messages_have_neither_text_nor_reply() -> None:
    pinned = service(types.MessageActionPinMessage(), reply_to=types.MessageReplyHeader(reply_to_msg_id=3))
    found = read(pinned)
    assert (found.kind, found.text, found.reply_to, found.media) == ("service", "", None, None)
    assert read(service(types.MessageActionChatEditPhoto(PHOTO.photo))).media == "photo"


SAME_IN_AN_EXPORT = [
    (post(), {"text": "hello"}),
    (post(edit_date=AT), {"text": ["hel", {"type": "bold", "text": "lo"}], "edited_unixtime": "1740832200"}),
    (post(media=PHOTO, message=""), {"text": "", "photo": "photos/photo_1.jpg", "width": 800}),
    (post(media=document(NAMED)), {"text": "hello", "file": "files/a.pdf", "mime_type": "application/x"}),
    (post(media=document(video())), {"text": "hello", "file": "x.mp4", "media_type": "video_file"}),
    (post(media=WEB_PAGE), {"text": "hello"}),
    (
        post(reply_to=types.MessageReplyHeader(reply_to_msg_id=3)),
        {"text": "hello", "reply_to_message_id": 3},
    ),
    (
        post(reply_to=types.MessageReplyHeader(reply_to_msg_id=3, reply_to_peer_id=ELSEWHERE)),
        {"text": "hello", "reply_to_message_id": 3, "reply_to_peer_id": "channel1600000000"},
    ),
    (
        post(fwd_from=types.MessageFwdHeader(date=AT, from_id=ELSEWHERE)),
        {"text": "hello", "forwarded_from": "Elsewhere"},
    ),
    (
        service(types.MessageActionChatEditTitle("New")),
        {"type": "service", "action": "edit_group_title", "title": "New", "text": ""},
    ),
    (
        service(types.MessageActionChatEditPhoto(PHOTO.photo)),
        {"type": "service", "action": "edit_group_photo", "photo": "photos/photo_2.jpg", "text": ""},
    ),
    (
        service(types.MessageActionPinMessage(), reply_to=types.MessageReplyHeader(reply_to_msg_id=3)),
        {"type": "service", "action": "pin_message", "message_id": 3, "text": ""},
    ),
]


@pytest.mark.parametrize(("tl", "exported"), SAME_IN_AN_EXPORT)
def test_an_export_of_the_same_message_has_the_same_content(
    tl: TLObject, exported: Mapping[str, Any]
) -> None:
    raw = {"id": tl.id, "type": "message", "date_unixtime": str(int(AT.timestamp())), **exported}
    other = ExportReader(timezone=None, now=AT).message(raw, AT)
    assert isinstance(other, Message)
    assert read(tl).content_hash() == other.content_hash()
    assert read(tl).message_id == other.message_id


def test_the_payload_tells_layer_way_and_pts() -> None:
    ways: list[tuple[Via, int | None, dict[str, object]]] = [
        ("history", 12, {"layer": 229, "via": "history", "pts": 12}),
        ("update", None, {"layer": 229, "via": "update", "pts": None}),
    ]
    for via, pts, head in ways:
        (found,) = MessageReader(via, pts, {}).each([post()])
        assert isinstance(found, Message)
        payload = orjson.loads(found.payload)
        assert {name: payload[name] for name in ("layer", "via", "pts")} == head
        assert payload["message"]["id"] == 5


RICH = post(
    out=True,
    media=PHOTO,
    views=7,
    forwards=0,
    grouped_id=2**63 - 1,
    edit_hide=True,
    entities=[types.MessageEntityTextUrl(0, 5, "https://t.me/x")],
    restriction_reason=[],
    reactions=types.MessageReactions([types.ReactionCount(types.ReactionEmoji("👍"), 3)]),
    replies=types.MessageReplies(1, 2, recent_repliers=[types.PeerUser(7)]),
    fwd_from=types.MessageFwdHeader(date=AT, from_id=ELSEWHERE),
)


def pruned(value: Any) -> Any:  # noqa: ANN401 - what to_dict gives
    """Return what the payload should hold of it."""
    if isinstance(value, dict):
        kept = {name: pruned(inner) for name, inner in value.items() if name != "file_reference"}
        return {
            name: inner
            for name, inner in kept.items()
            if inner is not None and inner is not False and inner != []
        }
    if isinstance(value, list):
        return [
            pruned(item) for item in value if not isinstance(item, dict) or item["_"] != "PhotoStrippedSize"
        ]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize(
    "tl",
    [
        post(),
        RICH,
        service(types.MessageActionChatEditPhoto(PHOTO.photo)),
        post(media=types.MessageMediaGeo(GEO)),
    ],
)
def test_the_payload_is_telethons_own_without_what_is_absent_or_expires(tl: TLObject) -> None:
    ours = json.loads(orjson.dumps(plain(tl)))
    assert ours == pruned(tl.to_dict())


def test_the_payload_keeps_numbers_bytes_and_instants() -> None:
    text = read(RICH).payload.decode().partition('"message":')[2]
    for kept in (
        b64encode(b"\x00\xff").decode(),
        str(2**63 - 1),
        "2025-03-01T12:30:00+00:00",
        '"forwards":0',
    ):
        assert kept in text
    for left_out in ("file_reference", "PhotoStrippedSize", "null", "false", "[]"):
        assert left_out not in text


def test_places_of_deleted_messages_are_left_out() -> None:
    empty = types.MessageEmpty(id=4, peer_id=CHANNEL)
    found = list(MessageReader("history", 12, NAMES).each([empty, post(), empty]))
    assert [message.message_id for message in found] == [5]


def test_a_defective_message_is_unreadable_and_spoils_no_other() -> None:
    assert unreadable(post(date=datetime(1970, 1, 1, tzinfo=UTC))) == Unreadable(
        reason="message 5 cannot be read (it is dated 1970-01-01, before Telegram began)", message_id=5
    )
    assert unreadable(post(message="\ud800")).posted_at == AT
    assert unreadable(post(date=None)).posted_at is None
    assert unreadable(post(fwd_from="nonsense")).message_id == 5
    assert unreadable(post(views=2**70)).message_id == 5
    assert unreadable(types.PeerUser(1)).message_id is None
    found = list(MessageReader("history", 12, NAMES).each([post(date=None), post()]))
    assert [type(message) for message in found] == [Unreadable, Message]
