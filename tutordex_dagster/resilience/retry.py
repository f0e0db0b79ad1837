"""Calls that failed in passing are made again: a few times, after a random wait that grows (full jitter)."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base
from typing_extensions import override

from tutordex_dagster.errors import TransientError
from tutordex_dagster.resilience.errors import Postponed, SessionBusy
from tutordex_dagster.resilience.metrics import LAST_RETRY_DELAY, RETRIES, Metrics
from tutordex_dagster.resilience.pacer import AsyncSleep, InThread
from tutordex_dagster.windows import Sleep

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """At most `max_attempts`, none of which begins after `max_elapsed` seconds.

    The wait before attempt n + 1 is drawn evenly from 0 to `base` * 2 ** (n - 1) seconds, at most `max`.
    """

    max_attempts: int
    max_elapsed: float
    base: float
    max: float


ONE_ATTEMPT = RetryPolicy(max_attempts=1, max_elapsed=0, base=0, max=0)
"""Retries switched off."""


def worth_retrying(error: BaseException) -> bool:
    """Tell whether the same call may succeed in a moment: not after an answer that asks to wait."""
    return isinstance(error, TransientError) and not isinstance(error, Postponed | SessionBusy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Tells of every further attempt, in the log and in the metrics; `what` names the call."""

    target: str
    what: str
    metrics: Metrics

    def tell(self, state: RetryCallState) -> None:
        """Note the attempt that just failed and the wait before the next."""
        error = state.outcome and state.outcome.exception()
        reason = type(error).__name__
        delay = state.upcoming_sleep
        log.warning(
            "event=retry target=%s call=%s attempt=%s delay=%.2f reason=%s error=%s",
            self.target,
            self.what,
            state.attempt_number,
            delay,
            reason,
            error,
        )
        self.metrics.count(RETRIES, target=self.target, reason=reason)
        self.metrics.gauge(LAST_RETRY_DELAY, delay, target=self.target)


def retrying(policy: RetryPolicy, *, reporter: Reporter, sleep: Sleep = time.sleep) -> Retrying:
    """Return what calls a function until it succeeds or the policy gives up, raising its own last error."""
    return Retrying(
        **_rules(policy, stop_before_delay(policy.max_elapsed)), sleep=sleep, before_sleep=reporter.tell
    )


def async_retrying(
    policy: RetryPolicy,
    *,
    reporter: Reporter,
    spent: Callable[[], float],
    sleep: AsyncSleep = asyncio.sleep,
    in_thread: InThread = asyncio.to_thread,
) -> AsyncRetrying:
    """Return what awaits a function until it succeeds or the policy gives up, raising its own last error.

    `spent` tells the seconds the attempts took so far. Waiting for a turn or for the end of a flood wait is
    no failing, so it does not use `max_elapsed` up.
    """

    async def tell(state: RetryCallState) -> None:
        await in_thread(reporter.tell, state)

    return AsyncRetrying(
        **_rules(policy, _StopBeforeSpent(policy.max_elapsed, spent)), sleep=sleep, before_sleep=tell
    )


class _StopBeforeSpent(stop_base):
    """Stops before the attempts and the waits between them take so many seconds together."""

    def __init__(self, seconds: float, spent: Callable[[], float]) -> None:
        self._seconds = seconds
        self._spent = spent

    @override
    def __call__(self, retry_state: RetryCallState) -> bool:
        return self._spent() + retry_state.idle_for + retry_state.upcoming_sleep >= self._seconds


class _Rules(TypedDict):
    retry: retry_base
    wait: wait_base
    stop: stop_base
    reraise: bool


def _rules(policy: RetryPolicy, in_time: stop_base) -> _Rules:
    return {
        "retry": retry_if_exception(worth_retrying),
        "wait": wait_random_exponential(multiplier=policy.base, max=policy.max),
        "stop": stop_after_attempt(policy.max_attempts) | in_time,
        "reraise": True,
    }
