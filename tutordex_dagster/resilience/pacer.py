"""The pacer: many tasks that call through one session, each method at its own pace."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tutordex_dagster.errors import TransientError
from tutordex_dagster.resilience.errors import FloodWait
from tutordex_dagster.resilience.metrics import RATE_LIMIT_HITS, Metrics, NoMetrics
from tutordex_dagster.resilience.pacing import (
    CLAIM,
    SAVE_EVERY,
    UNLIMITED,
    Pace,
    PacePolicy,
    PaceStore,
    after_call,
    after_flood,
    claimed,
    next_call_at,
)
from tutordex_dagster.windows import Clock, utc_now

log = logging.getLogger(__name__)

AsyncSleep = Callable[[float], Awaitable[None]]
"""Waits that many seconds on an event loop."""

InThread = Callable[..., Awaitable[Any]]
"""Calls a function with arguments where it may block: `asyncio.to_thread`."""


@dataclass(slots=True, kw_only=True)
class _Lane:
    """One method at work: callers take turns at `turn`; `in_flight` calls have begun and not ended."""

    method: str
    policy: PacePolicy
    pace: Pace | None = None
    in_flight: int = 0
    saved_at: datetime | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)


class Pacer:
    """Paces the calls of one session. For many tasks of one event loop; callers of a method go in turn.

    Whoever was let through by `wait` ends the call with exactly one of `done`, `flooded` and `released`.
    Methods without a limit are stopped by flood waits only.
    """

    def __init__(
        self,
        session: str,
        *,
        store: PaceStore,
        limits: Mapping[str, PacePolicy],
        clock: Clock = utc_now,
        sleep: AsyncSleep = asyncio.sleep,
        metrics: Metrics | None = None,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._session = session
        self._store = store
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._metrics = metrics or NoMetrics()
        self._in_thread = in_thread
        self._lanes: dict[str, _Lane] = {}

    async def wait(self, method: str, patience: float) -> None:
        """Return when a call of this method may begin; it counts from then on.

        Raises FloodWait when a flood wait lasts for more than `patience` seconds from now, and what the store
        raises: without it nobody knows what other processes have used up.
        """
        lane = self._lane(method)
        self._refuse_long_flood(lane, patience)
        async with lane.turn:
            while not await self._may_begin(lane):
                self._refuse_long_flood(lane, patience)
                now = self._clock()
                await self._sleep((self._next_at(lane, now) - now).total_seconds())
            lane.in_flight += 1

    def released(self, method: str) -> None:
        """End a call that was not made after all: it does not count."""
        self._lane(method).in_flight -= 1

    def done(self, method: str) -> None:
        """End a call that was made, whatever became of it."""
        lane = self._lane(method)
        lane.in_flight -= 1
        lane.pace = after_call(self._pace(lane), lane.policy, self._clock())

    async def flooded(self, method: str, seconds: float) -> None:
        """End a call that was answered with a flood wait of so many seconds: it is obeyed from now on."""
        self.done(method)
        lane = self._lane(method)
        lane.pace = after_flood(self._pace(lane), lane.policy, self._clock(), seconds)
        log.warning("event=flood_wait session=%s method=%s seconds=%g", self._session, method, seconds)
        await self._save_quietly(lane)
        await self._in_thread(lambda: self._metrics.count(RATE_LIMIT_HITS, source="telegram", reason=method))

    async def flush(self) -> None:
        """Save what was really used, so that the next process need not wait for what was only claimed."""
        for lane in tuple(self._lanes.values()):
            if lane.pace is not None and (lane.policy != UNLIMITED or lane.pace.flooded_until):
                await self._save_quietly(lane, claim=False)

    def _lane(self, method: str) -> _Lane:
        if method not in self._lanes:
            self._lanes[method] = _Lane(method=method, policy=self._limits.get(method, UNLIMITED))
        return self._lanes[method]

    def _pace(self, lane: _Lane) -> Pace:
        return lane.pace or Pace(allowed=lane.policy.calls, changed_at=self._clock())

    def _next_at(self, lane: _Lane, now: datetime) -> datetime:
        """Return when the next call may begin, not before now: those in flight end now or later."""
        pace = self._pace(lane)
        ends = (*pace.recent, *(now,) * lane.in_flight)
        return next_call_at(replace(pace, recent=ends), lane.policy, now)

    async def _may_begin(self, lane: _Lane) -> bool:
        if lane.pace is None:
            stored = await self._in_thread(self._store.load, self._session, lane.method)
            lane.pace = stored or self._pace(lane)
        now = self._clock()
        if self._next_at(lane, now) > now:
            return False
        if lane.policy == UNLIMITED or (lane.saved_at and now < lane.saved_at + SAVE_EVERY):
            return True
        await self._save(lane)
        now = self._clock()
        return self._next_at(lane, now) <= now

    def _refuse_long_flood(self, lane: _Lane, patience: float) -> None:
        until = self._pace(lane).flooded_until
        if until and (until - self._clock()).total_seconds() > max(0.0, patience):
            raise FloodWait(method=lane.method, until=until)

    async def _save(self, lane: _Lane, *, claim: bool = True) -> None:
        async with lane.saving:  # in order: an older state never overwrites a newer one
            now = self._clock()
            pace = self._pace(lane)
            if claim:
                pace = claimed(pace, lane.policy, now)
            else:
                pace = replace(pace, recent=(*pace.recent, *(now + CLAIM,) * lane.in_flight))
            await self._in_thread(self._store.save, self._session, lane.method, pace)
            lane.saved_at = now if claim else None

    async def _save_quietly(self, lane: _Lane, *, claim: bool = True) -> None:
        """Save; a store that is away must not take the place of what the call itself has to tell."""
        try:
            await self._save(lane, claim=claim)
        except TransientError as error:
            log.warning(
                "event=pace_not_saved session=%s method=%s error=%s", self._session, lane.method, error
            )
