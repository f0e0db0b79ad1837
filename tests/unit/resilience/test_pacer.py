"""The pacer against a server that limits calls: no flood wait, no time wasted, not even after a crash."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tests.unit.resilience.server import LimitedServer
from tests.unit.resilience.virtual_time import START, at_once, clock, run, seconds
from tutordex_dagster.errors import TransientError
from tutordex_dagster.resilience.errors import FloodWait
from tutordex_dagster.resilience.memory import MemoryMetrics, MemoryPaces
from tutordex_dagster.resilience.pacer import Pacer
from tutordex_dagster.resilience.pacing import Pace, PacePolicy, PaceStore

METHOD = "GetHistoryRequest"
LIMIT = PacePolicy(calls=10, window=timedelta(seconds=30))


def pacer(store: PaceStore, policy: PacePolicy | None = LIMIT, metrics: MemoryMetrics | None = None) -> Pacer:
    limits = {METHOD: policy} if policy else {}
    return Pacer("abc", store=store, limits=limits, clock=clock, metrics=metrics, in_thread=at_once)


async def keep_calling(paced: Pacer, server: LimitedServer) -> None:
    """Call for ever, as a reader of a long channel does."""
    while True:
        await paced.wait(METHOD, 600)
        try:
            flood = await server.call()
        except asyncio.CancelledError:
            paced.done(METHOD)
            raise
        if flood is None:
            paced.done(METHOD)
        else:
            await paced.flooded(METHOD, flood)


async def call_for(duration: float, paced: Pacer, server: LimitedServer, callers: int) -> None:
    """Let so many callers run for a while, then stop them dead."""
    tasks = [asyncio.create_task(keep_calling(paced, server)) for _ in range(callers)]
    await asyncio.wait(tasks, timeout=duration)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


@settings(max_examples=10, deadline=None)
@given(calls=st.integers(1, 20), window=st.integers(10, 60), callers=st.integers(3, 50), seed=st.integers())
def test_ten_minutes_of_calls_provoke_no_flood_and_use_nine_tenths_of_what_is_allowed(
    calls: int, window: int, callers: int, seed: int
) -> None:
    async def ten_minutes() -> LimitedServer:
        server = LimitedServer(calls, window, seed=seed)
        policy = PacePolicy(calls=calls, window=timedelta(seconds=window))
        await call_for(600, pacer(MemoryPaces(), policy), server, callers)
        return server

    server = run(ten_minutes())
    assert server.floods == []
    assert len(server.arrivals) >= 0.9 * calls * 600 / window


@settings(max_examples=15, deadline=None)
@given(
    calls=st.integers(1, 20),
    window=st.integers(5, 60),
    callers=st.integers(1, 30),
    lives=st.lists(st.floats(0, 90), min_size=2, max_size=6),
    seed=st.integers(),
)
def test_processes_that_crash_one_after_the_other_provoke_no_flood(
    calls: int, window: int, callers: int, lives: list[float], seed: int
) -> None:
    async def crashes() -> LimitedServer:
        server = LimitedServer(calls, window, seed=seed)
        policy = PacePolicy(calls=calls, window=timedelta(seconds=window))
        store = MemoryPaces()
        for life in lives:
            await call_for(life, pacer(store, policy), server, callers)
        return server

    assert run(crashes()).floods == []


def test_a_process_that_ended_well_leaves_its_successor_what_it_did_not_use() -> None:
    async def two_processes() -> float:
        store = MemoryPaces()
        first = pacer(store)
        for _ in range(4):
            await first.wait(METHOD, 0)
            first.done(METHOD)
        await first.flush()
        second = pacer(store)
        for _ in range(6):
            await second.wait(METHOD, 0)
        at_once = seconds()
        await second.wait(METHOD, 0)
        assert at_once == 0
        return seconds()

    assert run(two_processes()) == pytest.approx(30)


def test_calls_in_flight_when_a_process_ends_well_are_left_to_its_successor_as_made() -> None:
    async def two_processes() -> float:
        store = MemoryPaces()
        first = pacer(store)
        for _ in range(10):
            await first.wait(METHOD, 0)
        await first.flush()
        await pacer(store).wait(METHOD, 0)
        return seconds()

    assert run(two_processes()) >= 30


def test_nothing_is_kept_of_methods_that_are_not_limited() -> None:
    async def ended_well() -> Pace | None:
        store = MemoryPaces()
        paced = pacer(store, policy=None)
        await paced.wait(METHOD, 0)
        paced.done(METHOD)
        await paced.flush()
        return store.load("abc", METHOD)

    assert run(ended_well()) is None


def test_fifty_callers_at_once_get_as_many_slots_as_there_are() -> None:
    async def fifty() -> int:
        paced = pacer(MemoryPaces())
        tasks = [asyncio.create_task(paced.wait(METHOD, 0)) for _ in range(50)]
        done, waiting = await asyncio.wait(tasks, timeout=25)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return len(done)

    assert run(fifty()) == 10


def test_a_call_that_was_not_made_after_all_gives_its_slot_back() -> None:
    async def released() -> float:
        paced = pacer(MemoryPaces())
        for _ in range(100):
            await paced.wait(METHOD, 0)
            paced.released(METHOD)
        return seconds()

    assert run(released()) == 0


def test_a_flood_wait_is_waited_for_in_full_by_everybody() -> None:
    async def flooded() -> list[float]:
        paced = pacer(MemoryPaces(), policy=None)
        await paced.wait(METHOD, 600)
        await paced.flooded(METHOD, 47)

        async def call() -> float:
            await paced.wait(METHOD, 600)
            return seconds()

        return await asyncio.gather(*(call() for _ in range(20)))

    assert run(flooded()) == [pytest.approx(47)] * 20


def test_a_flood_wait_longer_than_the_patience_is_raised_at_once_even_behind_a_patient_caller() -> None:
    async def impatient() -> None:
        paced = pacer(MemoryPaces())
        await paced.wait(METHOD, 600)
        await paced.flooded(METHOD, 100)
        patient = asyncio.create_task(paced.wait(METHOD, 600))
        await asyncio.sleep(40)
        with pytest.raises(FloodWait, match="GetHistoryRequest until 2026-03-02 08:01:40 UTC") as flood:
            await paced.wait(METHOD, 59)
        assert flood.value.until == START + timedelta(seconds=100)
        assert seconds() == 40
        await paced.wait("ResolveUsernameRequest", 0)
        await patient
        assert seconds() == pytest.approx(100)

    run(impatient())


def test_a_flood_wait_outlives_the_process_that_met_it() -> None:
    async def two_processes() -> None:
        store = MemoryPaces()
        first = pacer(store)
        await first.wait(METHOD, 0)
        await first.flooded(METHOD, 3600)
        with pytest.raises(FloodWait):
            await pacer(store).wait(METHOD, 600)

    run(two_processes())


def test_flood_waits_are_counted_by_method() -> None:
    async def flooded() -> MemoryMetrics:
        metrics = MemoryMetrics()
        paced = pacer(MemoryPaces(), metrics=metrics)
        for _ in range(3):
            await paced.wait(METHOD, 600)
            await paced.flooded(METHOD, 2)
        return metrics

    assert run(flooded()).value("rate_limit_hits_total", source="telegram", reason=METHOD) == 3


def test_a_server_stricter_than_configured_is_met_at_its_own_pace_after_a_few_flood_waits() -> None:
    async def an_hour() -> LimitedServer:
        server = LimitedServer(5, 30, seed=3)
        await call_for(3600, pacer(MemoryPaces()), server, callers=3)
        return server

    server = run(an_hour())
    assert len([at for at in server.floods if at < 120]) <= 12
    assert len([at for at in server.floods if at >= 120]) <= 3 * 6
    assert len(server.arrivals) >= 0.7 * 5 * 120


class LimitedStore(MemoryPaces):
    """Counts saves, and is away while `away` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.saves = 0
        self.away = False

    @override
    def load(self, session: str, method: str) -> Pace | None:
        self._answer()
        return super().load(session, method)

    @override
    def save(self, session: str, method: str, pace: Pace) -> None:
        self._answer()
        self.saves += 1
        super().save(session, method, pace)

    def _answer(self) -> None:
        if self.away:
            raise TransientError("the store: is away; try again later")


