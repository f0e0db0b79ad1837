"""A queue in memory with leases, attempts and known answers, and extractors that do as the text says."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import JsonValue

from tutordex_dagster.errors import TransientError
from tutordex_dagster.extraction.contract import Answer, Assignment, Extracted, Outcome, Skipped
from tutordex_dagster.extraction.failures import AnswerRejected, LaneStopped, LaneUnavailable
from tutordex_dagster.queue.contract import Finished, Job, KnownAnswer
from tutordex_dagster.queue.ends import Judge, RetryPolicy, known_from
from tutordex_dagster.queue.lane import LaneWork, drain_lane
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.resilience.breaker import BreakerPolicy, CircuitBreaker
from tutordex_dagster.resilience.memory import MemoryBreakers

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLICY = RetryPolicy(max_attempts=3, base_seconds=60)
BREAKER = BreakerPolicy(window=timedelta(seconds=30), threshold=3, open_timeout=timedelta(seconds=60))
META: Mapping[str, JsonValue] = {
    "tokens": {"prompt": 100, "completion": 20},
    "cost": 0.5,
    "latency_ms": 1500,
    "calls": 1,
}


def job(raw_id: int, text: str, *, attempt: int = 1, service: bool = False) -> Job:
    """Make a claimed job."""
    return Job(
        raw_id=raw_id,
        version="llm",
        lease=uuid4(),
        attempt=attempt,
        lane="live",
        channel_id=1,
        posted_at=NOW,
        kind="service" if service else "post",
        text=text,
    )


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class LeasedMemoryQueue:
    """Hands out its jobs once; jobs in `stolen` belong to somebody else by the time they are looked at."""

    waiting: list[Job]
    stolen: set[int] = field(default_factory=set)
    finished: list[Finished] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    away: int = 0
    held: set[int] = field(default_factory=set)
    most_held: int = 0

    def claim(self, version: str, *, limit: int, raw_ids: Sequence[int] | None = None) -> Sequence[Job]:
        due = [j for j in self.waiting if j.version == version and (raw_ids is None or j.raw_id in raw_ids)]
        taken = due[:limit]
        self.waiting = [j for j in self.waiting if j not in taken]
        self.claims.append(len(taken))
        self.held |= {j.raw_id for j in taken}
        self.most_held = max(self.most_held, len(self.held))
        return taken

    def finish(self, finished: Sequence[Finished]) -> int:
        if self.away:
            self.away -= 1
            raise TransientError("the database is away")
        owned = [end for end in finished if end.job.raw_id not in self.stolen]
        self.finished += owned
        self.held -= {end.job.raw_id for end in finished}
        return len(owned)

    def extend(self, version: str, jobs: Collection[Job]) -> set[UUID]:
        assert version == "llm"
        self.beats.append(len(jobs))
        return {j.lease for j in jobs if j.raw_id not in self.stolen}

    def answers(self, version: str, hashes: Collection[bytes]) -> Mapping[bytes, KnownAnswer]:
        known = [known_from(end) for end in self.finished if end.job.version == version]
        return {each.text_hash: each for each in known if each and each.text_hash in hashes}

    def ends(self) -> dict[int, str]:
        """Return the last end of every job."""
        return {end.job.raw_id: end.status for end in self.finished}

    def end_of(self, raw_id: int) -> Finished:
        """Return the last end of a job."""
        return [end for end in self.finished if end.job.raw_id == raw_id][-1]


@dataclass
class Slow:
    """Answers as the first word of a text says, after a few turns of the loop; counts what is in flight."""

    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    most: int = 0
    on_ask: Callable[[str], None] = lambda _: None
    fault: Exception | None = None
    up: bool = True
    """Whether anything is answered but what says "away"."""

    async def answer(self, text: str) -> Answer:
        self.asked.append(text)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            if text == "stuck":
                await asyncio.sleep(5)  # nobody waits for it: its lease is lost before
            for _ in range(50 if "late" in text else 5):
                await asyncio.sleep(0)
            self.on_ask(text)
            if self.fault:
                raise self.fault
            return Answer(outcome=self._outcome(text), meta=META)
        finally:
            self.in_flight -= 1

    async def responds(self) -> bool:
        self.asked.append("are you there?")
        return self.up and self.fault is None

    def _outcome(self, text: str) -> Outcome:
        match text.split(maxsplit=1)[0]:
            case "poison":
                raise AnswerRejected(
                    "no JSON",
                    rejection="invalid_json",
                    artifact="x" * 10_000,
                    meta=META,
                )
            case "away":
                raise LaneUnavailable("server: connection refused")
            case "busy":
                raise LaneUnavailable("server: 429", retry_after=timedelta(minutes=10))
            case "locked":
                raise LaneStopped("server: 401; set LLM_API_KEY")
            case "promo":
                return Skipped(reason="promo")
        return Extracted(kind="assignment", segments=(Assignment(assignment_code=text),))


@dataclass
class Bench:
    """Everything a drain needs."""

    queue: LeasedMemoryQueue
    extractor: Slow = field(default_factory=Slow)
    clock: HandClock = field(default_factory=HandClock)
    store: MemoryBreakers = field(default_factory=MemoryBreakers)
    stop: bool = False
    policy: BreakerPolicy = BREAKER

    @property
    def breaker(self) -> CircuitBreaker:
        """Return the breaker as another process would see it."""
        return CircuitBreaker("llm:llm", store=self.store, policy=self.policy, clock=self.clock)

    def work(self) -> LaneWork:
        """Return the whole queue as work."""
        return LaneWork(
            queue=self.queue,
            extractor=self.extractor,
            version="llm",
            breaker=self.breaker,
            judge=Judge(clock=self.clock, policy=POLICY, draw=lambda: 1.0),
            concurrency=4,
            lease_seconds=300,
            should_stop=lambda: self.stop,
        )

    def drain(self, **changed: Any) -> Tally:  # noqa: ANN401 - fields of LaneWork
        """Drain it."""
        return asyncio.run(drain_lane(replace(self.work(), **changed)))


def bench(*texts: str) -> Bench:
    """Make a bench whose jobs 1, 2, … have these texts."""
    return Bench(LeasedMemoryQueue([job(number, text) for number, text in enumerate(texts, start=1)]))
