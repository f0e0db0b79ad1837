"""Whatever order claims, ends, heartbeats and crashes come in, the queue does what a small model says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tutordex_dagster.queue.contract import Finished, Job

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

MAX_ATTEMPTS, LEASE, MESSAGES = 2, timedelta(seconds=300), 4
NUMBER = count(1)

Step = tuple[str, int]
"""What is done, and to which: a number of jobs to claim, of an earlier claim, or of seconds."""

CLAIMS = st.tuples(st.just("claim"), st.integers(1, MESSAGES))
ENDS = st.tuples(st.sampled_from(("ok", "failed", "release", "extend")), st.integers(0, 9))
TIMES = st.tuples(st.just("forward"), st.sampled_from((1, 60, 299, 300)))
STEPS = st.lists(CLAIMS | ENDS | TIMES, max_size=14)


@dataclass(frozen=True)
class Row:
    """A job as the model has it."""

    not_before: datetime
    status: str = "pending"
    attempt: int = 0
    lease: UUID | None = None
    expires: datetime | None = None


class Model:
    """What the queue promises, in a few lines of Python."""

    def __init__(self, raw_ids: Sequence[int], now: datetime) -> None:
        self.rows = {raw_id: Row(not_before=now) for raw_id in raw_ids}

    def claimed(self, limit: int, now: datetime) -> list[int]:
        """Return whose turn it is, after expired leases were ended."""
        for raw_id, row in self.rows.items():
            if row.expires and row.expires <= now:
                dead = row.attempt >= MAX_ATTEMPTS
                status = "dead" if dead else "pending"
                self.rows[raw_id] = Row(not_before=now, status=status, attempt=row.attempt)
        due = [
            (row.not_before, raw_id)
            for raw_id, row in self.rows.items()
            if row.status in {"pending", "failed"} and row.not_before <= now
        ]
        return [raw_id for _, raw_id in sorted(due)[:limit]]

    def take(self, job: Job, now: datetime) -> None:
        """Note a claim."""
        before = self.rows[job.raw_id]
        self.rows[job.raw_id] = replace(
            before, status="processing", attempt=before.attempt + 1, lease=job.lease, expires=now + LEASE
        )

    def owns(self, job: Job) -> bool:
        """Tell whether this claim still holds its job."""
        return self.rows[job.raw_id].lease == job.lease

    def end(self, job: Job, status: str, *, now: datetime) -> None:
        """Note the end of a job by the claim that owns it."""
        row = self.rows[job.raw_id]
        later = now + timedelta(seconds=60) if status == "failed" else row.not_before
        given_back = int(status == "pending")
        self.rows[job.raw_id] = Row(not_before=later, status=status, attempt=row.attempt - given_back)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_queue_does_what_the_model_says_in_any_order(world: "World", steps: list[Step]) -> None:
    version = f"model-{next(NUMBER)}"
    world.store(*(world.message(n) for n in range(1, MESSAGES + 1)))
    raw_ids = [world.raw_id(n) for n in range(1, MESSAGES + 1)]
    world.queue.enqueue(version, raw_ids, lane="live")
    model, claims = Model(raw_ids, world.clock()), list[Job]()
    for what, which in steps:
        now = world.clock()
        if what == "forward":
            world.clock.forward(seconds=which)
        elif what == "claim":
            expected = model.claimed(which, now)
            jobs = world.queue.claim(version, limit=which)
            assert [job.raw_id for job in jobs] == expected
            for job in jobs:
                model.take(job, now)
                assert job.attempt == model.rows[job.raw_id].attempt
            claims += jobs
        elif claims:
            act(world, model, claims[which % len(claims)], what)
        assert stored(world, version) == {
            raw_id: (row.status, row.attempt, row.lease) for raw_id, row in model.rows.items()
        }


def act(world: "World", model: Model, job: Job, what: str) -> None:
    """Let the worker of some claim do something, whether or not the claim still holds."""
    owns, now = model.owns(job), world.clock()
    if what == "extend":
        assert world.queue.extend(job.version, [job]) == ({job.lease} if owns else set())
        if owns:
            model.rows[job.raw_id] = replace(model.rows[job.raw_id], expires=now + LEASE)
        return
    ends = {
        "ok": world.ok(job),
        "failed": world.failed(job, retry_in=60),
        "release": Finished(job=job, status="pending"),
    }
    assert world.queue.finish([ends[what]]) == int(owns)
    if owns:
        model.end(job, ends[what].status, now=now)


def stored(world: "World", version: str) -> dict[int, tuple[str, int, UUID | None]]:
    """Return what the table says of every job."""
    query = "SELECT raw_id, status::text, attempt, lease_token FROM telegram_extractions"
    rows = world.rows(f"{query} WHERE pipeline_version = %(v)s", v=version)
    return {row["raw_id"]: (row["status"], row["attempt"], row["lease_token"]) for row in rows}
