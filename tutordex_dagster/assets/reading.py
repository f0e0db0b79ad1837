"""Reading channels for a run: several at once, window by window, each leased while it is read.

A window ends at midnight UTC at the latest, so little is read again after a crash: the next run over the
same hours goes on where the ledger says. What goes wrong with a channel stops no other; what concerns a whole
session of Telegram stops the channels that are read through it.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import SimpleQueue
from threading import Event

from tutordex_dagster.assets.unavailable import Unavailable
from tutordex_dagster.assets.window_leases import WindowLeases
from tutordex_dagster.capture.contract import ChannelSource, Lane
from tutordex_dagster.capture.sweep import BATCH_SIZE, SweepSummary, sweep
from tutordex_dagster.errors import PermanentError, TransientError, UsageError
from tutordex_dagster.resilience.errors import SessionDead, SessionParked, concerns_all
from tutordex_dagster.resilience.metrics import DEDUPLICATED, FETCH_DURATION, FETCH_LAG
from tutordex_dagster.resources.history import HISTORY_CALL
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.history_windows import Claim
from tutordex_dagster.windows import Window, hour_of

_DAY = timedelta(days=1)
_SLOW_BATCH = 500
"""Telegram gives a thousand messages in half a minute: little has to be read again after a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How to read: the lane of new messages, whether known ones are extracted again, messages per channel."""

    lane: Lane
    force: bool = False
    max_messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A window of a channel after reading it: why which hours failed, and the sweep if there was one."""

    channel: Channel
    window: Window
    failed: Mapping[datetime, str] = field(default_factory=dict)
    swept: SweepSummary | None = None


def read_channels(
    services: Services, wanted: Sequence[tuple[Channel, Sequence[Window]]], order: Order
) -> Generator[Part, None, None]:
    """Read the windows (full hours) of these channels and yield each part as soon as it is stored.

    PARALLELISM_MAX channels are read at once, each in its order of windows. Nothing of a source or of the
    database is raised: it is the reason of the hours it kept from being read.
    """
    parts: SimpleQueue[Part | None] = SimpleQueue()
    stop = Event()
    pool = ThreadPoolExecutor(services.settings.parallelism_max, thread_name_prefix="read")
    with WindowLeases(services.windows) as leases:
        run = _Run(services=services, order=order, leases=leases, stop=stop)
        readers = [pool.submit(run.read, channel, windows, parts) for channel, windows in wanted]
        try:
            for _ in readers:
                yield from iter(parts.get, None)
            for reader in readers:
                reader.result()
        finally:
            # Not waited for: a reader may sit out a flood wait. It ends when the services are closed.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def days_of(windows: Sequence[Window]) -> Iterator[Window]:
    """Cut windows at midnight UTC."""
    for window in windows:
        since = window.since
        while since < window.until:
            midnight = since.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
            yield Window(since, min(midnight, window.until))
            since = midnight


@dataclass(slots=True, kw_only=True)
class _Run:
    """What all readers of a run share; `halted` is why no further channel of Telegram can be read."""

    services: Services
    order: Order
    leases: WindowLeases
    stop: Event
    halted: str | None = None

    def read(self, channel: Channel, windows: Sequence[Window], parts: "SimpleQueue[Part | None]") -> None:
        """Read one channel's windows; None after the last part."""
        reader = _Reader(run=self, channel=channel, left=self.order.max_messages)
        try:
            for window in days_of(windows):
                if self.stop.is_set():
                    return
                parts.put(reader.read(window))
        finally:
            parts.put(None)


