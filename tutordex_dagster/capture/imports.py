"""Import of one chat of a Telegram Desktop export into the raw log.

The file is read twice: once to learn its chats and how far they reach (nothing is stored before it is known
that the whole can be stored, and as of when), once to store the chosen chat as a sweep over all its hours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tutordex_dagster.capture.contract import ChannelInfo, EnqueueFor, RawLog
from tutordex_dagster.capture.export import (
    ExportChat,
    ExportSource,
    check_export_path,
    choose_chat,
    open_export,
)
from tutordex_dagster.capture.references import canonical_reference
from tutordex_dagster.capture.sweep import SweepSummary, sweep
from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import HOUR, Clock, Window, hour_of

OnFileProgress = Callable[[int, int], None]
"""Told bytes read so far and bytes to read in all; the file counts twice, because it is read twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFacts:
    """What the catalogue of exports keeps of one, so that its chat can be read again as a source."""

    path: Path
    timezone: str | None
    first_at: datetime
    vouches_until: datetime
    messages: int


Register = Callable[[ChannelInfo, ExportFacts], None]
"""Makes the channel and the export known to the catalogue, before the first message is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What an import found and stored. `swept` has the counts of messages and hours."""

    channel: ChannelInfo
    facts: ExportFacts
    swept: SweepSummary
    unsafe_paths: int
    cut: str | None


def import_export(
    path: Path,
    *,
    reference: str,
    log: RawLog,
    register: Register,
    enqueue: Sequence[EnqueueFor],
    clock: Clock,
    chat: str | None = None,
    timezone: str | None = None,
    on_progress: OnFileProgress = lambda _read, _total: None,
) -> ImportSummary:
    """Store one chat of an export under the given channel reference.

    Hours before that of the newest message are sealed, that one stays open: the export may end within it.
    Raises UsageError before anything is stored if the file, the chat or the time zone cannot be used.
    """
    reference = canonical_reference(reference)
    path = path.absolute()
    on_bytes = _counter(2 * check_export_path(path), on_progress)
    chats = open_export(path, timezone=timezone, clock=clock, on_bytes=on_bytes)
    chosen = choose_chat(chats, reference=reference, wanted=chat)
    info = ChannelInfo(channel_id=chosen.chat_id, reference=reference, title=chosen.name or reference)
    facts = _facts(path, timezone, chosen)
    register(info, facts)
    source = ExportSource(
        path,
        info=info,
        timezone=timezone,
        first_at=facts.first_at,
        newest_at=facts.vouches_until,
        clock=clock,
        on_bytes=on_bytes,
    )
    window = Window(hour_of(facts.first_at), hour_of(facts.vouches_until) + HOUR)
    swept = sweep(source, window, log=log, clock=clock, enqueue=enqueue, lag=timedelta())
    return ImportSummary(
        channel=info, facts=facts, swept=swept, unsafe_paths=source.unsafe_paths, cut=chosen.cut
    )


def _facts(path: Path, timezone: str | None, chat: ExportChat) -> ExportFacts:
    if chat.chat_id <= 0 or chat.first_at is None or chat.newest_at is None:
        raise UsageError(
            f"chat {chat.name!r} ({chat.chat_id}) of {path}",
            "has no id or no readable message",
            "export the chat again, with its text messages",
        )
    return ExportFacts(
        path=path,
        timezone=timezone,
        first_at=chat.first_at,
        vouches_until=chat.newest_at,
        messages=chat.messages,
    )


def _counter(total: int, on_progress: OnFileProgress) -> Callable[[int], None]:
    read = 0

    def on_bytes(count: int) -> None:
        nonlocal read
        read += count
        on_progress(read, total)

    return on_bytes
