"""Telethon's messages as records of ours. Pure, and quick: history brings them by the hundred thousand.

A record holds what a Telegram Desktop export holds of the same message, so that both sources give one content
hash: media by the names of exports, neither text nor reply in service messages, web previews are no media.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import signature
from operator import attrgetter
from typing import Any, Final, Literal

import orjson
from telethon.tl import TLObject, types
from telethon.tl.alltlobjects import LAYER

from tutordex_dagster.capture.contract import Message, Unreadable

Via = Literal["history", "difference", "update"]
"""How a message came to us."""

TL = Any
"""An object of Telethon's, which is untyped."""

Names = Mapping[int, str]
"""Titles of chats and names of people by marked id."""

TELEGRAM_BEGAN: Final = datetime(2013, 8, 14, tzinfo=UTC)
"""Telegram's first release; a message with an older date has a defect."""

_CHANNEL_MARK: Final = 1_000_000_000_000
_DEFECTS: Final = (AttributeError, TypeError, ValueError, OverflowError, RecursionError)
"""What a message of an unexpected shape makes our reading of it raise."""


def marked_id(peer: TL) -> int | None:
    """Return one number for any peer: positive for people, negative for groups, -100… for channels."""
    if isinstance(peer, types.PeerChannel):
        return -_CHANNEL_MARK - int(peer.channel_id)
    if isinstance(peer, types.PeerUser):
        return int(peer.user_id)
    return -int(peer.chat_id) if isinstance(peer, types.PeerChat) else None


def names_of(chats: Iterable[TL], users: Iterable[TL]) -> Names:
    """Return the names of the chats and users that came along with messages."""
    names: dict[int, str] = {}
    for chat in chats:
        if title := getattr(chat, "title", None):
            channel = isinstance(chat, types.Channel | types.ChannelForbidden)
            names[-_CHANNEL_MARK - chat.id if channel else -chat.id] = title
    for user in users:
        full = (getattr(user, "first_name", None), getattr(user, "last_name", None))
        if name := " ".join(part for part in full if part):
            names[user.id] = name
    return names


@dataclass(frozen=True, slots=True)
class MessageReader:
    """Reads the messages that came in one answer; `pts` is the channel's then, if the answer told it."""

    via: Via
    pts: int | None
    names: Names

    def each(self, found: Iterable[TL]) -> Iterator[Message | Unreadable]:
        """Yield the messages in their order; places where a message was are left out."""
        head = b'{"layer":%d,"via":"%b","pts":%b,"message":' % (
            LAYER,
            self.via.encode(),
            b"null" if self.pts is None else b"%d" % self.pts,
        )
        for tl in found:
            if not isinstance(tl, types.MessageEmpty):
                yield self._read(tl, head)

    def _read(self, tl: TL, head: bytes) -> Message | Unreadable:
        try:
            if tl.date < TELEGRAM_BEGAN:
                return _unreadable(tl, f"it is dated {tl.date:%Y-%m-%d}, before Telegram began")
            payload = b"%b%b}" % (head, orjson.dumps(plain(tl)))
            return self._post(tl, payload) if tl.action is None else self._service(tl, payload)
        except _DEFECTS as error:
            return _unreadable(tl, f"{type(error).__name__}: {error}")

    def _post(self, tl: TL, payload: bytes) -> Message:
        return Message(
            message_id=tl.id,
            posted_at=tl.date,
            text=tl.message or "",
            edited_at=tl.edit_date if tl.edit_date and tl.edit_date >= tl.date else None,
            author=self._author(tl),
            reply_to=tl.reply_to and _reply_to(tl.reply_to, tl.peer_id),
            forwarded_from=tl.fwd_from and self._forwarded_from(tl.fwd_from),
            media=tl.media and media_kind(tl.media),
            payload=payload,
        )

    def _service(self, tl: TL, payload: bytes) -> Message:
        return Message(
            message_id=tl.id,
            posted_at=tl.date,
            text="",
            kind="service",
            author=self._author(tl),
            media="photo" if isinstance(tl.action, types.MessageActionChatEditPhoto) else None,
            payload=payload,
        )

    def _author(self, tl: TL) -> str | None:
        return tl.post_author or (self._name(tl.from_id) if tl.from_id else None)

    def _forwarded_from(self, header: TL) -> str | None:
        name: str | None = self._name(header.from_id) if header.from_id else header.from_name
        return name

    def _name(self, peer: TL) -> str | None:
        known = marked_id(peer)
        return None if known is None else self.names.get(known)


