"""One way to call Telegram: in turn, behind the breaker, for a limited time, and again when that may help."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.resilience.breaker import BreakerPolicy, BreakerStore, CircuitBreaker
from tutordex_dagster.resilience.errors import BreakerOpen, Flooded, TelegramFaulty, TelegramUnavailable
from tutordex_dagster.resilience.metrics import Metrics, NoMetrics
from tutordex_dagster.resilience.pacer import AsyncSleep, InThread, Pacer
from tutordex_dagster.resilience.pacing import PacePolicy, PaceStore
from tutordex_dagster.resilience.retry import ONE_ATTEMPT, Reporter, RetryPolicy, async_retrying
from tutordex_dagster.windows import Clock, utc_now

log = logging.getLogger(__name__)

T = TypeVar("T")

COMPONENT = "telegram"
"""Name of the breaker of all calls to Telegram, and the `target` of their metrics."""

_WINDOW = timedelta(seconds=30)
_NAME_CALLS = 5


def telegram_limits(history_calls: int) -> Mapping[str, PacePolicy]:
    """Return the calls of Telegram that are limited by number, in any 30 seconds."""
    return {
        "GetHistoryRequest": PacePolicy(calls=history_calls, window=_WINDOW),
        "ResolveUsernameRequest": PacePolicy(calls=_NAME_CALLS, window=_WINDOW),
    }


@dataclass(slots=True, kw_only=True)
class _Call(Generic[T]):
    """One call on its way through the guard, with what it has used up of time and patience."""

    method: str
    send: Callable[[], Awaitable[T]]
    on_stall: Callable[[], Awaitable[None]] | None
    spent: float = 0.0
    flooded_at: datetime | None = None


class CallGuard:
    """Guards every call of one session. For many tasks of one event loop.

    `send` raises the types of this project only: Flooded, TelegramUnavailable, other TransientErrors, and
    PermanentErrors, which prove that the service answers.
    """

    def __init__(
        self,
        *,
        pacer: Pacer,
        breaker: CircuitBreaker | None,
        retry: RetryPolicy,
        answer_seconds: float,
        patience: float,
        metrics: Metrics | None = None,
        clock: Clock = utc_now,
        sleep: AsyncSleep = asyncio.sleep,
        in_thread: InThread = asyncio.to_thread,
        target: str = COMPONENT,
    ) -> None:
        self._pacer = pacer
        self._breaker = breaker
        self._retry = retry
        self._answer_seconds = answer_seconds
        self._patience = patience
        self._metrics = metrics or NoMetrics()
        self._clock = clock
        self._sleep = sleep
        self._in_thread = in_thread
        self._target = target
        self._answered_at: datetime | None = None  # when a call last got what proves that Telegram works

    async def call(
        self,
        method: str,
        send: Callable[[], Awaitable[T]],
        *,
        on_stall: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Return the answer to `send`, a call of the kind `method` such as `GetHistoryRequest`.

        `on_stall` is called when no answer came in time, to put the link right. Flood waits are waited for,
        up to `patience` seconds from the first one this call was answered with. Raises FloodWait beyond that,
        BreakerOpen, TelegramUnavailable when the last attempt got no answer, whatever else `send` raised, and
        what the stores of pace and breaker raise.
        """
        call = _Call(method=method, send=send, on_stall=on_stall)
        attempts = async_retrying(
            self._retry,
            reporter=Reporter(target=self._target, what=method, metrics=self._metrics),
            spent=lambda: call.spent,
            sleep=self._sleep,
            in_thread=self._in_thread,
        )
        try:
            answer: T = await attempts(self._attempt, call)
        except TelegramFaulty as fault:
            await self._count(fault)
            raise
        return answer

    async def flush(self) -> None:
        """Save how much of the pace was used; call it before the session is given up."""
        await self._pacer.flush()

    async def _attempt(self, call: _Call[T]) -> T:
        """Make the call once. An answer that asks to wait is no attempt."""
        while True:
            await self._pacer.wait(call.method, self._patience_of(call))
            with ExitStack() as made:
                made.callback(self._pacer.done, call.method)  # cancelled too: Telegram may have counted it
                try:
                    return await self._behind_breaker(call)
                except Flooded as flood:
                    made.pop_all()
                    call.flooded_at = call.flooded_at or self._clock()
                    await self._pacer.flooded(call.method, flood.seconds)
                except BreakerOpen:
                    made.pop_all()
                    self._pacer.released(call.method)
                    raise

    def _patience_of(self, call: _Call[T]) -> float:
        if call.flooded_at is None:
            return self._patience
        return self._patience - (self._clock() - call.flooded_at).total_seconds()

    async def _behind_breaker(self, call: _Call[T]) -> T:
        if self._breaker is None:
            return await self._answer(call)
        token = await self._in_thread(self._breaker.admit)
        try:
            answer = await self._answer(call)
        except TelegramUnavailable as error:
            if token is not None or not isinstance(error, TelegramFaulty):
                await self._in_thread(self._breaker.failed, _reason(error), token)
            raise
        except (Flooded, PermanentError):
            await self._answered(self._breaker, token)
            raise
        await self._answered(self._breaker, token)
        return answer

    async def _count(self, fault: TelegramFaulty) -> None:
        """Have a call count that Telegram could not answer, unless it answers others.

        One channel that fails on Telegram's side must not stop all others, however often it is asked; where
        nothing else is answered either, the service is to be left alone.
        """
        if self._breaker is None:
            return
        since = self._clock() - self._breaker.window
        if self._answered_at is None or self._answered_at <= since:
            await self._in_thread(self._breaker.failed, _reason(fault), None)

    async def _answered(self, breaker: CircuitBreaker, token: UUID | None) -> None:
        self._answered_at = self._clock()
        if token is not None:  # spares every ordinary call the way to a thread
            await self._in_thread(breaker.succeeded, token)

    async def _answer(self, call: _Call[T]) -> T:
        began = self._clock()
        try:
            async with asyncio.timeout(self._answer_seconds) as limit:
                return await call.send()
        except TimeoutError as error:
            if limit.expired():
                await self._put_right(call)
            raise TelegramUnavailable(
                f"Telegram: no answer to {call.method} within {self._answer_seconds:g} s; it is tried again"
            ) from error
        finally:
            call.spent += (self._clock() - began).total_seconds()

    async def _put_right(self, call: _Call[T]) -> None:
        """Have the link put right, within the time of an answer; the missing answer stays the error."""
        if call.on_stall is None:
            return
        try:
            async with asyncio.timeout(self._answer_seconds):
                await call.on_stall()
        except (TransientError, TimeoutError) as error:
            log.warning(
                "event=reconnect_failed target=%s call=%s error=%s",
                self._target,
                call.method,
                type(error).__name__,
            )


