"""One guarded call: flood waits, stalls, retries and the breaker together, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.unit.resilience.virtual_time import START, at_once, clock, run, seconds
from tutordex_dagster.resilience.breaker import Breaker, BreakerPolicy
from tutordex_dagster.resilience.errors import (
    BreakerOpen,
    ChannelUnavailable,
    Flooded,
    FloodWait,
    SessionBusy,
    SessionDead,
    TelegramFaulty,
    TelegramUnavailable,
)
from tutordex_dagster.resilience.guard import CallGuard, build_guard, telegram_limits
from tutordex_dagster.resilience.memory import MemoryBreakers, MemoryMetrics, MemoryPaces
from tutordex_dagster.resilience.retry import RetryPolicy

METHOD = "GetHistoryRequest"

Step = Exception | float | str
"""What one call does: raise, answer after so many seconds, or answer at once."""


class World:
    """A service that does one step after the other, and the guard before it."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.sent: list[float] = []
        self.reconnects: list[float] = []
        self.paces = MemoryPaces()
        self.breakers = MemoryBreakers()
        self.metrics = MemoryMetrics()

    async def send(self) -> str:
        """Do the next step."""
        self.sent.append(seconds())
        step = self.steps.pop(0) if self.steps else "answer"
        if isinstance(step, Exception):
            raise step
        if isinstance(step, str):
            return step
        await asyncio.sleep(step)
        return f"after {step:g} s"

    async def reconnect(self) -> None:
        """Note that the link was put right."""
        self.reconnects.append(seconds())

    def guard(
        self, *, retries: bool = True, breaker: bool = True, pacing: bool = True, patience: float = 600
    ) -> CallGuard:
        """Build a guard with the default numbers."""
        second = timedelta(seconds=1)
        return build_guard(
            "abc",
            paces=self.paces,
            breakers=self.breakers,
            limits=telegram_limits(10) if pacing else None,
            breaker=BreakerPolicy(window=30 * second, threshold=5, open_timeout=60 * second)
            if breaker
            else None,
            retry=RetryPolicy(max_attempts=5, max_elapsed=120, base=0.5, max=10) if retries else None,
            answer_seconds=30,
            patience=patience,
            metrics=self.metrics,
            clock=clock,
            in_thread=at_once,
        )

    def call(self, guard: CallGuard | None = None, method: str = METHOD) -> str:
        """Make one call to its end."""

        async def main() -> str:
            return await (guard or self.guard()).call(method, self.send, on_stall=self.reconnect)

        return run(main())

    @property
    def breaker(self) -> Breaker:
        """The breaker as it is stored."""
        return self.breakers.read("telegram")


def no_answer() -> TelegramUnavailable:
    return TelegramUnavailable("Telegram: connection reset; it is tried again")


def faulty() -> TelegramFaulty:
    return TelegramFaulty("Telegram: GetHistoryRequest failed on its side (NEED_HELP); it is tried again")


def flood(wait: float) -> Flooded:
    return Flooded(method=METHOD, seconds=wait)


def test_a_call_in_quiet_times_is_one_call() -> None:
    world = World("history")
    assert world.call() == "history"
    assert world.sent == [0]
    assert world.metrics.values == {}
    assert world.breaker == Breaker()


def test_a_flood_wait_is_waited_for_in_full_and_burns_no_attempt() -> None:
    world = World(*(flood(7) for _ in range(12)))
    assert world.call(method="GetFullChannelRequest") == "answer"
    assert world.sent == pytest.approx([7 * n for n in range(13)])
    hits = world.metrics.value("rate_limit_hits_total", source="telegram", reason="GetFullChannelRequest")
    assert hits == 12
    assert world.breaker == Breaker()


def test_time_in_flood_waits_is_no_time_spent_failing() -> None:
    world = World(flood(300), no_answer(), "answer")
    assert world.call() == "answer"
    assert len(world.sent) == 3


def test_a_flood_wait_beyond_the_patience_is_raised_without_another_call() -> None:
    world = World(flood(601))
    with pytest.raises(FloodWait) as raised:
        world.call()
    assert raised.value.until == START + timedelta(seconds=601)
    assert world.sent == [0]


def test_flood_waits_in_a_row_do_not_outlast_the_patience() -> None:
    world = World(*(flood(250) for _ in range(5)))
    with pytest.raises(FloodWait):
        world.call()
    assert world.sent == pytest.approx([0, 250, 500])


def test_a_call_after_somebody_elses_flood_wait_is_not_even_sent() -> None:
    world = World(flood(3600))
    with pytest.raises(FloodWait):
        world.call()
    with pytest.raises(FloodWait):
        world.call(world.guard(patience=5))
    assert world.sent == [0]
    assert world.call(method="GetFullChannelRequest") == "answer"


