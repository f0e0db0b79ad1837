"""One channel of Telegram as a source: its history by pages, and what changed since a cursor."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from telethon.tl import functions, types

from tutordex_dagster.capture.contract import Changes, ChannelInfo, Message, SourceKind, Unreadable
from tutordex_dagster.capture.telegram.caller import Caller
from tutordex_dagster.capture.telegram.errors import CursorRefused
from tutordex_dagster.capture.telegram.messages import TELEGRAM_BEGAN, TL, MessageReader, names_of
from tutordex_dagster.windows import Window

PAGE: Final = 100
"""Messages in one answer, at most: Telegram gives no more."""

DIFFERENCE: Final = 100
"""Events in one difference: what is asked of users' programs."""

_SECOND: Final = timedelta(seconds=1)
_BEGINNING: Final = 1
"""Every message of a channel has this id or a greater one."""


class TelegramSource:
    """A channel as an account sees it. The cursor is the channel's pts. Usable from one thread at a time."""

    kind: SourceKind = "telegram"
    authoritative = True

    def __init__(self, connection: Caller, info: ChannelInfo, *, access_hash: int) -> None:
        """Read a channel through a connection; `access_hash` is the one of the connection's account."""
        self._connection = connection
        self._info = info
        self._peer = types.InputPeerChannel(info.channel_id, access_hash)
        self._channel = types.InputChannel(info.channel_id, access_hash)

    @property
    def info(self) -> ChannelInfo:
        """Tell which channel this is."""
        return self._info

    def vouches_until(self, now: datetime) -> datetime:
        """Return now: Telegram shows everything up to the moment it is asked."""
        return now

    def observed_at(self, now: datetime) -> datetime:
        """Return now: Telegram shows the state of the moment it is asked."""
        return now

    def read(self, window: Window) -> Iterator[Message | Unreadable]:
        """Yield the messages posted in the window, oldest first.

        Raises TelegramUnavailable, FloodWait, BreakerOpen, SessionDead or ChannelUnavailable; what was
        yielded before stays valid.
        """
        # Whether Telegram counts a message of exactly offset_date as older is not known: with a second less,
        # and what is too old skipped here, either will do.
        start = window.since - _SECOND
        for found in self._ascending(offset_date=start if start > TELEGRAM_BEGAN else None):
            if found.posted_at and found.posted_at >= window.until:
                return
            if found.posted_at is None or found.posted_at >= window.since:
                yield found

    def newer(self, after_id: int) -> Iterator[Message | Unreadable]:
        """Yield the messages with a greater id that exist now, oldest first; raises what `read` raises."""
        return self._ascending(after_id=after_id)

    def newest(self, limit: int) -> Sequence[Message | Unreadable]:
        """Return the newest messages that exist now, oldest first; raises what `read` raises."""
        found: list[Message | Unreadable] = []
        before = 0
        while len(found) < limit:
            page = self._page(offset_id=before, limit=min(PAGE, limit - len(found)))
            if not page.messages:
                break
            found += _reader(page).each(page.messages)
            before = page.messages[-1].id
        return found[::-1]

    def cursor(self) -> int:
        """Return the channel's pts; raises what `read` raises."""
        answer = self._call(functions.channels.GetFullChannelRequest(self._channel))
        return int(answer.full_chat.pts)

    def changes(self, since: int) -> Changes | None:
        """Return the next part of what happened after this pts, None if that is too much or too long ago.

        For one message, what is later comes later. Raises what `read` raises.
        """
        try:
            answer = self._call(
                functions.updates.GetChannelDifferenceRequest(
                    self._channel, types.ChannelMessagesFilterEmpty(), since, DIFFERENCE
                )
            )
        except CursorRefused:
            return None
        if isinstance(answer, types.updates.ChannelDifferenceTooLong):
            return None
        if isinstance(answer, types.updates.ChannelDifferenceEmpty):
            return Changes(found=(), deleted=(), cursor=int(answer.pts))
        return _changes(answer)

    def _ascending(
        self, *, after_id: int = 0, offset_date: datetime | None = None
    ) -> Iterator[Message | Unreadable]:
        """Yield what exists after an id, or after an instant; an empty page is the end.

        A shorter one is not: Telegram leaves out of a page what the account may not see.
        """
        after = after_id
        page = self._page(
            offset_id=0 if offset_date else after + 1, offset_date=offset_date, add_offset=-PAGE
        )
        while new := [tl for tl in reversed(page.messages) if tl.id > after]:
            yield from _reader(page).each(new)
            after = new[-1].id
            page = self._page(offset_id=after + 1, add_offset=-PAGE)

    def _page(
        self, *, offset_id: int, offset_date: datetime | None = None, add_offset: int = 0, limit: int = PAGE
    ) -> TL:
        """Return messages newest first: those before the offset, or with `add_offset` of -limit after it."""
        return self._call(
            functions.messages.GetHistoryRequest(
                peer=self._peer,
                offset_id=offset_id,
                offset_date=offset_date,
                add_offset=add_offset,
                limit=limit,
                max_id=0,
                min_id=0,
                hash=0,
            )
        )

    def _call(self, request: TL) -> TL:
        return self._connection.call(request, about=self._info.reference)


def _reader(page: TL) -> MessageReader:
    return MessageReader("history", getattr(page, "pts", None), names_of(page.chats, page.users))


def _changes(difference: TL) -> Changes:
    """Read a difference: new messages come as they were posted, then what was done to them and to others."""
    messages = list(difference.new_messages)
    deleted: list[int] = []
    for update in difference.other_updates:
        if isinstance(update, types.UpdateNewChannelMessage | types.UpdateEditChannelMessage):
            messages.append(update.message)
        elif isinstance(update, types.UpdateDeleteChannelMessages):
            deleted += update.messages
    names = names_of(difference.chats, difference.users)
    reader = MessageReader("difference", difference.pts, names)
    return Changes(
        found=tuple(reader.each(messages)),
        deleted=tuple(deleted),
        cursor=int(difference.pts),
        final=bool(difference.final),
    )
