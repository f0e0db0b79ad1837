"""Breakers and paces in Postgres: what every store holds, and what only shows between processes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from tests.unit.resilience.contracts import (
    FLOODED,
    HALF_OPEN,
    NOW,
    BreakerStoreContract,
    PaceStoreContract,
)
from tutordex_dagster.resilience.breaker import Breaker, BreakerPolicy, CircuitBreaker
from tutordex_dagster.resilience.errors import BreakerOpen, Flooded, TelegramUnavailable
from tutordex_dagster.resilience.guard import build_guard, telegram_limits
from tutordex_dagster.resilience.retry import RetryPolicy
from tutordex_dagster.store.audit import Audit, Deed
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.metrics import PostgresMetrics
from tutordex_dagster.store.resilience import Breakers, FloodedMethod, Paces

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

SECOND = timedelta(seconds=1)
POLICY = BreakerPolicy(window=30 * SECOND, threshold=5, open_timeout=60 * SECOND)
OPEN = Breaker(state="open", failures=(NOW,), opened_at=NOW, reason="no answer")


class TestPostgresBreakers(BreakerStoreContract):
    """Breakers in Postgres."""

    @pytest.fixture
    def store(self, database: Database) -> Breakers:
        return Breakers(database)


class TestPostgresPaces(PaceStoreContract):
    """Paces in Postgres."""

    @pytest.fixture
    def store(self, database: Database) -> Paces:
        return Paces(database)


def test_of_many_processes_that_find_a_probe_due_exactly_one_gets_it(database_url: str) -> None:
    processes = [Database(database_url) for _ in range(4)]
    due = NOW + 60 * SECOND
    together = Barrier(16)

    def ask(number: int) -> bool:
        store = Breakers(processes[number % 4])
        breaker = CircuitBreaker("telegram", store=store, policy=POLICY, clock=lambda: due)
        together.wait(timeout=30)
        try:
            return breaker.admit() is not None
        except BreakerOpen:
            return False

    try:
        for _ in range(5):
            Breakers(processes[0]).update("telegram", lambda _: (OPEN, None))
            with ThreadPoolExecutor(16) as threads:
                assert sum(threads.map(ask, range(16))) == 1
    finally:
        for process in processes:
            process.close()


def test_no_failure_is_lost_when_many_processes_report_at_once(database_url: str) -> None:
    processes = [Database(database_url) for _ in range(4)]
    many = BreakerPolicy(window=30 * SECOND, threshold=1000, open_timeout=60 * SECOND)

    def report(number: int) -> None:
        breaker = CircuitBreaker("telegram", store=Breakers(processes[number % 4]), policy=many)
        breaker.failed("no answer", None)

    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(report, range(80)))
        assert len(Breakers(processes[0]).read("telegram").failures) == 80
    finally:
        for process in processes:
            process.close()


def test_a_change_that_fails_leaves_the_breaker_as_it_was(database: Database) -> None:
    breakers = Breakers(database)
    breakers.update("telegram", lambda _: (OPEN, None))

    def broken(breaker: Breaker) -> tuple[Breaker, None]:
        raise ValueError(breaker.reason)

    with pytest.raises(ValueError, match="no answer"):
        breakers.update("telegram", broken)
    assert breakers.read("telegram") == OPEN


def test_the_list_tells_since_when_each_is_in_its_state(world: "World") -> None:
    breakers = Breakers(world.db, clock=world.clock)
    began = world.clock()
    breakers.update("telegram", lambda _: (OPEN, None))
    world.clock.forward(seconds=60)
    breakers.update("telegram", lambda _: (HALF_OPEN, None))
    probed = world.clock()
    world.clock.forward(seconds=1)
    breakers.update("telegram", lambda b: (replace(b, reason="again"), None))
    breakers.update("another", lambda b: (b, None))
    rows = {row.component: (row.breaker.state, row.changed_at) for row in breakers.all()}
    assert rows == {"another": ("closed", began + 61 * SECOND), "telegram": ("half_open", probed)}


def test_a_reason_that_postgres_cannot_hold_is_kept_without_the_odd_characters(database: Database) -> None:
    breakers = Breakers(database)
    breakers.update("telegram", lambda _: (Breaker(failures=(NOW,), reason="nul \0 here"), None))
    assert breakers.read("telegram").reason == "nul  here"


def test_a_reset_closes_the_breaker_and_goes_on_record(world: "World") -> None:
    breakers = Breakers(world.db)
    breakers.update("telegram", lambda _: (OPEN, None))
    at = world.clock()
    assert breakers.reset("telegram", at, actor="mei") == OPEN
    assert breakers.read("telegram") == Breaker()
    assert breakers.all()[0].changed_at == at
    assert world.rows("SELECT at, actor, action, detail FROM audit") == [
        {
            "at": at,
            "actor": "mei",
            "action": "breaker reset",
            "detail": {"component": "telegram", "state": "open", "reason": "no answer"},
        }
    ]


def test_a_reset_of_an_unknown_breaker_leaves_no_trace(world: "World") -> None:
    assert Breakers(world.db).reset("telegarm", world.clock(), actor="mei") is None
    assert world.rows("SELECT * FROM audit") == world.rows("SELECT * FROM breakers") == []


def test_deeds_are_added_one_row_each(world: "World") -> None:
    audit = Audit(world.db)
    deed = Deed(at=world.clock(), actor="mei", action="session unpark", detail={"name": "recovery"})
    audit.append(deed)
    audit.append(deed)
    assert world.rows("SELECT actor, action, detail FROM audit") == 2 * [
        {"actor": "mei", "action": "session unpark", "detail": {"name": "recovery"}}
    ]


def test_a_guarded_call_keeps_its_breaker_pace_and_metrics_in_postgres(world: "World") -> None:
    steps: list[Exception] = [
        Flooded(method="GetHistoryRequest", seconds=7),
        TelegramUnavailable("Telegram: connection reset; it is tried again"),
    ]
    metrics = PostgresMetrics(world.db, clock=world.clock)
    began = world.clock()

    async def send() -> str:
        if steps:
            raise steps.pop(0)
        return "history"

    async def sleep(seconds: float) -> None:
        world.clock.forward(seconds=seconds)

    async def call() -> str:
        guard = build_guard(
            "abc",
            paces=Paces(world.db),
            breakers=Breakers(world.db),
            limits=telegram_limits(10),
            breaker=POLICY,
            retry=RetryPolicy(max_attempts=5, max_elapsed=120, base=0.5, max=10),
            answer_seconds=30,
            patience=600,
            metrics=metrics,
            clock=world.clock,
            sleep=sleep,
        )
        answer = await guard.call("GetHistoryRequest", send)
        await guard.flush()
        return answer

    assert asyncio.run(call()) == "history"
    pace = Paces(world.db).load("abc", "GetHistoryRequest")
    assert pace is not None
    assert (len(pace.recent), pace.allowed, pace.flooded_until) == (3, 8, began + 7 * SECOND)
    breaker = Breakers(world.db).read("telegram")
    assert (breaker.state, len(breaker.failures), breaker.reason) == (
        "closed",
        1,
        "Telegram: connection reset",
    )
    written = {row.name: row.value for row in metrics.all()}
    assert written.pop("last_retry_delay_seconds") <= 0.5
    assert written == {"rate_limit_hits_total": 1, "retries_total": 1}


def test_flood_waits_are_listed_until_they_are_over(database: Database) -> None:
    paces = Paces(database)
    paces.save("abc", "GetHistoryRequest", FLOODED)
    until = FLOODED.flooded_until
    assert until is not None
    assert paces.flooded(until - SECOND) == [FloodedMethod("abc", "GetHistoryRequest", until)]
    assert paces.flooded(until) == []