def test_an_answer_that_never_comes_is_cut_off_and_the_link_put_right() -> None:
    world = World(3600.0, "answer")
    assert world.call() == "answer"
    assert world.reconnects == [pytest.approx(30)]
    assert 30 <= world.sent[1] <= 30.5
    assert len(world.breaker.failures) == 1


def test_a_slow_answer_within_its_time_is_an_answer() -> None:
    world = World(29.0)
    assert world.call() == "after 29 s"
    assert world.reconnects == []


def test_a_link_that_cannot_be_put_right_leaves_the_missing_answer_as_the_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(3600.0)

    async def hangs() -> None:
        await asyncio.sleep(3600)

    async def refused() -> None:
        raise no_answer()

    for broken in (hangs, refused):
        world.steps = [3600.0]
        with pytest.raises(TelegramUnavailable, match="no answer to GetHistoryRequest within 30 s"):
            run(_call(world.guard(retries=False), world.send, broken))
    assert caplog.text.count("event=reconnect_failed target=telegram call=GetHistoryRequest") == 2


def test_an_answer_can_be_missed_without_a_link_to_put_right() -> None:
    world = World(3600.0, TimeoutError())

    async def main() -> str:
        return await world.guard().call(METHOD, world.send)

    assert run(main()) == "answer"
    assert len(world.sent) == 3


def test_a_timeout_of_the_call_itself_is_a_failure_but_no_stall() -> None:
    world = World(TimeoutError())
    assert world.call() == "answer"
    assert world.reconnects == []
    assert len(world.breaker.failures) == 1


def test_a_session_found_dead_while_the_link_is_put_right_is_told_at_once() -> None:
    world = World(3600.0)

    async def dead() -> None:
        raise SessionDead("session: its key was revoked; log in again")

    with pytest.raises(SessionDead):
        run(_call(world.guard(), world.send, dead))
    assert len(world.sent) == 1


async def _call(
    guard: CallGuard, send: Callable[[], Awaitable[str]], on_stall: Callable[[], Awaitable[None]]
) -> str:
    return await guard.call(METHOD, send, on_stall=on_stall)


def test_five_failures_in_a_row_end_the_call_and_open_the_breaker() -> None:
    world = World(*(no_answer() for _ in range(5)))
    with pytest.raises(TelegramUnavailable, match="connection reset"):
        world.call()
    assert len(world.sent) == 5
    assert world.breaker.state == "open"
    assert world.metrics.value("retries_total", target="telegram", reason="TelegramUnavailable") == 4
    with pytest.raises(BreakerOpen, match=r"repeated failures \(Telegram: connection reset\); they go on"):
        world.call()
    assert len(world.sent) == 5


def test_a_call_that_telegram_fails_to_answer_is_tried_again_and_counts_once() -> None:
    world = World(*(faulty() for _ in range(5)))
    with pytest.raises(TelegramFaulty):
        world.call()
    assert len(world.sent) == 5
    assert (world.breaker.state, len(world.breaker.failures)) == ("closed", 1)
    assert world.breaker.reason == "Telegram: GetHistoryRequest failed on its side (NEED_HELP)"
    world.steps = [faulty(), "answer"]
    assert world.call() == "answer"
    assert len(world.breaker.failures) == 1


def test_one_channel_that_always_fails_stops_no_call_for_another() -> None:
    async def many() -> None:
        guard = world.guard()
        for _ in range(50):
            assert await guard.call("Other", world.send) == "answer"
            world.steps = [faulty() for _ in range(5)]
            with pytest.raises(TelegramFaulty):
                await guard.call("Other", world.send)

    world = World()
    run(many())
    assert world.breaker == Breaker()


def test_where_nothing_is_answered_but_faults_the_breaker_opens_and_stays_open() -> None:
    async def call_on(guard: CallGuard) -> None:
        while True:
            with suppress(TelegramFaulty):
                await guard.call("Other", world.send)

    async def outage() -> None:
        guard = world.guard()
        await guard.call("Other", world.send)
        world.steps = [faulty() for _ in range(999)]
        with pytest.raises(BreakerOpen, match="failed on its side"):
            await call_on(guard)
        sent = len(world.sent)
        await asyncio.sleep(61)
        with pytest.raises(BreakerOpen):
            await guard.call("Other", world.send)
        assert len(world.sent) == sent + 1

    world = World()
    run(outage())
    assert world.breaker.state == "open"


