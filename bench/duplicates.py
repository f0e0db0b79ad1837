"""What it costs to look for duplicates among open assignments, all at once and as single posts come in.

    python bench/duplicates.py [--rows 100000] [--crowded 5000]

`--rows` open assignments of 25 agencies within 30 days: 12,000 addresses, six levels, four subjects.
`--crowded` of them share one postal code and subject, as when an agency signs every post with its own. The
pure comparison is timed apart, so that the share of the database can be seen.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tutordex_dagster.capture.contract import ChannelInfo
from tutordex_dagster.extraction.duplicates import Advert, compare
from tutordex_dagster.store import migrate
from tutordex_dagster.store.channels import Channels
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.duplicates import Duplicates
from tutordex_dagster.store.embedded import start_embedded

WEEK = timedelta(days=7)
FILL = """
    INSERT INTO projected_assignments (
        projection, channel_id, message_id, segment, raw_id, pipeline_version, districts, rate_breakdown,
        time_availability, subjects, levels, streams, tutor_types, evidence, kind, posted_at, updated_at,
        postal_code, address, rate_min, rate_max
    )
    SELECT 'live', 1 + n %% 25, n, 0, n, 'live', '{}', '[]', '{}',
        ARRAY[CASE WHEN n <= %(crowded)s THEN 'S0' ELSE 'S' || (hashint4(n * 3) & 3) END],
        ARRAY[CASE WHEN n <= %(crowded)s THEN 'P0' ELSE 'P' || abs(hashint4(n * 5)) %% 6 END],
        '{}', '{}', '{}', 'assignment', now() - abs(hashint4(n)) %% 43200 * interval '1 minute', now(),
        CASE WHEN n <= %(crowded)s THEN ARRAY['999999']
            WHEN n %% 3 > 0 THEN ARRAY[(100000 + abs(hashint4(n * 7)) %% 12000)::text] END,
        ARRAY[format('%%s Bishan Street %%s', n %% 90, abs(hashint4(n * 7)) %% 12000)], 40, 50
    FROM generate_series(1, %(rows)s::integer) AS n
"""
NOTE = "INSERT INTO unmatched SELECT projection, channel_id, message_id FROM projected_assignments"
NOTE_ONE = f"{NOTE} WHERE channel_id = 1 + %(n)s %% 25 AND message_id = %(n)s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--crowded", type=int, default=5_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = start_embedded(Path(folder) / "postgres")
        stack.callback(server.stop)
        migrate.ensure_database(server.url("bench"))
        database = Database(server.url("bench"))
        stack.callback(database.close)
        migrate.migrate(database)
        for number in range(1, 26):
            info = ChannelInfo(channel_id=number, reference=f"t.me/bench{number}", title="bench")
            Channels(database).register(info, source="export", collect_since=datetime(2025, 1, 1, tzinfo=UTC))
        database.execute(FILL, {"rows": options.rows, "crowded": options.crowded})
        database.execute(NOTE, {})
        duplicates = Duplicates(database, within=WEEK)
        start = time.perf_counter()
        while duplicates.update("live"):
            pass
        seconds = time.perf_counter() - start
        pairs = database.value("SELECT count(*) FROM duplicate_pairs", {})
        groups = database.value("SELECT count(DISTINCT group_id) FROM duplicate_groups", {})
        each = 1e6 * seconds / options.rows
        print(f"{options.rows:,} open assignments, {options.crowded:,} of them in one crowded place")
        print(
            f"all at once        {seconds:>8.1f} s, {each:.0f} us each: {pairs:,} pairs in {groups:,} groups"
        )
        start = time.perf_counter()
        for number in range(options.rows - 100, options.rows):
            database.execute(NOTE_ONE, {"n": number})
            duplicates.update("live")
        print(f"one new post       {10 * (time.perf_counter() - start):>8.1f} ms")
        print(f"one crowded post   {crowded(database, duplicates):>8.1f} ms")
        print(f"pure comparison    {comparison():>8.1f} us")


def crowded(database: Database, duplicates: Duplicates) -> float:
    """Return the milliseconds it takes to look again at a post of the crowded place."""
    database.execute(NOTE_ONE, {"n": 1})
    start = time.perf_counter()
    duplicates.update("live")
    return 1000 * (time.perf_counter() - start)


def comparison() -> float:
    """Return the microseconds of one comparison of two adverts that agree."""
    advert = Advert(
        posted_at=datetime(2026, 3, 2, tzinfo=UTC),
        postal_codes=frozenset({"570010"}),
        levels=frozenset({"P5"}),
        subjects=frozenset({"Mathematics"}),
        rate_min=40,
    )
    start = time.perf_counter()
    for _ in range(10_000):
        compare(advert, advert, within=WEEK)
    return 100 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
