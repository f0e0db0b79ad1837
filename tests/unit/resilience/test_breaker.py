"""The circuit breaker: when it opens, who gets the probe, and what it costs while all is well."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tutordex_dagster.resilience.breaker import (
    Breaker,
    BreakerPolicy,
    CircuitBreaker,
    T,
    admitted,
    failed,
    succeeded,
)
from tutordex_dagster.resilience.errors import BreakerOpen, BreakerStopped
from tutordex_dagster.resilience.memory import MemoryBreakers, MemoryMetrics

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
POLICY = BreakerPolicy(window=30 * SECOND, threshold=5, open_timeout=60 * SECOND, probe_timeout=20 * SECOND)


class World:
    """One breaker, its store with a count of what was asked of it, and a clock moved by hand."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = CountingStore()
        self.metrics = MemoryMetrics()

    def process(self) -> CircuitBreaker:
        """Return the breaker as another process sees it."""
        return CircuitBreaker(
            "telegram", store=self.store, policy=POLICY, clock=lambda: self.now, metrics=self.metrics
        )

    def opened(self) -> CircuitBreaker:
        """Return the breaker after it has just opened."""
        breaker = self.process()
        for _ in range(POLICY.threshold):
            breaker.failed("no answer", breaker.admit())
        return breaker

    def forward(self, seconds: float) -> None:
        """Move the clock on."""
        self.now += timedelta(seconds=seconds)


