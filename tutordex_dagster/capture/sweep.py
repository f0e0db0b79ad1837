"""A sweep reads whole hours of one channel once and stores what it finds, with a verdict on each hour.

Hours are stored in batches as soon as they are complete, so a sweep that dies has lost nothing it read and a
later one goes on where the ledger says. Hours that were not read because the source is away for a while get
no verdict: they are due as before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    ChannelSource,
    EnqueueFor,
    HourState,
    HourSweep,
    Message,
    RawLog,
    StoreResult,
    Unreadable,
)
from tutordex_dagster.capture.verdicts import Verdicts
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.resilience.errors import SessionDead, SessionParked
from tutordex_dagster.windows import HOUR, Clock, Window, hour_of

BATCH_SIZE = 5000
"""Messages stored in one transaction, roughly: whole hours where possible."""

SourceError = TransientError | PermanentError
OnProgress = Callable[[int, int], None]
"""Told after every stored batch: hours completed and messages stored since the last call."""

_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSummary:
    """What a sweep did: the verdict on every hour it completed and the totals over all of them.

    `messages` were stored (new or known); `unreadable` ones failed their hours; `truncated` means that
    `max_messages` ended it early; `error` is what the source broke off with, if it did. `unread` hours got no
    verdict because trying again later may succeed: the ledger has them as before, and here is why.
    `newest_at` is when the latest message that was read was posted, None when there was none.
    """

    stored: StoreResult = field(default_factory=StoreResult)
    hours: tuple[HourSweep, ...] = ()
    messages: int = 0
    services: int = 0
    unreadable: int = 0
    truncated: bool = False
    error: SourceError | None = None
    unread: Mapping[datetime, str] = field(default_factory=dict)
    newest_at: datetime | None = None

    def in_state(self, state: HourState) -> int:
        """Count the hours this sweep left in the given state."""
        return sum(hour.state == state for hour in self.hours)

    @property
    def failed(self) -> dict[datetime, str]:
        """Give the reason of every failed hour."""
        return {hour.hour: hour.error or "" for hour in self.hours if hour.state == "failed"}


def sweep(
    source: ChannelSource,
    window: Window,
    *,
    log: RawLog,
    clock: Clock,
    enqueue: Sequence[EnqueueFor],
    lag: timedelta,
    batch_size: int = BATCH_SIZE,
    on_progress: OnProgress | None = None,
    max_messages: int | None = None,
) -> SweepSummary:
    """Read the whole hours of the window once and store them; hours that have not begun yet are left out.

    With `max_messages` the sweep stops once that many messages are stored and more would follow: hours not
    fully read stay as they were. Errors of the source are part of the summary; errors of the log are raised.
    """
    began = clock()
    span = window.whole_hours()
    until = min(span.until, hour_of(began) + HOUR)
    if until <= span.since:
        return SweepSummary()
    state = _Sweep(
        source=source,
        log=log,
        span=Window(span.since, until),
        observed_at=source.observed_at(began),
        verdicts=Verdicts(
            changes=source.kind != "export",
            observed_at=source.observed_at(began),
            sealed_until=min(began - lag, source.vouches_until(began)),
        ),
        enqueue=tuple(enqueue),
        batch_size=batch_size,
        on_progress=on_progress or (lambda _hours, _messages: None),
    )
    for found in _guarded(source, state.span):
        match found:
            case Message() if state.messages == max_messages:
                return state.stop_at(hour_of(found.posted_at))
            case Message():
                state.take(found)
            case Unreadable():
                state.fail_message(found)
            case _:
                return state.break_off(found)
    return state.finish()


def _guarded(source: ChannelSource, span: Window) -> Iterator[Message | Unreadable | SourceError]:
    """Read the source; its own failure becomes the last thing it yields, apart from errors of storing."""
    try:
        yield from source.read(span)
    except (TransientError, PermanentError) as error:
        yield error


@dataclass(slots=True, kw_only=True)
class _Sweep:
    """A sweep under way. Hours before `next_hour` are stored and complete, `held` are not stored yet."""

    source: ChannelSource
    log: RawLog
    span: Window
    observed_at: datetime
    verdicts: Verdicts
    enqueue: tuple[EnqueueFor, ...]
    batch_size: int
    on_progress: OnProgress
    next_hour: datetime = field(init=False)
    newest: datetime = field(init=False)
    held: dict[datetime, list[Message]] = field(default_factory=dict)
    held_count: int = 0
    late: list[Message] = field(default_factory=list)
    judged_again: set[datetime] = field(default_factory=set)
    split: set[datetime] = field(default_factory=set)
    done: dict[datetime, HourSweep] = field(default_factory=dict)
    stored: StoreResult = field(default_factory=StoreResult)
    messages: int = 0
    services: int = 0
    unreadable: int = 0
    truncated: bool = False
    error: SourceError | None = None
    unread: dict[datetime, str] = field(default_factory=dict)
    newest_at: datetime | None = None

    def __post_init__(self) -> None:
        self.next_hour = self.newest = self.span.since

    def take(self, message: Message) -> None:
        """Hold a message until its hour is complete, and store complete hours once a batch is full."""
        hour = hour_of(message.posted_at)
        if self.next_hour <= hour < self.span.until:
            self.held.setdefault(hour, []).append(message)
            self.newest = max(self.newest, hour)
        else:
            self.late.append(message)
        self.messages += 1
        self.newest_at = max(message.posted_at, self.newest_at or message.posted_at)
        self.services += message.kind == "service"
        self.held_count += 1
        if self.held_count >= self.batch_size:
            self.complete(until=self.newest)
            if self.held_count >= self.batch_size:
                self.store_part()

    def fail_message(self, unreadable: Unreadable) -> None:
        """Let the hour of an unreadable message fail; without a time it is the hour read last."""
        hour = hour_of(unreadable.posted_at) if unreadable.posted_at else self.newest
        if hour not in self.span:
            hour = self.newest
        self.newest = max(self.newest, hour)
        self.unreadable += 1
        self.fail(hour, unreadable.reason)

    def fail(self, hour: datetime, reason: str) -> None:
        """Note why an hour failed; one that is complete already is judged again with the late messages."""
        self.verdicts.blame(hour, reason)
        if hour < self.next_hour:
            self.judged_again.add(hour)

    def complete(self, *, until: datetime) -> None:
        """Store the hours before `until` with their messages, and the late messages after them."""
        hours = _hours_between(self.next_hour, until)
        whole = [hour for hour in hours if hour not in self.split]
        if whole:
            messages = [message for hour in whole for message in self.held.pop(hour, ())]
            self.store(
                messages,
                hours=[self.verdicts.on(hour) for hour in whole],
                tombstones=self.source.authoritative,
            )
        for hour in hours:
            if hour in self.split:
                self.store(self.held.pop(hour, ()), hours=[self.verdicts.on(hour)])
        self.next_hour = max(self.next_hour, until)
        self.store_late()

    def store_part(self) -> None:
        """Store what is held of an hour too big for one batch; it is no basis for finding deletions."""
        for hour, messages in self.held.items():
            self.split.add(hour)
            self.store(messages)
        self.held.clear()

    def store_late(self) -> None:
        """Store messages and failures that came after their hour was complete.

        The messages count as seen a moment later: where the order of a source deceived us into taking one
        for deleted, this brings it back.
        """
        hours = [self.verdicts.on(hour) for hour in sorted(self.judged_again)]
        self.store(self.late, hours=hours, observed_at=self.observed_at + _AFTER)
        self.late = []
        self.judged_again.clear()

    def store(
        self,
        messages: Sequence[Message],
        *,
        hours: Sequence[HourSweep] = (),
        tombstones: bool = False,
        observed_at: datetime | None = None,
    ) -> None:
        """Hand one batch to the log and count what it did."""
        if not messages and not hours:
            return
        self.stored += self.log.store(
            CaptureBatch(
                channel_id=self.source.info.channel_id,
                source=self.source.kind,
                observed_at=observed_at or self.observed_at,
                messages=messages,
                hours=hours,
                tombstones=tombstones,
                enqueue=self.enqueue,
            )
        )
        self.held_count -= len(messages)
        new_hours = sum(hour.hour not in self.done for hour in hours)
        self.done |= {hour.hour: hour for hour in hours}
        self.on_progress(new_hours, len(messages))

    def finish(self) -> SweepSummary:
        """Complete the span."""
        self.complete(until=self.span.until)
        return self.summary()

    def stop_at(self, hour: datetime) -> SweepSummary:
        """Complete the hours before the one in which reading stopped; of that one, keep what was read."""
        self.truncated = True
        self.complete(until=min(max(self.next_hour, hour), self.span.until))
        self.store_part()
        return self.summary()

    def break_off(self, error: SourceError) -> SweepSummary:
        """Keep what was read; the hour being read and all later ones stay unread, or fail for good."""
        self.error = error
        rest = _hours_between(self.newest, self.span.until)
        if isinstance(error, TransientError | SessionDead | SessionParked):  # no fault of these hours
            self.unread = dict.fromkeys(rest, str(error))
            self.complete(until=self.newest)
            self.store_part()
            return self.summary()
        for hour in rest:
            self.fail(hour, str(error))
        return self.finish()

    def summary(self) -> SweepSummary:
        """Sum up."""
        return SweepSummary(
            stored=self.stored,
            hours=tuple(self.done[hour] for hour in sorted(self.done)),
            messages=self.messages,
            services=self.services,
            unreadable=self.unreadable,
            truncated=self.truncated,
            error=self.error,
            unread=self.unread,
            newest_at=self.newest_at,
        )


def _hours_between(since: datetime, until: datetime) -> list[datetime]:
    return list(Window(since, until).hours()) if since < until else []