@dataclass(slots=True, kw_only=True)
class _Reader:
    """One channel being read; `left` messages may still come, `reason` is why nothing more can be read."""

    run: _Run
    channel: Channel
    left: int | None
    source: ChannelSource | None = None
    reason: str | None = None
    satisfied: bool = False

    def read(self, window: Window) -> Part:
        """Read a window as far as it can be read."""
        if self.satisfied:
            return Part(channel=self.channel, window=window)
        telegram = self.channel.source_kind == "telegram"
        if reason := self.reason or (self.run.halted if telegram else None):
            return self._none_of(window, reason)
        try:
            claim = self.run.leases.take(
                self.channel.channel_id, window, self.run.services.clock(), self.run.stop
            )
            if claim is None:
                return self._none_of(window, "is being read by another run")
            return self._leased(window, claim)
        except (TransientError, PermanentError) as error:
            self._give_up(error)
            return self._none_of(window, str(error))

    def _leased(self, window: Window, claim: Claim) -> Part:
        whole, swept = False, None
        try:
            failed = self._failed_before(window, claim)
            if claim.next_hour < window.until:
                self.source = self.source or self._open()
                swept = self._sweep(self.source, Window(claim.next_hour, window.until))
                failed |= {**swept.failed, **swept.unread}
            whole = swept is None or not swept.unread  # a failed hour is no hour left half read
        finally:
            self.run.leases.give_back(claim.token, finished=whole)
        return Part(channel=self.channel, window=window, failed=failed, swept=swept)

    def _open(self) -> ChannelSource:
        """Return the source; one that this channel lacks for good becomes the reason of its hours."""
        try:
            return self.run.services.source_for(self.channel)
        except (SessionDead, SessionParked):
            raise
        except UsageError as error:
            if self.channel.source_kind == "telegram":  # the settings of the session, not this channel
                self.run.halted = str(error)
                raise
            return Unavailable(channel=self.channel, error=error)
        except PermanentError as error:
            return Unavailable(channel=self.channel, error=error)

    def _failed_before(self, window: Window, claim: Claim) -> dict[datetime, str]:
        """Return the failures among the hours an interrupted reader got through before."""
        if claim.next_hour == window.since:
            return {}
        before = Window(window.since, claim.next_hour)
        hours = self.run.services.coverage.hours(self.channel.channel_id, before)
        return {hour.hour: hour.error for hour in hours if hour.error is not None}

    def _sweep(self, source: ChannelSource, window: Window) -> SweepSummary:
        services, order = self.run.services, self.run.order
        enqueue = services.enqueue_for(order.lane)
        began = time.monotonic()
        swept = sweep(
            source,
            window,
            log=services.raw_log,
            clock=services.clock,
            enqueue=enqueue,
            lag=services.settings.target_lag,
            batch_size=_SLOW_BATCH if source.kind == "telegram" else BATCH_SIZE,
            max_messages=self.left,
        )
        self._measure(window, swept, time.monotonic() - began)
        self._go_on_after(swept)
        for wish in enqueue if order.force else ():
            services.queue.enqueue_window(
                wish.version, channel_ids=[self.channel.channel_id], window=window, lane=wish.lane, force=True
            )
        return swept

    def _go_on_after(self, swept: SweepSummary) -> None:
        """Decide what the rest of the channel's windows get."""
        self.satisfied = swept.truncated
        if self.left is not None:
            self.left -= swept.messages
        if isinstance(swept.error, PermanentError) and not concerns_all(swept.error, HISTORY_CALL):
            self.source = Unavailable(channel=self.channel, error=swept.error)
        elif swept.error is not None:
            self._give_up(swept.error)

    def _give_up(self, error: TransientError | PermanentError) -> None:
        self.reason = str(error)
        if concerns_all(error, HISTORY_CALL) and self.channel.source_kind == "telegram":
            self.run.halted = str(error)

    def _measure(self, window: Window, swept: SweepSummary, seconds: float) -> None:
        services, chat = self.run.services, self.channel.reference
        services.metrics.observe(FETCH_DURATION, seconds, chat=chat)
        if swept.stored.known:
            services.metrics.count(DEDUPLICATED, swept.stored.known, source=self.channel.source_kind)
        now = services.clock()
        if swept.newest_at and window.until >= hour_of(now):  # what is read of the past says nothing of now
            services.metrics.gauge(FETCH_LAG, (now - swept.newest_at).total_seconds(), chat=chat)

    def _none_of(self, window: Window, reason: str) -> Part:
        return Part(channel=self.channel, window=window, failed=dict.fromkeys(window.hours(), reason))
