"""The records of capture and the two protocols it works between: a channel's source and the raw log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal, Protocol

from tutordex_dagster.windows import Window

SourceKind = Literal["recorded", "export", "telegram"]
HourState = Literal["open", "sealed", "failed"]
"""open: read before it ended; sealed: a read begun after its end is stored; failed: the last read failed."""

Lane = Literal["live", "catchup", "backfill", "reparse"]
"""Who asked for an extraction, most urgent first: claims take live work before any backlog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInfo:
    """A channel as its source knows it: bare Telegram id, partition key such as `t.me/somechannel`, title."""

    channel_id: int
    reference: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as its source shows it now. Times are aware UTC; `payload` is the source's own JSON."""

    message_id: int
    posted_at: datetime
    text: str
    edited_at: datetime | None = None
    kind: Literal["post", "service"] = "post"
    author: str | None = None
    reply_to: int | None = None
    forwarded_from: str | None = None
    media: str | None = None
    payload: bytes = b"{}"

    def content_hash(self) -> bytes:
        """Digest (16 bytes) of what readers see: reactions and view counts are no edit, a changed word is."""
        parts = (self.kind, self.text, self.media or "", self.forwarded_from or "", str(self.reply_to or ""))
        return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A message the source holds but cannot be read; its hour fails, everything around it is kept."""

    reason: str
    message_id: int | None = None
    posted_at: datetime | None = None


class ChannelSource(Protocol):
    """Where one channel's messages come from: a recording, an export file, Telegram."""

    @property
    def kind(self) -> SourceKind:
        """Name the kind of source."""
        ...

    @property
    def info(self) -> ChannelInfo:
        """Tell which channel this is."""
        ...

    @property
    def authoritative(self) -> bool:
        """Tell whether a known message that a full re-read lacks was deleted (an export may be partial)."""
        ...

    def vouches_until(self, now: datetime) -> datetime:
        """Return the instant up to which a read made now shows everything; hours ending later stay open."""
        ...

    def observed_at(self, now: datetime) -> datetime:
        """Return the instant whose state a read made now shows: now itself, or the day an export was made."""
        ...

    def read(self, window: Window) -> Iterator[Message | Unreadable]:
        """Yield the messages posted in the window, oldest first.

        Raises TransientError or PermanentError when the source itself cannot be read; what was yielded
        before stays valid.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened in a channel after one cursor and up to another: posts, edits and deletions in order.

    `final` is False when the source has more to tell from `cursor` on.
    """

    found: Sequence[Message | Unreadable]
    deleted: Sequence[int]
    cursor: int
    final: bool = True


class LiveSource(ChannelSource, Protocol):
    """A source that can also tell what changed: what the tail follows."""

    def cursor(self) -> int:
        """Return the cursor of this moment; a later `changes` tells everything after it.

        Raises TransientError or PermanentError when the source cannot be asked.
        """
        ...

    def changes(self, since: int) -> Changes | None:
        """Return the next part of what happened after the cursor; None when the source no longer can tell.

        Raises TransientError or PermanentError when the source cannot be asked.
        """
        ...

    def newer(self, after_id: int) -> Iterator[Message | Unreadable]:
        """Yield the messages with a greater id that exist now, oldest first.

        Raises TransientError or PermanentError when the source itself cannot be read.
        """
        ...

    def newest(self, limit: int) -> Sequence[Message | Unreadable]:
        """Return the newest messages that exist now, oldest first.

        Raises TransientError or PermanentError when the source itself cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a channel is followed: cursor (None: never), when confirmed, and the highest stored id or 0."""

    cursor: int | None
    cursor_at: datetime | None
    last_message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HourSweep:
    """One hour as a sweep leaves it. A failed hour keeps its stored messages and says why.

    `reread_at` is when late edits and deletions should be looked for; None: no more.
    """

    hour: datetime
    state: HourState
    error: str | None = None
    reread_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueueFor:
    """A pipeline version that gets a job for every newly stored revision, and the lane of those jobs.

    With `live` it is the version that is live when the batch is stored: `version` was that a while ago.
    """

    version: str
    lane: Lane
    live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureBatch:
    """What was learnt of one channel at one time, stored in one transaction.

    `observed_at` orders knowledge: an older observation never overwrites a newer one. A sweep brings the
    `hours` its messages complete; with `tombstones`, messages known in those that did not fail, observed
    earlier and absent here, were deleted. The tail brings `deleted` ids and the `cursor` up to which the
    channel is now known; `reread` names hours whose edits and deletions it could not learn: they become due.
    """

    channel_id: int
    source: SourceKind
    observed_at: datetime
    messages: Sequence[Message]
    hours: Sequence[HourSweep] = ()
    tombstones: bool = False
    deleted: Sequence[int] = ()
    cursor: int | None = None
    reread: Window | None = None
    enqueue: Sequence[EnqueueFor] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResult:
    """What storing changed: `new` messages, `edited` and `deleted` revisions; `known` were stored already."""

    new: int = 0
    edited: int = 0
    deleted: int = 0
    known: int = 0
    enqueued: int = 0

    def __add__(self, other: "StoreResult") -> "StoreResult":
        return StoreResult(
            new=self.new + other.new,
            edited=self.edited + other.edited,
            deleted=self.deleted + other.deleted,
            known=self.known + other.known,
            enqueued=self.enqueued + other.enqueued,
        )


class RawLog(Protocol):
    """The immutable log of message revisions together with the coverage ledger."""

    def store(self, batch: CaptureBatch) -> StoreResult:
        """Store the batch, its deletions, ledger rows, jobs and cursor in one transaction; idempotent."""
        ...


class FollowedLog(RawLog, Protocol):
    """A raw log that also knows how far each channel is followed."""

    def position(self, channel_id: int) -> Position:
        """Tell how far the channel is followed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HourReport:
    """The ledger's row of one hour after a sweep: counts of live messages, ids, state.

    `changed_at` is another one after every change of the rest, None where that is not kept.
    """

    hour: datetime
    state: HourState
    messages: int
    first_message_id: int | None = None
    last_message_id: int | None = None
    digest: str = ""
    error: str | None = None
    changed_at: datetime | None = None
