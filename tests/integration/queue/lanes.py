"""A lane on the store's small world: the real queue and breakers, and a server that may be away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tutordex_dagster.extraction.contract import Answer, Assignment, Extracted
from tutordex_dagster.extraction.failures import LaneUnavailable
from tutordex_dagster.queue.ends import Judge, RetryPolicy
from tutordex_dagster.queue.lane import LaneWork, drain_lane
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.resilience.breaker import BreakerPolicy, CircuitBreaker
from tutordex_dagster.store.resilience import Breakers

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

POLICY = BreakerPolicy(window=timedelta(seconds=30), threshold=5, open_timeout=timedelta(seconds=60))


@dataclass
class Server:
    """Answers each text with an assignment of that code; counts its calls, and those it refused."""

    clock: Callable[[], datetime]
    down_until: datetime | None = None
    before_answer: Callable[[str], None] = lambda _: None
    asked: list[str] = field(default_factory=list)
    refused: int = 0

    async def answer(self, text: str) -> Answer:
        self.asked.append(text)
        await asyncio.sleep(0)
        if self.down_until is not None and self.clock() < self.down_until:
            self.refused += 1
            raise LaneUnavailable("server: connection refused")
        self.before_answer(text)
        outcome = Extracted(kind="assignment", segments=(Assignment(assignment_code=text),))
        return Answer(outcome=outcome, meta={"latency_ms": 1000})

    async def responds(self) -> bool:
        self.asked.append("are you there?")
        if self.down_until is not None and self.clock() < self.down_until:
            self.refused += 1
            return False
        return True


def lane(world: "World", server: Server, version: str = "v1", **changed: Any) -> Tally:  # noqa: ANN401
    """Drain a version as a process of its own would: nothing is known from earlier drains."""
    store = Breakers(world.db, clock=world.clock)
    work = LaneWork(
        queue=world.queue,
        extractor=server,
        version=version,
        breaker=CircuitBreaker(f"llm:{version}", store=store, policy=POLICY, clock=world.clock),
        judge=Judge(clock=world.clock, policy=RetryPolicy(max_attempts=2, base_seconds=60), draw=lambda: 1.0),
        concurrency=32,
        lease_seconds=300,
    )
    return asyncio.run(drain_lane(replace(work, **changed)))
