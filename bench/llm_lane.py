"""The worker of slow extractors against answers that take a fixed time, on a real queue.

    python bench/llm_lane.py [--latency 1.0] [--concurrency 32] [--seconds 30] [--many 100000]

First: jobs of different texts, each answered after `--latency` seconds by a stub in this process, with
`--concurrency` in flight, for about `--seconds`. Prints messages a second against the ideal, which is
concurrency / latency, and the processor time of this process for each message (the stub's included, the
server of Postgres not). Then the same through the real client, against the tests' chat server in a process of
its own: everything a worker does but the model. Last: `--many` messages whose answers take no time, to see
the memory: the peak, and what is held after each tenth of them.
"""

import argparse
import asyncio
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fresh import fresh_database

from tutordex_dagster.extraction import llm
from tutordex_dagster.extraction.contract import Answer, Assignment, Extracted
from tutordex_dagster.extraction.llm.spec import LlmDefaults, LlmSpec, read_parameters
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.queue.ends import Judge, RetryPolicy
from tutordex_dagster.queue.lane import LaneWork, drain_lane
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.resilience.breaker import BreakerPolicy, CircuitBreaker
from tutordex_dagster.resources.llm import open_extractor
from tutordex_dagster.settings import PROJECT, Settings
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.extractions import ExtractionQueue
from tutordex_dagster.store.resilience import Breakers
from tutordex_dagster.windows import utc_now

if TYPE_CHECKING:
    from pydantic import JsonValue

PAGE = os.sysconf("SC_PAGE_SIZE")
LEASE_SECONDS = 300
SERVE = """
import asyncio, sys
from tests.llm_server.stub import StubServer

async def serve():
    async with StubServer(latency=float(sys.argv[1])) as server:
        server.keep_requests = False
        print(server.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(serve())
"""
FILL_LOG = """
    INSERT INTO telegram_messages_raw
        (channel_id, message_id, revision, kind, posted_at, observed_at, content_hash, text, source, payload)
    SELECT 1, n, 1, 'post', timestamptz '2025-01-01 00:00+00' + n * interval '1 minute', now(), 'x',
        n || repeat(' tutor needed', 46), 'export', '{}'
    FROM generate_series(1, %(rows)s::integer) AS n
"""
FILL_QUEUE = """
    SELECT enqueue_telegram_extractions(
        ARRAY(SELECT raw_id FROM telegram_messages_raw), %(version)s, 2::smallint
    )
"""


class Stub:
    """Answers every text after a fixed time."""

    def __init__(self, latency: float) -> None:
        self._latency = latency

    async def answer(self, text: str) -> Answer:
        """Wait, then find one assignment."""
        await asyncio.sleep(self._latency)
        outcome = Extracted(kind="assignment", segments=(Assignment(assignment_code=text[:8]),))
        meta: dict[str, JsonValue] = {
            "tokens": {"prompt": 900, "completion": 200, "total": 1100},
            "cost": 0.001,
            "latency_ms": round(self._latency * 1000),
            "calls": 1,
        }
        return Answer(outcome=outcome, meta=meta)

    async def responds(self) -> bool:
        """Every text is answered."""
        return True


@contextmanager
def log_of(rows: int) -> Iterator[Database]:
    """Give a database with that many posts, no two of the same text."""
    with fresh_database(channels=1) as database:
        database.execute(FILL_LOG, {"rows": rows})
        yield database


def work_on(database: Database, version: str, latency: float, concurrency: int) -> LaneWork:
    """Return the whole queue of a version as work."""
    policy = BreakerPolicy(window=timedelta(seconds=30), threshold=5, open_timeout=timedelta(seconds=60))
    return LaneWork(
        queue=ExtractionQueue(database, lease_seconds=LEASE_SECONDS),
        extractor=Stub(latency),
        version=version,
        breaker=CircuitBreaker(f"llm:{version}", store=Breakers(database), policy=policy),
        judge=Judge(clock=utc_now, policy=RetryPolicy(max_attempts=5, base_seconds=60), draw=random.random),
        concurrency=concurrency,
        lease_seconds=LEASE_SECONDS,
    )


def throughput(database: Database, options: argparse.Namespace, url: str | None = None) -> None:
    """Print messages a second against the ideal, and our processor time; with a URL through the client."""
    rounds = max(2, round(options.seconds / options.latency))
    jobs, ideal = rounds * options.concurrency, options.concurrency / options.latency
    version = "client" if url else "stub"
    work = work_on(database, version, options.latency, options.concurrency)
    work = replace(work, max_jobs=jobs)
    database.execute(FILL_QUEUE, {"version": version})
    began, used = time.perf_counter(), time.process_time()
    tally = asyncio.run(through_client(work, url) if url else drain_lane(work))
    taken, used = time.perf_counter() - began, time.process_time() - used
    assert tally.done == jobs, tally
    print(
        f"{version}: {jobs} answers of {options.latency:g} s, {options.concurrency} in flight: {taken:.1f} s,"
        f" {jobs / taken:.2f} messages/s = {100 * jobs / taken / ideal:.1f} % of the ideal {ideal:g};"
        f" own processor time {1000 * used / jobs:.2f} ms a message"
    )


async def through_client(work: LaneWork, url: str) -> Tally:
    """Work with a version's own extractor on a chat server."""
    defaults = LlmDefaults(root=PROJECT, api_url=url, model="stub-model", concurrency=work.concurrency)
    parameters = read_parameters("llm", {"few_shot": "none", "dialect": "json_schema"})
    spec = PipelineSpec(
        name=work.version,
        extractor="llm",
        revision=llm.REVISION,
        description="bench",
        llm=LlmSpec.of(parameters, defaults),
    )
    async with open_extractor(spec, Settings(_env_file=None)) as extractor:
        return await drain_lane(replace(work, extractor=extractor))


@contextmanager
def chat_server(latency: float) -> Iterator[str]:
    """Run the tests' chat server in a process of its own; give its address."""
    command = [sys.executable, "-c", SERVE, str(latency)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def memory(database: Database, options: argparse.Namespace) -> None:
    """Print what this process holds after each tenth of many messages."""
    database.execute(FILL_QUEUE, {"version": "many"})
    seen = 0
    held: list[float] = []

    def look(batch: Sequence[Finished]) -> None:
        nonlocal seen
        seen += len(batch)
        if seen * 10 // options.many > len(held):
            held.append(_resident_mib())

    work = work_on(database, "many", 0.0, options.concurrency)
    began, used = time.perf_counter(), time.process_time()
    tally = asyncio.run(drain_lane(replace(work, max_jobs=options.many, on_batch=look)))
    taken, used = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{tally.ok} messages at no latency: {tally.ok / taken:.0f} messages/s, own processor time"
        f" {1000 * used / tally.ok:.2f} ms a message; MiB held after each tenth:"
        f" {' '.join(f'{each:.0f}' for each in held)}; peak {peak:.0f} MiB"
    )


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--many", type=int, default=100_000)
    options = parser.parse_args()
    with log_of(max(options.many, 10_000)) as database:
        throughput(database, options)
        with chat_server(options.latency) as url:
            throughput(database, options, url)
        memory(database, options)


if __name__ == "__main__":
    main()