def test_without_a_breaker_faults_are_told_all_the_same() -> None:
    world = World(*(faulty() for _ in range(5)))
    with pytest.raises(TelegramFaulty):
        world.call(world.guard(breaker=False))
    assert world.breaker == Breaker()


def test_a_refused_call_uses_up_no_slot_of_the_pace() -> None:
    world = World(*(no_answer() for _ in range(5)))
    with pytest.raises(TelegramUnavailable):
        world.call()

    async def refused_often() -> None:
        guard = world.guard()
        for _ in range(100):
            with pytest.raises(BreakerOpen):
                await guard.call(METHOD, world.send)
        assert seconds() < 60  # behind slots in use each would wait for 30 s

    run(refused_often())


def test_once_the_service_is_back_one_probe_closes_the_breaker_for_all() -> None:
    world = World(*(no_answer() for _ in range(5)))

    async def outage() -> list[str]:
        guard = world.guard()
        with pytest.raises(TelegramUnavailable):
            await guard.call("Other", world.send)
        await asyncio.sleep(61)
        world.steps = [5.0]
        probe = asyncio.create_task(guard.call("Other", world.send))
        await asyncio.sleep(1)
        with pytest.raises(BreakerOpen):
            await guard.call("Other", world.send)
        return [await probe, await guard.call("Other", world.send)]

    assert run(outage()) == ["after 5 s", "answer"]
    assert world.breaker.state == "closed"


@pytest.mark.parametrize(
    "answer", [flood(3), ChannelUnavailable("t.me/a: private; join it")], ids=["flood", "refusal"]
)
def test_a_probe_that_is_answered_badly_is_answered(answer: Exception) -> None:
    world = World(*(no_answer() for _ in range(5)))

    async def outage() -> None:
        guard = world.guard(patience=0)
        with pytest.raises(TelegramUnavailable):
            await guard.call("Other", world.send)
        await asyncio.sleep(61)
        world.steps = [answer]
        with pytest.raises((FloodWait, ChannelUnavailable)):
            await guard.call("Other", world.send)

    run(outage())
    assert world.breaker.state == "closed"


@pytest.mark.parametrize(
    "error", [ChannelUnavailable("private"), SessionDead("revoked"), SessionBusy("lost"), ValueError("a bug")]
)
def test_what_trying_again_cannot_change_is_raised_as_it_is(error: Exception) -> None:
    world = World(error)
    with pytest.raises(type(error)) as raised:
        world.call()
    assert raised.value is error
    assert world.breaker == Breaker()


def test_a_cancelled_call_ends_and_its_slot_counts() -> None:
    world = World(*(3600.0 for _ in range(10)))

    async def cancelled() -> float:
        guard = world.guard()
        tasks = [asyncio.create_task(guard.call(METHOD, world.send)) for _ in range(10)]
        await asyncio.sleep(2)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        await guard.call(METHOD, world.send)
        return seconds()

    assert run(cancelled()) == pytest.approx(32)


def test_retries_can_be_switched_off() -> None:
    world = World(no_answer())
    with pytest.raises(TelegramUnavailable):
        world.call(world.guard(retries=False))
    assert len(world.sent) == 1


def test_the_breaker_can_be_switched_off() -> None:
    world = World(*(no_answer() for _ in range(10)))
    for _ in range(2):
        with pytest.raises(TelegramUnavailable):
            world.call(world.guard(breaker=False))
    assert world.call(world.guard(breaker=False)) == "answer"
    assert world.breaker == Breaker()


def test_without_pacing_flood_waits_are_honoured_all_the_same() -> None:
    async def many() -> float:
        guard = world.guard(pacing=False)
        for _ in range(50):
            await guard.call(METHOD, world.send)
        world.steps = [flood(9)]
        await guard.call(METHOD, world.send)
        return seconds()

    world = World()
    assert run(many()) == pytest.approx(9)
    assert len(world.sent) == 52


def test_history_and_names_are_counted_each_for_itself() -> None:
    async def calls() -> list[float]:
        guard = world.guard()
        for method, times in ((METHOD, 10), ("ResolveUsernameRequest", 5), ("GetFullChannelRequest", 40)):
            for _ in range(times):
                await guard.call(method, world.send)
        assert seconds() == 0
        await guard.call("ResolveUsernameRequest", world.send)
        return [seconds()]

    world = World()
    assert run(calls()) == [pytest.approx(30)]


def test_flushing_leaves_the_next_process_what_was_not_used() -> None:
    async def two_processes() -> float:
        guard = world.guard()
        await guard.call(METHOD, world.send)
        await guard.flush()
        guard = world.guard()
        for _ in range(9):
            await guard.call(METHOD, world.send)
        return seconds()

    world = World()
    assert run(two_processes()) == 0