def test_it_saves_at_most_once_a_second_and_nothing_for_a_method_without_limit() -> None:
    async def a_hundred_seconds() -> tuple[int, int]:
        store = LimitedStore()
        fast = PacePolicy(calls=1000, window=timedelta(seconds=10))
        await call_for(100, pacer(store, fast), LimitedServer(1000, 10, seed=1), callers=9)
        limited = store.saves
        await call_for(100, pacer(store, None), LimitedServer(10**6, 1, seed=1), callers=9)
        return limited, store.saves - limited

    limited, unlimited = run(a_hundred_seconds())
    assert 90 <= limited <= 101
    assert unlimited == 0


def test_no_call_begins_while_nobody_can_tell_what_was_used_up() -> None:
    async def away() -> None:
        store = LimitedStore()
        store.away = True
        with pytest.raises(TransientError, match="is away"):
            await pacer(store).wait(METHOD, 0)

    run(away())


def test_a_store_that_goes_away_hides_no_flood_wait(caplog: pytest.LogCaptureFixture) -> None:
    async def away() -> None:
        store = LimitedStore()
        paced = pacer(store)
        await paced.wait(METHOD, 0)
        store.away = True
        await paced.flooded(METHOD, 30)
        await paced.flush()
        with pytest.raises(FloodWait):
            await paced.wait(METHOD, 29)

    run(away())
    assert caplog.text.count("event=pace_not_saved session=abc method=GetHistoryRequest") == 2


def test_a_caller_that_gives_up_waiting_leaves_the_turn_to_the_next() -> None:
    async def cancelled() -> float:
        paced = pacer(MemoryPaces(), PacePolicy(calls=1, window=timedelta(seconds=10)))
        await paced.wait(METHOD, 0)
        paced.done(METHOD)
        first = asyncio.create_task(paced.wait(METHOD, 0))
        second = asyncio.create_task(paced.wait(METHOD, 0))
        await asyncio.sleep(5)
        first.cancel()
        await second
        return seconds()

    assert run(cancelled()) == pytest.approx(10)


def test_a_clock_that_moves_between_two_looks_keeps_no_caller_waiting() -> None:
    """The loss this prevents: a loop that spins for as long as no two looks tell the same microsecond."""
    looks = (START + timedelta(microseconds=number) for number in range(100))
    paced = Pacer("abc", store=MemoryPaces(), limits={}, clock=lambda: next(looks), in_thread=at_once)
    run(paced.wait("GetUsersRequest", 0))
    assert next(looks) < START + timedelta(microseconds=50)
