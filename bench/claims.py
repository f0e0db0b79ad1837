"""How fast jobs are claimed and finished, against bare UPDATEs of as many rows in the same run.

    python bench/claims.py [--rows 1000000] [--jobs 20000] [--batch 50]

The queue holds `--rows` jobs. One process takes `--jobs` of them through the real claim and finish, in
batches. The bare loop does with the same batch size what cannot be avoided: one UPDATE … RETURNING by key and
one UPDATE by key, with the same commits, on a twin table with the same indexes and as many rows. At the end
the plan of the claim is printed: it has to stay on its partial index.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fresh import fresh_database

from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.extractions import ExtractionQueue

RESULT = b'{"kind": "assignment", "segments": [{"assignment_code": "A1", "subjects": ["Mathematics"]}]}'
FILL_LOG = """
    INSERT INTO telegram_messages_raw
        (channel_id, message_id, revision, kind, posted_at, observed_at, content_hash, text, source, payload)
    SELECT 1, n, 1, 'post', timestamptz '2025-01-01 00:00+00' + n * interval '1 minute', now(), 'x',
        repeat('tutor needed ', 46), 'export', '{}'
    FROM generate_series(1, %(rows)s::integer) AS n
"""
FILL_QUEUE = """
    SELECT enqueue_telegram_extractions(
        ARRAY(SELECT raw_id FROM telegram_messages_raw), 'bench', 2::smallint
    )
"""
MAKE_TWIN = "CREATE TABLE twin (LIKE telegram_extractions INCLUDING ALL)"
FILL_TWIN = "INSERT INTO twin SELECT * FROM telegram_extractions"
BARE_CLAIM = """
    UPDATE twin SET status = 'processing', attempt = attempt + 1, lease_token = gen_random_uuid(),
        lease_expires_at = now()
    WHERE raw_id BETWEEN %(first)s AND %(last)s
    RETURNING raw_id, lease_token, attempt, posted_at, repeat('tutor needed ', 46)
"""
BARE_FINISH = """
    UPDATE twin SET status = 'ok', result = %(result)s::jsonb, lease_token = NULL, lease_expires_at = NULL,
        finished_at = now()
    WHERE raw_id BETWEEN %(first)s AND %(last)s
"""
EXPLAIN_CLAIM = """
    EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)
    SELECT raw_id FROM telegram_extractions
    WHERE pipeline_version = 'bench' AND status IN ('pending', 'failed') AND not_before <= now()
    ORDER BY priority, not_before, raw_id LIMIT 50 FOR UPDATE SKIP LOCKED
"""


@contextmanager
def full_queue(rows: int) -> Iterator[Database]:
    """Give a database with that many pending jobs, filled in bulk and never analyzed, and its twin."""
    with fresh_database(channels=1) as database:
        database.execute(FILL_LOG, {"rows": rows})
        database.execute(FILL_QUEUE, {})
        database.execute(MAKE_TWIN, {})
        database.execute(FILL_TWIN, {})
        yield database


def drain(database: Database, jobs: int, batch: int) -> None:
    """Claim and finish through the queue."""
    queue = ExtractionQueue(database)
    for _ in range(0, jobs, batch):
        claimed = queue.claim("bench", limit=batch)
        ended = queue.finish([Finished(job=job, status="ok", result=RESULT) for job in claimed])
        assert ended == batch


def update_twice(database: Database, jobs: int, batch: int) -> None:
    """Update as many rows twice, with two commits a batch that do not wait for the disk either."""
    for first in range(1, jobs, batch):
        span = {"first": first, "last": first + batch - 1, "result": RESULT.decode()}
        for statement in (BARE_CLAIM, BARE_FINISH):
            with database.connection() as connection:
                connection.execute("SET LOCAL synchronous_commit = off")
                cursor = connection.execute(statement, span)
                assert cursor.rowcount == batch


def timed(label: str, jobs: int, action: Callable[[], None]) -> float:
    """Run the action, print its row, return jobs per second."""
    start = time.perf_counter()
    action()
    speed = jobs / (time.perf_counter() - start)
    print(f"{label:<28}{speed:>10,.0f}", flush=True)
    return speed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=50)
    options = parser.parse_args()
    with full_queue(options.rows) as database:
        print(f"{options.rows:,} jobs waiting, {options.jobs:,} of them in batches of {options.batch}\n")
        print(f"{'':<28}{'jobs/s':>10}")
        queue = timed("claim + finish", options.jobs, lambda: drain(database, options.jobs, options.batch))
        bare = timed(
            "bare UPDATEs", options.jobs, lambda: update_twice(database, options.jobs, options.batch)
        )
        print(f"\nratio to bare: {queue / bare:.2f}\n\nplan of the claim:")
        with database.connection() as connection:
            for (line,) in connection.execute(EXPLAIN_CLAIM):
                print(f"    {line}")


if __name__ == "__main__":
    main()
