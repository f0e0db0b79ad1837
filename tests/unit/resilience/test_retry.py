"""Retries: which errors, how often, how long in all, and how far apart."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.resilience.virtual_time import START, at_once, run
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.resilience.errors import (
    BreakerOpen,
    ChannelUnavailable,
    FloodWait,
    SessionBusy,
    TelegramUnavailable,
)
from tutordex_dagster.resilience.memory import MemoryMetrics
from tutordex_dagster.resilience.retry import (
    ONE_ATTEMPT,
    Reporter,
    RetryPolicy,
    async_retrying,
    retrying,
)

POLICY = RetryPolicy(max_attempts=5, max_elapsed=120, base=0.5, max=10)


class Failing:
    """Fails with these errors one after the other, then answers; `waits` are the seconds slept between."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0
        self.waits: list[float] = []
        self.metrics = MemoryMetrics()

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    def in_turn(self, policy: RetryPolicy = POLICY) -> str:
        """Call it with retries, from a thread."""
        answer: str = retrying(policy, reporter=self.reporter(), sleep=self.waits.append)(self)
        return answer

    def awaited(self, policy: RetryPolicy = POLICY, *, each: float = 0) -> str:
        """Call it with retries on an event loop, where every attempt takes `each` seconds."""

        async def attempt() -> str:
            return self()

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        async def main() -> str:
            attempts = async_retrying(
                policy,
                reporter=self.reporter(),
                spent=lambda: self.calls * each,
                sleep=sleep,
                in_thread=at_once,
            )
            answer: str = await attempts(attempt)
            return answer

        return run(main())

    def reporter(self) -> Reporter:
        """Return what tells of the retries."""
        return Reporter(target="telegram", what="GetHistoryRequest", metrics=self.metrics)


WAYS: list[Callable[[Failing], str]] = [Failing.in_turn, Failing.awaited]


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_in_passing_is_tried_again(way: Callable[[Failing], str]) -> None:
    failing = Failing(TelegramUnavailable("one"), TransientError("two"))
    assert way(failing) == "answer"
    assert failing.calls == 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "error",
    [
        PermanentError("gone"),
        ChannelUnavailable("private"),
        FloodWait(method="GetHistoryRequest", until=START),
        BreakerOpen("open", until=START),
        SessionBusy("held by another"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_will_not_pass_in_a_moment_is_raised_at_once(
    way: Callable[[Failing], str], error: Exception
) -> None:
    failing = Failing(error)
    with pytest.raises(type(error)) as raised:
        way(failing)
    assert raised.value is error
    assert failing.waits == []


@pytest.mark.parametrize("way", WAYS)
def test_after_the_last_attempt_its_own_error_is_raised(way: Callable[[Failing], str]) -> None:
    failing = Failing(*(TelegramUnavailable(f"failure {n}") for n in range(1, 10)))
    with pytest.raises(TelegramUnavailable, match="failure 5"):
        way(failing)
    assert failing.calls == 5


def test_switched_off_there_is_one_attempt() -> None:
    failing = Failing(TelegramUnavailable("no answer"))
    with pytest.raises(TelegramUnavailable):
        failing.awaited(ONE_ATTEMPT)
    assert failing.waits == []


def test_no_attempt_begins_after_the_time_for_all_of_them() -> None:
    failing = Failing(*(TelegramUnavailable("no answer") for _ in range(9)))
    with pytest.raises(TelegramUnavailable):
        failing.awaited(RetryPolicy(max_attempts=9, max_elapsed=100, base=0.5, max=10), each=30)
    assert failing.calls in (3, 4)  # 3 * 30 s and the waits between may reach 100 s


@given(base=st.floats(0.01, 5), longest=st.floats(0.1, 20), attempts=st.integers(1, 8))
def test_waits_stay_below_a_bound_that_doubles_up_to_the_longest(
    base: float, longest: float, attempts: int
) -> None:
    failing = Failing(*(TelegramUnavailable("no answer") for _ in range(20)))
    policy = RetryPolicy(max_attempts=attempts, max_elapsed=10**6, base=base, max=longest)
    with pytest.raises(TelegramUnavailable):
        failing.awaited(policy)
    assert len(failing.waits) == attempts - 1
    assert all(0 <= wait <= min(longest, base * 2**n) for n, wait in enumerate(failing.waits))


def test_two_callers_do_not_wait_in_step() -> None:
    waits = []
    for _ in range(20):
        failing = Failing(TelegramUnavailable("no answer"))
        failing.awaited()
        waits += failing.waits
    assert len(set(waits)) == 20
    assert max(waits) - min(waits) > 0.1


@pytest.mark.parametrize("way", WAYS)
def test_every_retry_is_logged_and_measured(
    way: Callable[[Failing], str], caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing(TelegramUnavailable("no answer"), TelegramUnavailable("no answer"))
    way(failing)
    metrics = failing.metrics
    assert metrics.value("retries_total", target="telegram", reason="TelegramUnavailable") == 2
    assert metrics.value("last_retry_delay_seconds", target="telegram") == failing.waits[-1]
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"event=retry target=telegram call=GetHistoryRequest attempt={attempt} delay={wait:.2f} "
        "reason=TelegramUnavailable error=no answer"
        for attempt, wait in enumerate(failing.waits, start=1)
    ]
