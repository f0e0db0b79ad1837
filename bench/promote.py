"""How long it takes to make another version live, against one bare INSERT … SELECT of the same rows.

    python bench/promote.py [--rows 1000000] [--channels 25]

The log holds `--rows` posts; two versions have extracted each of them; one post in fifty is a status post
that names a code, one in fifty replies to a post; one in a hundred is an assignment to the candidate alone.
The live version is shown already. Timed: building the candidate's projection beside it, and the switch. A
reader counts the assignments of one channel all the while: it must see what the one version found there, then
what the other found, and nothing in between; else this ends with status 1. A writer takes a channel's lock
again and again, as storing does: its longest wait is told. The bare statement writes the candidate's rows
into a table with the same indexes.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

from fresh import fresh_database

from tutordex_dagster.store.assignments import Assignments
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.promotion import Promotions

RESULT = """{"kind": "assignment", "segments": [{"assignment_code": "CODE",
"academic_display_text": "P5 Maths", "learning_mode": {"mode": "Face-to-Face", "raw_text": "at home"},
"address": ["10 Bishan Street 12"], "postal_code": ["570010"], "nearest_mrt": ["Bishan"],
"lesson_schedule": ["1x weekly, 1.5 hours"], "start_date": "ASAP",
"rate": {"min": 40, "max": 50, "raw_text": "$40-50/hr"}, "rate_breakdown": [], "additional_remarks": null,
"time_availability": {"explicit": {"monday": ["16:00-18:00"], "tuesday": []}, "estimated": {"monday": []},
"note": null}, "subjects": ["Mathematics"], "levels": ["Primary 5"], "streams": [],
"tutor_types": ["Part-Time"], "districts": [20], "region": "Central", "status": "open", "kind": "assignment",
"evidence": {"postal_code": {"confidence": 0.9, "span": [40, 46], "source": "rules"}}}]}"""
OVERLOOKED = 50
"""Of a hundred messages the one that only the candidate takes for an assignment."""
FILL_LOG = """
    INSERT INTO telegram_messages_raw (
        channel_id, message_id, revision, kind, posted_at, observed_at, content_hash, text, reply_to, source,
        payload
    )
    SELECT 1 + n %% %(channels)s, n, 1, 'post', timestamptz '2025-01-01 00:00+00' + n * interval '1 minute',
        now(), 'x', repeat('tutor needed ', 46), CASE n %% 50 WHEN 7 THEN n - %(channels)s END, 'export', '{}'
    FROM generate_series(1, %(rows)s::integer) AS n
"""
FILL_JOBS = """
    INSERT INTO telegram_extractions (
        raw_id, pipeline_version, channel_id, posted_at, status, priority, attempt, not_before, result,
        reason, meta, enqueued_at, finished_at
    )
    SELECT raw_id, %(version)s, channel_id, posted_at,
        CASE WHEN status_post OR overlooked THEN 'skipped' ELSE 'ok' END::job_status, 3, 1, now(),
        CASE
            WHEN NOT (status_post OR overlooked) THEN replace(%(result)s, 'CODE', 'A' || message_id)
        END::jsonb,
        CASE WHEN status_post THEN 'status' WHEN overlooked THEN 'no_assignment' END,
        CASE WHEN message_id %% 50 = 8
            THEN format('{"closes": {"codes": ["A%%s"], "links": []}}', message_id - %(channels)s)
            ELSE '{}'
        END::jsonb,
        now(), now()
    FROM (
        SELECT *, message_id %% 50 IN (7, 8) AS status_post,
            %(version)s = 'now' AND message_id %% 100 = %(overlooked)s AS overlooked
        FROM telegram_messages_raw
    ) AS message
"""
FILL_UNPROJECTED = (
    "INSERT INTO unprojected SELECT pipeline_version, raw_id, channel_id FROM telegram_extractions"
)
MAKE_TWIN = "CREATE TABLE twin (LIKE projected_assignments INCLUDING ALL)"
BARE = """
    INSERT INTO twin (
        projection, channel_id, message_id, segment, raw_id, pipeline_version, assignment_code, districts,
        rate_breakdown, time_availability, subjects, levels, streams, tutor_types, evidence, kind, posted_at,
        updated_at, academic_display_text, learning_mode, address, postal_code, nearest_mrt, region,
        lesson_schedule, start_date, rate_min, rate_max, rate_text, closed_by
    )
    SELECT
        projection, channel_id, message_id, segment, raw_id, pipeline_version, assignment_code, districts,
        rate_breakdown, time_availability, subjects, levels, streams, tutor_types, evidence, kind, posted_at,
        updated_at, academic_display_text, learning_mode, address, postal_code, nearest_mrt, region,
        lesson_schedule, start_date, rate_min, rate_max, rate_text, closed_by
    FROM projected_assignments WHERE projection = 'next'