def media_kind(media: TL) -> str | None:
    """Return the name an export gives to the kind of media; None for what exports show as no media."""
    if isinstance(media, types.MessageMediaDocument):
        return _document_kind(getattr(media.document, "attributes", ()))
    return _MEDIA.get(type(media))


_MEDIA: Final[Mapping[type, str]] = {
    types.MessageMediaPhoto: "photo",
    types.MessageMediaPoll: "poll",
    types.MessageMediaGeo: "location",
    types.MessageMediaGeoLive: "location",
    types.MessageMediaVenue: "location",
    types.MessageMediaContact: "contact",
}
_DOCUMENTS: Final = ("sticker", "video_message", "voice_message", "animation", "video_file", "audio_file")
"""Kinds of documents; the first one that a document's attributes name is what an export calls it."""


def _document_kind(attributes: Iterable[TL]) -> str:
    named = {kind for attribute in attributes if (kind := _attribute_kind(attribute))}
    return next((kind for kind in _DOCUMENTS if kind in named), "file")


def _attribute_kind(attribute: TL) -> str | None:
    match attribute:
        case types.DocumentAttributeSticker():
            return "sticker"
        case types.DocumentAttributeAnimated():
            return "animation"
        case types.DocumentAttributeVideo():
            return "video_message" if attribute.round_message else "video_file"
        case types.DocumentAttributeAudio():
            return "voice_message" if attribute.voice else "audio_file"
    return None


def _reply_to(header: TL, peer: TL) -> int | None:
    """Return the message replied to, unless it is a story or in another chat."""
    elsewhere = getattr(header, "reply_to_peer_id", None)
    if elsewhere is not None and marked_id(elsewhere) != marked_id(peer):
        return None
    number: int | None = getattr(header, "reply_to_msg_id", None)
    return number


def _unreadable(tl: TL, reason: str) -> Unreadable:
    message_id, date = getattr(tl, "id", None), getattr(tl, "date", None)
    return Unreadable(
        reason=f"message {message_id} cannot be read ({reason})",
        message_id=message_id if type(message_id) is int else None,
        posted_at=date if isinstance(date, datetime) and date >= TELEGRAM_BEGAN else None,
    )


_AS_THEY_ARE: Final = frozenset({str, int, float, bool, datetime})
_LEFT_OUT: Final = frozenset({"file_reference"})
"""Opaque and expired within hours."""

_Getter = Callable[[TL], tuple[Any, ...]]

_fields: dict[type, tuple[tuple[str, ...], _Getter]] = {}
"""The fields of every type met so far, and what gets them all at once."""


def plain(tl: TL) -> dict[str, Any]:
    """Return Telethon's `to_dict` without what is absent (None, False, []), secrets of access and thumbnails.

    Bytes become base64; instants stay, for orjson writes them as ISO 8601.
    """
    kind = type(tl)
    names, get = _fields.get(kind) or _learn(kind)
    result: dict[str, Any] = {"_": kind.__name__}
    for name, value in zip(names, get(tl), strict=True):
        if value is None or value is False:
            continue
        if type(value) in _AS_THEY_ARE:
            result[name] = value
        elif (inner := _plain_value(value)) not in ([], None):
            result[name] = inner
    return result


def _plain_value(value: object) -> object:
    if isinstance(value, list):
        return [
            item if type(item) in _AS_THEY_ARE else _plain_value(item)
            for item in value
            if not isinstance(item, types.PhotoStrippedSize)
        ]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return plain(value) if isinstance(value, TLObject) else value


def _learn(kind: type) -> tuple[tuple[str, ...], _Getter]:
    names = tuple(name for name in signature(kind).parameters if name not in _LEFT_OUT)
    _fields[kind] = names, _getter(names)
    return _fields[kind]


def _getter(names: tuple[str, ...]) -> _Getter:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda tl: tuple(getattr(tl, name) for name in names)