def _reason(error: TelegramUnavailable) -> str:
    """Return what happened, without what is done about it."""
    return str(error).partition("; ")[0]


def build_guard(
    session: str,
    *,
    paces: PaceStore,
    breakers: BreakerStore,
    limits: Mapping[str, PacePolicy] | None,
    breaker: BreakerPolicy | None,
    retry: RetryPolicy | None,
    answer_seconds: float,
    patience: float,
    metrics: Metrics | None = None,
    clock: Clock = utc_now,
    sleep: AsyncSleep = asyncio.sleep,
    in_thread: InThread = asyncio.to_thread,
) -> CallGuard:
    """Build the guard of a session, known by its fingerprint; all times in seconds.

    None switches a part off: without `limits` calls are not counted (flood waits are obeyed all the same),
    without `breaker` none is refused, without `retry` each is attempted once.
    """
    circuit = None
    if breaker is not None:
        longest_call = timedelta(seconds=2 * answer_seconds)  # the wait for an answer, then a new link
        policy = replace(breaker, probe_timeout=longest_call)
        circuit = CircuitBreaker(COMPONENT, store=breakers, policy=policy, clock=clock, metrics=metrics)
    return CallGuard(
        pacer=Pacer(
            session,
            store=paces,
            limits=limits or {},
            clock=clock,
            sleep=sleep,
            metrics=metrics,
            in_thread=in_thread,
        ),
        breaker=circuit,
        retry=retry or ONE_ATTEMPT,
        answer_seconds=answer_seconds,
        patience=patience,
        metrics=metrics,
        clock=clock,
        sleep=sleep,
        in_thread=in_thread,
    )