"""


@contextmanager
def two_versions(rows: int, channels: int) -> Iterator[Database]:
    """Give a database in which version `now` is shown and version `next` is extracted."""
    with fresh_database(channels=channels) as database:
        database.execute(FILL_LOG, {"rows": rows, "channels": channels})
        for version, result in (("now", RESULT.replace("Primary 5", "Primary 6")), ("next", RESULT)):
            values = {"channels": channels, "overlooked": OVERLOOKED}
            database.execute(FILL_JOBS, {"version": version, "result": result, **values})
        database.execute(FILL_UNPROJECTED, {})
        Assignments(database).begin_with("now")
        yield database


@contextmanager
def reader(database: Database, channel_id: int) -> Iterator[Counter[int]]:
    """Count what a channel shows before the block, meanwhile, and after it: how often it saw how many."""
    query = "SELECT count(*) FROM assignments WHERE channel_id = %(channel_id)s AND levels <> '{}'"
    seen: Counter[int] = Counter()
    stop = Event()

    def look() -> None:
        seen[database.value(query, {"channel_id": channel_id})] += 1

    def keep_looking() -> None:
        while not stop.wait(0.2):
            look()

    look()
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(keep_looking)
        try:
            yield seen
        finally:
            stop.set()
    looking.result()
    look()


def found(database: Database, version: str, channel_id: int) -> int:
    """Count the assignments a version found in a channel, by its extractions: one a post here."""
    query = (
        "SELECT count(*) FROM telegram_extractions"
        " WHERE pipeline_version = %(version)s AND channel_id = %(channel_id)s AND status = 'ok'"
    )
    return int(database.value(query, {"version": version, "channel_id": channel_id}))


@contextmanager
def writer(database: Database) -> Iterator[list[float]]:
    """Take a channel's lock again and again, until the block ends; collect the seconds waited."""
    waits: list[float] = []
    stop = Event()

    def store() -> None:
        while not stop.is_set():
            start = time.perf_counter()
            database.value("SELECT lock_channel(1)", {})
            waits.append(time.perf_counter() - start)
            stop.wait(0.02)

    thread = Thread(target=store)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def timed(label: str, action: Callable[[], object]) -> float:
    """Run the action, print its row, return its seconds."""
    start = time.perf_counter()
    action()
    seconds = time.perf_counter() - start
    print(f"{label:<44}{seconds:>8.1f} s", flush=True)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--channels", type=int, default=25)
    options = parser.parse_args()
    with two_versions(options.rows, options.channels) as database:
        promotions = Promotions(database)
        promotions.build("now")
        print(f"{options.rows:,} extractions of the candidate, as many of the live version\n")
        watched = 1 + OVERLOOKED % options.channels
        with reader(database, watched) as seen:
            build = timed("build beside, settle status posts", lambda: promotions.build("next"))
            with writer(database) as waits:
                switch = timed(
                    "switch (readers do not wait)",
                    lambda: promotions.switch(
                        "next",
                        live="now",
                        after=options.rows,
                        action="promote",
                        actor="bench",
                        fingerprint="x",
                    ),
                )
            print(f"{'  of these a store waited at most':<44}{max(waits):>8.1f} s")
        rollback = timed(
            "and back again",
            lambda: promotions.switch(
                "now", live="next", after=options.rows, action="rollback", actor="bench", fingerprint="x"
            ),
        )
        timed("compare row by row (dry run)", lambda: promotions.differences("now", "next", samples=10))
        database.execute(MAKE_TWIN, {})
        bare = timed("bare INSERT … SELECT of the rows", lambda: database.execute(BARE, {}))
        print(f"\npromotion: {build + switch:.1f} s, {(build + switch) / bare:.1f} times the bare statement")
        print(f"rollback: {rollback:.1f} s")
        judge(seen, found(database, "now", watched), found(database, "next", watched))


def judge(seen: Counter[int], before: int, after: int) -> None:
    """Say what the reader saw; end with status 1 when it was not these two numbers and no other."""
    print(f"a reader looked {seen.total()} times; how often it saw how many: {dict(sorted(seen.items()))}")
    if seen.keys() != {before, after}:
        sys.exit(f"a reader must see {before:,} assignments, then {after:,}, and no other number of them")


if __name__ == "__main__":
    main()
