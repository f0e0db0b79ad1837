"""The lane on the real queue: outages, edits in the middle, reposts, crashed workers."""

import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.integration.queue.lanes import Server, lane
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.windows import utc_now

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

JOBS = 5_000
TICK = 5
"""Seconds between two looks of the sensor."""


def test_ten_minutes_without_the_server_cost_few_calls_and_no_attempt_of_anything(world: "World") -> None:
    world.store(*(world.message(n, f"A{n}", minute=n / 100) for n in range(1, JOBS + 1)), enqueue="v1")
    server = Server(world.clock, down_until=world.clock() + timedelta(minutes=10))
    total, ends = Tally(), Counter[str]()
    while world.queue.next_due_at("v1") is not None:
        total.add(lane(world, server, on_batch=lambda batch: ends.update(end.status for end in batch)))
        world.clock.forward(seconds=TICK)

    assert (total.ok, total.failed, total.dead) == (JOBS, 0, 0)
    assert set(ends) == {"ok", "pending"}
    assert 10 <= server.refused < 60
    assert len(server.asked) == JOBS + server.refused
    assert world.rows("SELECT DISTINCT status::text, attempt FROM telegram_extractions") == [
        {"status": "ok", "attempt": 1}
    ]


def test_an_edit_that_lands_while_the_old_text_is_asked_about_gets_an_answer_of_its_own(
    world: "World",
) -> None:
    world.store(world.message(1, "OLD"), enqueue="v1")

    def edit(text: str) -> None:
        if text == "OLD":
            world.store(world.message(1, "NEW", edited=30), seen=90, enqueue="v1")

    lane(world, Server(world.clock, before_answer=edit))
    lane(world, Server(world.clock))
    world.assignments.project("v1")
    assert world.jobs() == {(1, 1): ("ok", None), (1, 2): ("ok", None)}
    assert {code for code, _, _ in world.shown().values()} == {"NEW"}


def test_a_repost_in_another_drain_takes_the_answer_of_the_first_and_says_so(world: "World") -> None:
    server = Server(world.clock)
    world.store(world.message(1, "A1"), enqueue="v1")
    lane(world, server)
    world.store(world.message(2, "A1"), world.message(3, "A1"), enqueue="v1")
    world.queue.enqueue("v2", [world.raw_id(2)], lane="reparse")

    assert lane(world, server).reused == 2
    assert server.asked == ["A1"]
    rows = world.rows("SELECT meta, result FROM telegram_extractions WHERE meta ? 'reused_from'")
    assert [row["meta"]["reused_from"] for row in rows] == [world.raw_id(1)] * 2
    assert {row["result"]["segments"][0]["assignment_code"] for row in rows} == {"A1"}
    assert lane(world, server, version="v2").reused == 0, "another version reads posts differently"


def test_a_live_post_waits_for_no_more_of_the_backlog_than_is_held_already(world: "World") -> None:
    backlog = world.batch(*(world.message(n, f"B{n}", minute=1) for n in range(1, 201)))
    world.log.store(world.in_lane(backlog, "v1", "backfill"))
    server = Server(world.clock)

    def post(text: str) -> None:
        if text == "B10":
            world.store(world.message(999, "LIVE"), enqueue="v1")

    server.before_answer = post
    assert lane(world, server, concurrency=4).ok == 201
    assert server.asked.index("LIVE") - server.asked.index("B10") <= 4 * 4


KILLED = """
import asyncio, random, sys
from datetime import timedelta
from tutordex_dagster.queue.ends import Judge, RetryPolicy
from tutordex_dagster.queue.lane import LaneWork, drain_lane
from tutordex_dagster.resilience.breaker import BreakerPolicy, CircuitBreaker
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.extractions import ExtractionQueue
from tutordex_dagster.store.resilience import Breakers
from tutordex_dagster.windows import utc_now

class Silent:
    async def answer(self, text):
        print(text, flush=True)
        await asyncio.sleep(3600)

minute = timedelta(minutes=1)
db = Database(sys.argv[1])
asyncio.run(drain_lane(LaneWork(
    queue=ExtractionQueue(db, lease_seconds=300), extractor=Silent(), version="v1",
    breaker=CircuitBreaker("llm:v1", store=Breakers(db),
                           policy=BreakerPolicy(window=minute, threshold=5, open_timeout=minute)),
    judge=Judge(clock=utc_now, policy=RetryPolicy(max_attempts=5, base_seconds=60), draw=random.random),
    concurrency=2, lease_seconds=300,
)))
"""


def test_jobs_of_a_killed_worker_come_back_after_their_lease_and_count_the_attempt(world: "World") -> None:
    """Also those it held and had not begun: nobody can tell any more which post it died of."""
    world.clock.now = utc_now()
    world.store(*(world.message(n, f"A{n}") for n in (1, 2, 3)), enqueue="v1")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, world.db.url], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout
        assert {worker.stdout.readline().strip() for _ in range(2)} == {"A1", "A2"}
        worker.send_signal(signal.SIGKILL)
    assert set(world.jobs().values()) == {("processing", None)}
    world.clock.now = utc_now() + timedelta(seconds=200)
    assert lane(world, Server(world.clock)).claimed == 0
    world.clock.forward(seconds=101)

    assert lane(world, Server(world.clock)).ok == 3
    assert world.rows("SELECT DISTINCT attempt FROM telegram_extractions") == [{"attempt": 2}]
