"""How fast a new version is enqueued, and whether live work waits behind what that queues.

    python bench/enqueue.py [--rows 1000000] [--backlog 100000] [--live 200]

The log holds `--rows` posts of 25 channels. Timed: one call that enqueues all of them for a new version, and
`enqueue_window`, page by page as `tutordex enqueue` does, for another one; the bare statement inserts as many
rows from the log into a table with the same indexes. Then `--live` posts come in one by one, each is
enqueued, claimed and finished: with an empty queue, and behind `--backlog` reparse jobs of the same version.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from fresh import fresh_database

from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.store.extractions import ExtractionQueue
from tutordex_dagster.windows import Window

ALL_TIME = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
FILL_LOG = """
    INSERT INTO telegram_messages_raw (
        channel_id, message_id, revision, kind, posted_at, observed_at, content_hash, text, source, payload
    )
    SELECT 1 + n %% 25, n, 1, 'post', timestamptz '2025-01-01 00:00+00' + n * interval '1 minute', now(), 'x',
        repeat('tutor needed ', 46), 'export', '{}'
    FROM generate_series(1, %(rows)s::integer) AS n
"""
MAKE_TWIN = "CREATE TABLE twin (LIKE telegram_extractions INCLUDING ALL)"
BARE = """
    INSERT INTO twin (raw_id, pipeline_version, channel_id, posted_at, priority, not_before, enqueued_at)
    SELECT raw_id, 'bare', channel_id, posted_at, 3, now(), now() FROM telegram_messages_raw
"""


def timed(label: str, action: Callable[[], object]) -> float:
    """Run the action, print its row, return its seconds."""
    start = time.perf_counter()
    action()
    seconds = time.perf_counter() - start
    print(f"{label:<44}{seconds:>8.1f} s", flush=True)
    return seconds


def one_by_one(queue: ExtractionQueue, raw_ids: range) -> list[float]:
    """Return the milliseconds from enqueuing to the end, post by post, in the live lane."""
    took = []
    for raw_id in raw_ids:
        start = time.perf_counter()
        queue.enqueue("live", [raw_id], lane="live")
        (job,) = queue.claim("live", limit=1)
        assert job.raw_id == raw_id
        assert queue.finish([Finished(job=job, status="skipped", reason="promo")]) == 1
        took.append(1000 * (time.perf_counter() - start))
    return took


def quantiles(took: list[float]) -> str:
    """Return the median and the 99th percentile in words."""
    return f"median {statistics.median(took):.1f} ms, p99 {statistics.quantiles(took, n=100)[98]:.1f} ms"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=200)
    options = parser.parse_args()
    with fresh_database(channels=25) as database:
        database.execute(FILL_LOG, {"rows": options.rows})
        database.execute(MAKE_TWIN, {})
        queue, everything = ExtractionQueue(database), list(range(1, options.rows + 1))
        print(f"{options.rows:,} posts\n")
        bare = timed("bare INSERT … SELECT", lambda: database.execute(BARE, {}))
        called = timed("one call with all raw ids", lambda: queue.enqueue("new", everything, lane="reparse"))
        windows = timed(
            "the window of all channels, page by page",
            lambda: queue.enqueue_window("newer", channel_ids=range(1, 26), window=ALL_TIME, lane="reparse"),
        )
        again = timed("and again: nothing to do", lambda: queue.enqueue("new", everything, lane="reparse"))
        print(f"\nratios to bare: {called / bare:.1f}, {windows / bare:.1f}, {again / bare:.1f}")
        free = one_by_one(queue, range(1, options.live + 1))
        first = options.live + 1
        queue.enqueue("live", everything[2 * options.live :][: options.backlog], lane="reparse")
        behind = one_by_one(queue, range(first, first + options.live))
        print(f"live, queue empty:              {quantiles(free)}")
        print(f"live, {options.backlog:,} reparse jobs queued: {quantiles(behind)}")


if __name__ == "__main__":
    main()
