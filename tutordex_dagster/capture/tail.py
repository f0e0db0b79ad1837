"""Following a channel: everything that happened since its cursor is stored, and the cursor moves with it.

The cursor moves in the transaction that stores what happened up to it, so a crash at any point only makes the
next look tell some of it again. Where the source no longer can tell (first run, or away for too long), the
cursor of now is taken first, then what is newer than the newest stored message is read; the ledger's hours of
the last days become due for a re-read, which finds the edits and deletions that were lost. Told to stop on
the way, it keeps the messages and the old cursor; the next look takes a newer cursor and goes on after the
newest message stored by then, and only the one that comes to the end makes the hours due.

An answer counts as observed when it has arrived. Nothing newer is overwritten for good by that: what happened
after the answer comes after its cursor and is told next time. Dated back to the question, it would lose to a
sweep that began in between: that one's view of a message would outlive the deletion, and its view of an hour
would bury the post that came a moment later.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    EnqueueFor,
    LiveSource,
    Message,
    Position,
    RawLog,
    StoreResult,
    Unreadable,
)
from tutordex_dagster.capture.sweep import sweep
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.windows import HOUR, Clock, Window, hour_of, hour_window

BATCH_SIZE = 100
"""Messages stored in one transaction while a channel is read again: a page of Telegram, so little is lost."""

Found = Sequence[Message | Unreadable]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One update of a channel as Telegram pushed it.

    `pts` is the channel's cursor after it and `pts_count` how many steps it took; without `pts` it only says
    that something happened. An id in both `found` and `deleted` is deleted.
    """

    channel_id: int
    pts: int | None
    pts_count: int = 0
    found: Found = ()
    deleted: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What following a channel did: everything up to `cursor` is stored (None: never followed to an end).

    `rescanned`: the source could not tell what changed, and hours became due for a re-read; so did those of
    the `unreadable` messages. `stopped`: it was told to stop before the end, and the next look goes on from
    there. `newest_at` is the instant of the latest post or edit found, None without any.
    """

    cursor: int | None
    stored: StoreResult = field(default_factory=StoreResult)
    rescanned: bool = False
    stopped: bool = False
    unreadable: int = 0
    newest_at: datetime | None = None


def follow(
    source: LiveSource,
    position: Position,
    *,
    log: RawLog,
    clock: Clock,
    enqueue: Sequence[EnqueueFor],
    rescan: timedelta,
    batch_size: int = BATCH_SIZE,
    should_stop: ShouldStop = lambda: False,
) -> Followed:
    """Store what happened in the channel after its position, until the source has no more to tell.

    `rescan` is how far back hours become due for a re-read when the source cannot tell. Of a channel never
    followed and without messages only the running hour is read: history is not the tail's work. Once
    `should_stop` it ends after the next batch, which loses nothing; each look gets on by one at least. Raises
    TransientError or PermanentError as the source or the log does; what was stored until then stays.
    """
    following = _Following(source=source, log=log, clock=clock, enqueue=enqueue, cursor=position.cursor)
    if position.cursor is None or not following.changes(position.cursor, should_stop):
        following.rescan(position, rescan, batch_size, should_stop)
    return following.result()


def apply_push(
    source: LiveSource,
    position: Position,
    pushed: Pushed,
    *,
    log: RawLog,
    clock: Clock,
    enqueue: Sequence[EnqueueFor],
    rescan: timedelta,
    batch_size: int = BATCH_SIZE,
    should_stop: ShouldStop = lambda: False,
) -> Followed:
    """Store a pushed update that continues the channel's position; ask the source when something is missing.

    An update at or before the position is known. Raises as `follow` does.
    """
    known, pts = position.cursor, pushed.pts
    if known is not None and pts is not None:
        following = _Following(source=source, log=log, clock=clock, enqueue=enqueue, cursor=known)
        if pts - pushed.pts_count == known:
            following.store(pushed.found, deleted=pushed.deleted, cursor=pts)
        if pts - pushed.pts_count == known or pts <= known:
            return following.result()
    return follow(
        source,
        position,
        log=log,
        clock=clock,
        enqueue=enqueue,
        rescan=rescan,
        batch_size=batch_size,
        should_stop=should_stop,
    )


def store_newest(
    source: LiveSource, limit: int, *, log: RawLog, clock: Clock, enqueue: Sequence[EnqueueFor]
) -> Followed:
    """Store the newest `limit` messages of a channel; its cursor stays. Raises as `follow` does."""
    following = _Following(source=source, log=log, clock=clock, enqueue=enqueue, cursor=None)
    following.store(source.newest(limit))
    return following.result()


@dataclass(slots=True, kw_only=True)
class _Following:
    """A channel being followed, and what was stored of it so far."""

    source: LiveSource
    log: RawLog
    clock: Clock
    enqueue: Sequence[EnqueueFor]
    cursor: int | None
    stored: StoreResult = field(default_factory=StoreResult)
    rescanned: bool = False
    stopped: bool = False
    unreadable: int = 0
    newest_at: datetime | None = None

    def changes(self, since: int, should_stop: ShouldStop) -> bool:
        """Store what happened after the cursor; False when the source no longer can tell."""
        while True:
            part = self.source.changes(since)
            if part is None:
                return False
            self.store(part.found, deleted=part.deleted, cursor=part.cursor)
            if part.final:
                return True
            if part.cursor <= since:
                raise TransientError(
                    f"{self.source.info.reference}: announces more changes after {since} but tells none; it"
                    " is asked again later"
                )
            since = part.cursor
            if should_stop():
                self.stopped = True
                return True

    def rescan(self, position: Position, days: timedelta, batch_size: int, should_stop: ShouldStop) -> None:
        """Store what is there now and newer than all that is stored; make the hours before due again.

        The running hour is read whole at once: nobody else reads it before it is over.
        """
        cursor = self.source.cursor()  # first: what happens while the rest is read is told after it
        if position.last_message_id:
            for found in _batches(self.source.newer(position.last_message_id), batch_size):
                self.store(found)
                if should_stop() and any(isinstance(each, Message) for each in found):
                    self.stopped = True  # the next look begins after a message, not after an unreadable one
                    return
        self.read_running_hour()
        now = self.clock()
        never_read = position.cursor is None and not position.last_message_id
        self.store((), cursor=cursor, reread=None if never_read else Window(now - days, now))
        self.rescanned = not never_read

    def read_running_hour(self) -> None:
        """Sweep the hour that has not ended; it stays open."""
        done = sweep(
            self.source,
            hour_window(hour_of(self.clock())),
            log=self.log,
            clock=self.clock,
            enqueue=self.enqueue,
            lag=HOUR,
        )
        self.stored += done.stored
        self.unreadable += done.unreadable
        if done.error:
            raise done.error

    def store(
        self,
        found: Found,
        *,
        deleted: Sequence[int] = (),
        cursor: int | None = None,
        reread: Window | None = None,
    ) -> None:
        """Hand one answer to the log; the cursor comes last, when nothing before it can get lost any more."""
        observed_at = self.source.observed_at(self.clock())
        messages = [each for each in found if isinstance(each, Message)]
        unreadable = [each for each in found if isinstance(each, Unreadable)]
        for hour in sorted({hour_of(each.posted_at or observed_at) for each in unreadable}):
            self._hand_over(observed_at, reread=hour_window(hour))
        self._hand_over(observed_at, messages, deleted=deleted, cursor=cursor, reread=reread)
        self.cursor = self.cursor if cursor is None else cursor
        self.unreadable += len(unreadable)
        times = [message.edited_at or message.posted_at for message in messages]
        self.newest_at = max([*times, self.newest_at] if self.newest_at else times, default=None)

    def _hand_over(
        self,
        observed_at: datetime,
        messages: Sequence[Message] = (),
        *,
        deleted: Sequence[int] = (),
        cursor: int | None = None,
        reread: Window | None = None,
    ) -> None:
        self.stored += self.log.store(
            CaptureBatch(
                channel_id=self.source.info.channel_id,
                source=self.source.kind,
                observed_at=observed_at,
                messages=messages,
                deleted=deleted,
                cursor=cursor,
                reread=reread,
                enqueue=self.enqueue,
            )
        )

    def result(self) -> Followed:
        """Sum up."""
        return Followed(
            cursor=self.cursor,
            stored=self.stored,
            rescanned=self.rescanned,
            stopped=self.stopped,
            unreadable=self.unreadable,
            newest_at=self.newest_at,
        )


def _batches(found: Iterator[Message | Unreadable], size: int) -> Iterator[list[Message | Unreadable]]:
    """Yield so many at once; what came before an error of the source is yielded before it is raised."""
    batch: list[Message | Unreadable] = []
    try:
        for each in found:
            batch.append(each)
            if len(batch) == size:
                yield batch
                batch = []
    except (TransientError, PermanentError):
        yield batch
        raise
    if batch:
        yield batch
