"""Telegram Desktop exports: what is in one, which of its chats is meant, and that chat as a source."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tutordex_dagster.capture.contract import ChannelInfo, Message, SourceKind, Unreadable
from tutordex_dagster.capture.export_json import ChatHead, Cut, OnBytes, read_chats
from tutordex_dagster.capture.export_messages import MessageReader, parse_timezone
from tutordex_dagster.capture.references import id_in_reference
from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import Clock, Window

_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportChat:
    """One chat of an export: its bare id, name, type, and the span of its readable messages."""

    chat_id: int
    name: str
    kind: str
    messages: int = 0
    first_at: datetime | None = None
    newest_at: datetime | None = None
    cut: str | None = None


def check_export_path(path: Path) -> int:
    """Return the size in bytes of a file that may be an export; UsageError if it cannot be one."""
    try:
        status = os.stat(path)  # noqa: PTH116 - also of what no Path method names
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            path, f"cannot be opened ({reason})", "name Telegram Desktop's result.json"
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(path, "is a folder", f"name the file in it: {path / 'result.json'}")
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(path, "is no regular file", "name Telegram Desktop's result.json")
    return status.st_size


def open_export(
    path: Path, *, timezone: str | None, clock: Clock, on_bytes: OnBytes = lambda _count: None
) -> list[ExportChat]:
    """Read an export once and tell its chats; a chat that comes twice is one.

    Raises UsageError if the file is no export, or has local times and no time zone was named.
    """
    check_export_path(path)
    reader = MessageReader(timezone=parse_timezone(timezone), now=clock())
    chats: dict[int, _Tally] = {}
    for head, raws in read_chats(path, on_bytes=on_bytes):
        tally = chats.setdefault(head.chat_id, _Tally(head))
        for raw in raws:
            if isinstance(raw, Cut):
                tally.cut = raw.reason
            else:
                tally.count(reader.posted_at(raw))
    if not chats:
        raise UsageError(
            path, "is no Telegram Desktop export (no chat in it)", "export as JSON and name its result.json"
        )
    return [tally.chat() for tally in chats.values()]


class _Tally:
    """Counts the messages of one chat."""

    def __init__(self, head: ChatHead) -> None:
        self.head = head
        self.messages = 0
        self.first_at: datetime | None = None
        self.newest_at: datetime | None = None
        self.cut: str | None = None

    def count(self, posted_at: datetime | str) -> None:
        self.messages += 1
        if isinstance(posted_at, datetime):
            self.first_at = min(posted_at, self.first_at or posted_at)
            self.newest_at = max(posted_at, self.newest_at or posted_at)

    def chat(self) -> ExportChat:
        return ExportChat(
            chat_id=self.head.chat_id,
            name=self.head.name,
            kind=self.head.kind,
            messages=self.messages,
            first_at=self.first_at,
            newest_at=self.newest_at,
            cut=self.cut,
        )


def choose_chat(chats: Sequence[ExportChat], *, reference: str, wanted: str | None = None) -> ExportChat:
    """Return the chat that is meant: by `wanted` (name or id), by the reference, or as the only one.

    Exports do not hold user names, so a reference by name is compared with the chats' names, letters and
    digits only. UsageError lists the candidates if none or several fit.
    """
    fitting = _fitting(chats, reference, wanted)
    if len(fitting) == 1:
        return fitting[0]
    shown = fitting or chats
    listed = ", ".join(f"{chat.name!r} ({chat.chat_id}, {chat.kind})" for chat in shown[:_LISTED])
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    reason = "fits several chats of this export" if fitting else "fits no chat of this export"
    raise UsageError(wanted or reference, reason, f"add --chat with the name or id of one: {listed}{more}")


def _fitting(chats: Sequence[ExportChat], reference: str, wanted: str | None) -> list[ExportChat]:
    if wanted is not None:
        number = wanted.strip().removeprefix("-100")
        return [chat for chat in chats if str(chat.chat_id) == number or _same_name(chat.name, wanted)]
    if (channel_id := id_in_reference(reference)) is not None:
        return [chat for chat in chats if chat.chat_id == channel_id]
    if len(chats) == 1:
        return list(chats)
    return [chat for chat in chats if _same_name(chat.name, reference.removeprefix("t.me/"))]


def _same_name(one: str, other: str) -> bool:
    return _letters(one) == _letters(other) != ""


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


class ExportSource:
    """One chat of an export as a channel source.

    An export may be partial (media filters, a time range), so what it lacks was not deleted. It shows the
    channel as it was when its newest message was posted: it never overrides what was seen later, and the hour
    of that message stays open. Every read is one pass over the file, in its order.
    """

    kind: SourceKind = "export"
    authoritative = False

    def __init__(
        self,
        path: Path,
        *,
        info: ChannelInfo,
        timezone: str | None,
        first_at: datetime,
        newest_at: datetime,
        clock: Clock,
        on_bytes: OnBytes = lambda _count: None,
    ) -> None:
        self.info = info
        self.unsafe_paths = 0
        self._path = path
        self._timezone = parse_timezone(timezone)
        self._first_at = first_at
        self._newest_at = newest_at
        self._clock = clock
        self._on_bytes = on_bytes

    def vouches_until(self, now: datetime) -> datetime:
        """Return the instant of the newest message: what came later is not in the file."""
        return min(now, self._newest_at)

    def observed_at(self, now: datetime) -> datetime:
        """Return the instant of the newest message: the file is at least as new."""
        return min(now, self._newest_at)

    def read(self, window: Window) -> Iterator[Message | Unreadable]:
        """Yield the messages posted in the window, in the file's order (Telegram writes them ascending).

        A message without a readable time counts as posted with the one before it, and so does a cut.
        """
        reader = MessageReader(timezone=self._timezone, now=self._clock())
        last_at = self._first_at
        for raw in self._raw_messages():
            posted_at = raw.reason if isinstance(raw, Cut) else reader.posted_at(raw)
            last_at = posted_at if isinstance(posted_at, datetime) else last_at
            if last_at not in window:
                continue
            if isinstance(posted_at, str):
                yield Unreadable(reason=posted_at, posted_at=last_at)
            else:
                yield reader.message(raw, posted_at)
        self.unsafe_paths = reader.unsafe_paths

    def _raw_messages(self) -> Iterator[Any]:
        check_export_path(self._path)
        for head, raws in read_chats(self._path, on_bytes=self._on_bytes):
            if head.chat_id == self.info.channel_id:
                yield from raws
