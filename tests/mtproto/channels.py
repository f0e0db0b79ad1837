"""Channels of the loopback server: messages, and the log of what happened to them."""

import bisect
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import telethon.client  # noqa: F401 - adds the client's side of Message, as every user of it has it
from telethon.extensions import BinaryReader
from telethon.tl import TLObject
from telethon.tl import types as t

from tests.mtproto.wire import unix

Clock = Callable[[], datetime]
FILLER = "Message {id}: the quick brown fox jumps over the lazy dog, #{mark}. "


class Host(Protocol):
    """What a channel needs of its server."""

    clock: Clock

    def push(self, updates: TLObject) -> None:
        """Send updates to whoever listens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An update in a channel's log; `pts` is the channel's after it."""

    pts: int
    at: datetime
    update: TLObject


class Channel:
    """A channel. Messages are kept serialised: a million is cheap, and history needs no encoding."""

    def __init__(
        self,
        host: Host,
        channel_id: int,
        username: str,
        *,
        title: str | None = None,
        megagroup: bool = False,
        joined: bool = True,
        pts: int = 1,
    ) -> None:
        self.host = host
        self.id = channel_id
        self.username = username
        self.title = title or username
        self.megagroup = megagroup
        self.joined = joined
        self.private = False
        self.noforwards = False
        self.pts = pts
        self.forgotten_pts = pts  # a difference from below this is TooLong
        self.next_id = 1
        self.access_hash = int.from_bytes(hashlib.sha256(b"%d" % channel_id).digest()[:7], "big")
        self.peer = t.PeerChannel(channel_id)
        self.ids: list[int] = []  # ascending
        self.dates: list[int] = []  # unix seconds, same order
        self.raw: dict[int, bytes] = {}
        self.log: list[Event] = []

    def entity(self) -> TLObject:
        """Return the channel as it stands beside messages."""
        return t.Channel(
            id=self.id,
            title=self.title,
            photo=t.ChatPhotoEmpty(),
            date=datetime(2020, 1, 1, tzinfo=UTC),
            broadcast=not self.megagroup,
            megagroup=self.megagroup,
            username=self.username,
            left=not self.joined,
            noforwards=self.noforwards,
            access_hash=self.access_hash,
        )

    def dialog(self) -> TLObject:
        """Return the channel as a row of the dialog list; this is where clients learn its pts."""
        top = self.ids[-1] if self.ids else 0
        return t.Dialog(self.peer, top, 0, 0, 0, 0, 0, 0, t.PeerNotifySettings(), pts=self.pts)

    def get(self, message_id: int) -> TLObject:
        """Return a message that exists; raises KeyError."""
        return BinaryReader(self.raw[message_id]).tgread_object()

    def texts(self) -> dict[int, str]:
        """Return id and current text of every message that exists now; service messages are left out."""
        found = [self.get(each) for each in self.ids]
        return {each.id: each.message for each in found if isinstance(each, t.Message)}

    def message(
        self, text: str, date: datetime | None = None, message_id: int | None = None, **more: object
    ) -> TLObject:
        """Make a message without storing it: the next id, the server's time, a post unless in a group."""
        fields = {"post": not self.megagroup, **more}
        return t.Message(
            id=message_id or self.next_id,
            peer_id=self.peer,
            date=date or self.host.clock(),
            message=text,
            **fields,
        )

    def fill(
        self,
        count: int,
        start: datetime,
        step: timedelta,
        make: Callable[["Channel", int, datetime], TLObject] | None = None,
    ) -> "Channel":
        """Store so many old messages, the first at `start`, without any update; return the channel."""
        for number in range(count):
            self._store((make or _filler)(self, self.next_id, start + number * step))
        return self

    def post(
        self, text: str | TLObject, date: datetime | None = None, *, push: bool = True, **more: object
    ) -> TLObject:
        """Publish a text, or a finished message; without `push` it happens unannounced (a gap)."""
        message = self.message(text, date, **more) if isinstance(text, str) else text  # type: ignore[arg-type]
        self._store(message)
        self.pts += 1
        self._happened(t.UpdateNewChannelMessage(message, self.pts, 1), push=push)
        return message

    def edit(self, message_id: int, text: str, *, push: bool = True, **more: object) -> TLObject:
        """Change a message's text, and other fields by name; raises KeyError."""
        message = self.get(message_id)
        for name, value in {"message": text, "edit_date": self.host.clock(), **more}.items():
            setattr(message, name, value)
        self._store(message)
        self.pts += 1
        self._happened(t.UpdateEditChannelMessage(message, self.pts, 1), push=push)
        return message

    def delete(self, *message_ids: int, push: bool = True) -> None:
        """Remove messages; raises KeyError for one that does not exist."""
        for each in message_ids:
            del self.raw[each]
            at = bisect.bisect_left(self.ids, each)
            del self.ids[at], self.dates[at]
        self.pts += len(message_ids)
        gone = t.UpdateDeleteChannelMessages(self.id, list(message_ids), self.pts, len(message_ids))
        self._happened(gone, push=push)

    def forget_log(self) -> None:
        """Answer TooLong to whoever asks for the difference from before now."""
        self.forgotten_pts = self.pts

    def _store(self, message: TLObject) -> None:
        if message.id not in self.raw:
            at = bisect.bisect(self.ids, message.id)
            self.ids.insert(at, message.id)
            self.dates.insert(at, unix(message.date))
        self.raw[message.id] = bytes(message)
        self.next_id = max(self.next_id, message.id + 1)

    def _happened(self, update: TLObject, *, push: bool) -> None:
        now = self.host.clock()
        self.log.append(Event(pts=self.pts, at=now, update=update))
        if push and self.joined:
            self.host.push(t.Updates([update], [], [self.entity()], now, 0))


def _filler(channel: Channel, message_id: int, date: datetime) -> TLObject:
    text = FILLER.format(id=message_id, mark=message_id % 97) * 3
    bold = [t.MessageEntityBold(0, 7)]
    return channel.message(text, date, message_id, views=message_id, forwards=message_id % 7, entities=bold)