class CountingStore(MemoryBreakers):
    """Counts reads and updates."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.updates = 0

    @override
    def read(self, component: str) -> Breaker:
        self.reads += 1
        return super().read(component)

    @override
    def update(self, component: str, change: Callable[[Breaker], tuple[Breaker, T]]) -> T:
        self.updates += 1
        return super().update(component, change)


def closed_after(*seconds: float) -> Breaker:
    breaker = Breaker()
    for at in seconds:
        breaker = failed(breaker, POLICY, NOW + at * SECOND, reason="no answer", token=None)
    return breaker


@given(offsets=st.lists(st.floats(0, 120), max_size=15).map(sorted))
def test_it_opens_exactly_when_enough_failures_lie_within_the_window(offsets: list[float]) -> None:
    times = [NOW + at * SECOND for at in offsets]
    crowded = [
        last
        for first, last in zip(times, times[POLICY.threshold - 1 :], strict=False)
        if last - first < POLICY.window
    ]
    breaker = closed_after(*offsets)
    assert breaker.state == ("open" if crowded else "closed")
    assert breaker.opened_at == (crowded[0] if crowded else None)


def test_a_failure_as_old_as_the_window_no_longer_counts() -> None:
    assert closed_after(0, 1, 2, 3, 29.999).state == "open"
    assert closed_after(0, 1, 2, 3, 30).state == "closed"


def test_an_open_breaker_lets_nobody_through_until_its_timeout_has_passed() -> None:
    world = World()
    breaker = world.opened()
    world.forward(59.9)
    with pytest.raises(BreakerOpen, match=r"no answer.*after 2026-03-02 08:01:00 UTC") as refused:
        breaker.admit()
    assert refused.value.until == NOW + POLICY.open_timeout
    world.forward(0.1)
    assert breaker.admit() is not None


def test_one_process_probes_and_the_others_wait_for_its_report() -> None:
    world = World()
    world.opened()
    world.forward(60)
    first, second = world.process(), world.process()
    token = first.admit()
    assert token is not None
    with pytest.raises(BreakerOpen):
        second.admit()
    first.succeeded(token)
    world.forward(1.1)
    assert second.admit() is None
    assert world.store.read("telegram") == Breaker()


def test_a_failed_probe_opens_the_breaker_for_another_timeout() -> None:
    world = World()
    breaker = world.opened()
    world.forward(60)
    token = breaker.admit()
    world.forward(3)
    breaker.failed("still no answer", token)
    with pytest.raises(BreakerOpen, match="still no answer") as refused:
        breaker.admit()
    assert refused.value.until == NOW + 123 * SECOND


def test_a_probe_that_never_reports_is_given_up_and_its_late_report_changes_nothing() -> None:
    world = World()
    breaker = world.opened()
    world.forward(60)
    lost = breaker.admit()
    world.forward(19.9)
    with pytest.raises(BreakerOpen):
        breaker.admit()
    world.forward(0.1)
    second = breaker.admit()
    assert second not in (None, lost)
    breaker.failed("late", lost)
    breaker.succeeded(lost)
    assert world.store.read("telegram").probe_token == second
    breaker.succeeded(second)
    assert world.store.read("telegram").state == "closed"


def test_calls_that_began_before_it_opened_neither_close_nor_prolong_it() -> None:
    world = World()
    breaker = world.opened()
    before = world.store.read("telegram")
    world.forward(10)
    breaker.failed("late", None)
    breaker.succeeded(None)
    assert world.store.read("telegram") == before


@given(data=st.data())
def test_whatever_happens_there_is_never_more_than_one_live_probe(data: st.DataObject) -> None:
    """Probes are let through only while no other one is still within its time."""
    breaker, now = Breaker(), NOW
    live: dict[UUID, datetime] = {}
    for _ in range(data.draw(st.integers(0, 60))):
        now += data.draw(st.sampled_from([0, 1, 7, 21, 61])) * SECOND
        action = data.draw(st.sampled_from(["ask", "ask", "good", "bad", "bad"]))
        token = data.draw(st.sampled_from([None, *live]))
        if action == "ask":
            breaker, admission = admitted(breaker, POLICY, now, uuid4)
            if admission.token is not None:
                assert all(until <= now for until in live.values())
                live[admission.token] = now + POLICY.probe_timeout
        elif action == "good":
            breaker = succeeded(breaker, token) if token else breaker
            live.pop(token, None) if token else None
        else:
            breaker = failed(breaker, POLICY, now, reason="no answer", token=token)
            live.pop(token, None) if token else None
        assert (breaker.state == "closed") == (breaker.opened_at is None)
        assert (breaker.state == "half_open") == (breaker.probe_token is not None)
        assert len(breaker.failures) <= POLICY.threshold


def test_a_closed_breaker_is_read_once_a_second_and_never_written() -> None:
    world = World()
    breaker = world.process()
    for _ in range(100):  # 10 seconds
        breaker.succeeded(breaker.admit())
        world.forward(0.1)
    assert world.store.updates == 0
    assert 9 <= world.store.reads <= 11


def test_an_open_breaker_refuses_without_locking_anything() -> None:
    world = World()
    breaker = world.opened()
    updates = world.store.updates
    for _ in range(20):
        world.forward(1)
        with pytest.raises(BreakerOpen):
            breaker.admit()
    assert world.store.updates == updates


def test_another_process_obeys_within_a_second() -> None:
    world = World()
    bystander = world.process()
    assert bystander.admit() is None
    world.opened()
    world.forward(1.1)
    with pytest.raises(BreakerOpen):
        bystander.admit()


def test_transitions_are_logged_once_and_measured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="tutordex_dagster")
    world = World()
    breaker = world.opened()
    assert world.metrics.value("breaker_state", component="telegram") == 1
    world.forward(60)
    token = breaker.admit()
    assert world.metrics.value("breaker_state", component="telegram") == 2
    breaker.failed("no answer", token)
    world.forward(60)
    breaker.succeeded(breaker.admit())
    assert world.metrics.value("breaker_state", component="telegram") == 0
    assert world.metrics.value("breaker_open_total", component="telegram") == 2
    states = [record.getMessage().split(" reason=")[0] for record in caplog.records]
    assert states == [
        f"event=breaker_state component=telegram state={state}"
        for state in ("open", "half_open", "open", "half_open", "closed")
    ]


def test_a_reset_by_hand_is_obeyed_within_a_second() -> None:
    world = World()
    breaker = world.opened()
    world.store.update("telegram", lambda _: (Breaker(), None))
    world.forward(1.1)
    assert breaker.admit() is None


def test_a_record_keeps_its_failures_when_it_is_probed() -> None:
    opened = replace(closed_after(1, 2, 3, 4, 5), reason="x")
    probed, _ = admitted(opened, POLICY, NOW + 90 * SECOND, uuid4)
    assert probed.failures == opened.failures
    assert probed.opened_at == opened.opened_at


def test_a_service_that_asks_for_a_pause_is_left_alone_for_that_long_from_its_first_answer_on() -> None:
    world = World()
    breaker = world.process()
    breaker.failed("429", None, retry_after=300 * SECOND)
    breaker.failed("429", None, retry_after=400 * SECOND)
    breaker.failed("429", None, retry_after=100 * SECOND)
    world.forward(399)
    assert "telegram is paused until 2026-03-02 08:06:40 UTC (429)" in (breaker.obstacle() or "")
    with pytest.raises(BreakerOpen):
        breaker.admit()
    world.forward(1)
    assert breaker.obstacle() is None
    assert breaker.admit() is not None


def test_a_pause_shorter_than_the_open_timeout_does_not_shorten_that() -> None:
    world = World()
    world.process().failed("429", None, retry_after=SECOND)
    world.forward(59)
    with pytest.raises(BreakerOpen):
        world.process().admit()


def test_a_stopped_one_lets_nothing_through_until_it_is_reset() -> None:
    world = World()
    breaker = world.process()
    breaker.stop("401: no key")
    breaker.failed("late", None, retry_after=SECOND)
    world.forward(10**6)
    with pytest.raises(
        BreakerStopped, match=r"stopped \(401: no key\); once put right: tutordex breaker reset"
    ):
        breaker.admit()
    assert "is stopped (401: no key)" in (breaker.obstacle() or "")
    assert world.metrics.value("breaker_state", component="telegram") == 3
    world.store.update("telegram", lambda _: (Breaker(), None))
    world.forward(1.1)
    assert (breaker.obstacle(), breaker.admit()) == (None, None)


def test_a_probe_that_is_given_back_is_anybodys() -> None:
    world = World()
    breaker = world.opened()
    world.forward(60)
    token = breaker.admit()
    assert token is not None
    breaker.returned(token)
    breaker.returned(uuid4())
    assert world.process().admit() not in {None, token}
