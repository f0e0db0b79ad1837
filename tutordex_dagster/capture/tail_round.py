"""One round of following: every channel once, several at a time, those looked at longest ago first."""

import logging
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Generic, Protocol, TypeVar

from tutordex_dagster.capture.contract import EnqueueFor, FollowedLog, LiveSource, StoreResult
from tutordex_dagster.capture.tail import Followed, follow
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.resilience.errors import concerns_all
from tutordex_dagster.windows import Clock

log = logging.getLogger(__name__)

PROBLEM_PAUSE = timedelta(minutes=10)
"""How long a channel that could not be read is left alone."""

RoundError = TransientError | PermanentError
_CALL = "GetChannelDifferenceRequest"
"""The call that every channel takes; others are for those that are followed for the first time, or again."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class FollowedChannel(Protocol):
    """What a round has to know of a channel; times are aware UTC."""

    @property
    def channel_id(self) -> int:
        """Return Telegram's bare id."""
        ...

    @property
    def reference(self) -> str:
        """Return the partition key, such as t.me/somechannel."""
        ...

    @property
    def cursor_at(self) -> datetime | None:
        """Return when the cursor was confirmed; None: never followed."""
        ...

    @property
    def problem_at(self) -> datetime | None:
        """Return when the channel could last not be read; None: it can."""
        ...


ChannelT = TypeVar("ChannelT", bound=FollowedChannel)
Tried = MutableMapping[int, datetime]
"""When each channel was last begun, by its id; what it lacks was not begun yet."""

OnProblem = Callable[[ChannelT, PermanentError | None], None]
"""Told that a channel cannot be read, or (None) that one with a problem can be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSummary:
    """What a round did, by channel reference.

    `problems` cannot be read until somebody acts; `failed` may work next time; `left` were not reached in
    time. `ended_by` is the error that concerns all channels and ended the round.
    """

    followed: Mapping[str, Followed] = field(default_factory=dict)
    problems: Mapping[str, PermanentError] = field(default_factory=dict)
    failed: Mapping[str, TransientError] = field(default_factory=dict)
    left: Sequence[str] = ()
    ended_by: RoundError | None = None

    @property
    def stored(self) -> StoreResult:
        """Sum up what was stored."""
        return sum((each.stored for each in self.followed.values()), StoreResult())

    @property
    def unreadable(self) -> int:
        """Count the messages that could not be read."""
        return sum(each.unreadable for each in self.followed.values())

    @property
    def rescanned(self) -> tuple[str, ...]:
        """Return the channels whose source could not tell what changed."""
        return tuple(sorted(name for name, each in self.followed.items() if each.rescanned))

    @property
    def stopped(self) -> tuple[str, ...]:
        """Return the channels of which more was to be read when the time was up."""
        return tuple(sorted(name for name, each in self.followed.items() if each.stopped))


def tail_round(
    channels: Sequence[ChannelT],
    source_for: Callable[[ChannelT], LiveSource],
    *,
    log: FollowedLog,
    clock: Clock,
    enqueue: Sequence[EnqueueFor],
    rescan: timedelta,
    parallel: int,
    deadline: datetime,
    tried: Tried,
    on_problem: OnProblem[ChannelT],
    should_stop: Callable[[], bool] = lambda: False,
) -> RoundSummary:
    """Follow every channel once, by up to `parallel` threads; no further one is begun after the deadline.

    One that is being read then ends after its next batch, and comes after the others next time: the round
    notes in `tried` when it began which channel.

    What goes wrong with one channel stops no other: `on_problem` hears of a channel that cannot be read, and
    those are left alone for PROBLEM_PAUSE. An open breaker, a flood wait for what every channel is asked, or
    a session that is busy or refused ends the round for all. `rescan` is as in `follow`; `source_for` and
    `on_problem` are called from the threads.
    """

    def may_go_on() -> bool:
        return clock() < deadline and not should_stop()

    state = _Round(
        source_for=source_for,
        follow_source=lambda source, channel: follow(
            source,
            log.position(channel.channel_id),
            log=log,
            clock=clock,
            enqueue=enqueue,
            rescan=rescan,
            should_stop=lambda: not may_go_on(),
        ),
        on_problem=on_problem,
        may_go_on=may_go_on,
        clock=clock,
        tried=tried,
        waiting=_in_turn(channels, tried, clock()),
    )
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="tail") as pool:
        for worker in [pool.submit(state.work) for _ in range(parallel)]:
            worker.result()
    return state.summary()


def _in_turn(channels: Sequence[ChannelT], tried: Tried, now: datetime) -> deque[ChannelT]:
    """Return the channels to visit, the one neither confirmed nor tried for longest first.

    By confirmations alone, one that fails or is read for long would come before all others every time.
    """
    due = (each for each in channels if each.problem_at is None or each.problem_at + PROBLEM_PAUSE <= now)
    return deque(sorted(due, key=lambda it: max(it.cursor_at or _NEVER, tried.get(it.channel_id, _NEVER))))


@dataclass(slots=True, kw_only=True)
class _Round(Generic[ChannelT]):
    """A round under way, shared by its threads."""

    source_for: Callable[[ChannelT], LiveSource]
    follow_source: Callable[[LiveSource, ChannelT], Followed]
    on_problem: OnProblem[ChannelT]
    may_go_on: Callable[[], bool]
    clock: Clock
    tried: Tried
    waiting: deque[ChannelT]
    followed: dict[str, Followed] = field(default_factory=dict)
    problems: dict[str, PermanentError] = field(default_factory=dict)
    failed: dict[str, TransientError] = field(default_factory=dict)
    ended_by: RoundError | None = None
    lock: Lock = field(default_factory=Lock)

    def work(self) -> None:
        """Follow one channel after the other until none is left or the round has ended."""
        while (channel := self._next()) is not None:
            self._visit(channel)

    def _next(self) -> ChannelT | None:
        with self.lock:
            if not self.waiting or self.ended_by or not self.may_go_on():
                return None
            channel = self.waiting.popleft()
            self.tried[channel.channel_id] = self.clock()
            return channel

    def _visit(self, channel: ChannelT) -> None:
        try:
            self.followed[channel.reference] = self.follow_source(self.source_for(channel), channel)
            if channel.problem_at is not None:
                self.on_problem(channel, None)
        except (TransientError, PermanentError) as error:
            self._note(channel, error)

    def _note(self, channel: ChannelT, error: RoundError) -> None:
        if concerns_all(error, _CALL):
            self.ended_by = error
            self.waiting.appendleft(channel)
        elif isinstance(error, TransientError):
            log.warning("event=channel_failed channel=%s reason=%s", channel.reference, error)
            self.failed[channel.reference] = error
        else:
            log.warning("event=channel_problem channel=%s reason=%s", channel.reference, error)
            self.problems[channel.reference] = error
            self.on_problem(channel, error)

    def summary(self) -> RoundSummary:
        """Sum up, once all threads are done."""
        return RoundSummary(
            followed=self.followed,
            problems=self.problems,
            failed=self.failed,
            left=tuple(channel.reference for channel in self.waiting),
            ended_by=self.ended_by,
        )
