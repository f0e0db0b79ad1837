"""What it costs to look for duplicates among open assignments, all at once and as single posts come in.

    python bench/duplicates.py [--rows 100000] [--crowded 5000]

`--rows` open assignments of 25 agencies within 30 days: 12,000 addresses, six levels, four subjects.
`--crowded` of them share one postal code and subject, as when an agency signs every post with its own. Then
single posts are looked at again, as after an edit: of a small group, of the crowd, and of the crowd without
the bound above which a group is not read as a whole. The pure comparison is timed apart, so that the share of
the database can be seen.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from fresh import fresh_database
from psycopg.rows import tuple_row

from tutordex_dagster.extraction.duplicates import Advert, compare
from tutordex_dagster.store.database import Database, connect
from tutordex_dagster.store.duplicates import Duplicates

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
IN_SMALL_GROUPS = """
    SELECT min(message_id) FROM duplicate_groups GROUP BY group_id HAVING count(*) < 6 ORDER BY 1 LIMIT 30
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--crowded", type=int, default=5_000)
    options = parser.parse_args()
    with fresh_database(channels=25) as database:
        database.execute(FILL, {"rows": options.rows, "crowded": options.crowded})
        print(f"{options.rows:,} open assignments, {options.crowded:,} of them in one crowded place")
        duplicates = Duplicates(database, within=WEEK)
        all_at_once(database, duplicates, options.rows)
        with connect(database.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")  # as autovacuum does sooner or later
        news = range(options.rows - 100, options.rows)
        print(f"one post, whatever it is   {changed(database, duplicates, news):>8.1f} ms")
        few = [int(number) for (number,) in database.fetch(IN_SMALL_GROUPS, {}, tuple_row)]
        small = changed(database, duplicates, few)
        print(f"one of a small group       {small:>8.1f} ms")
        crowd = range(1, options.crowded, -(-options.crowded // 30))
        bounded = changed(database, duplicates, crowd)
        print(f"one of the crowd           {bounded:>8.1f} ms, {bounded / small:.1f} times that")
        whole = changed(database, Duplicates(database, within=WEEK, crowded=options.rows), crowd)
        print(f"the same without a bound   {whole:>8.1f} ms, {whole / small:.1f} times")
        print(f"pure comparison            {comparison():>8.1f} us")


def all_at_once(database: Database, duplicates: Duplicates, rows: int) -> None:
    """Look at everything, and print what that takes and finds."""
    database.execute(NOTE, {})
    start = time.perf_counter()
    while duplicates.update("live"):
        pass
    seconds = time.perf_counter() - start
    pairs = database.value("SELECT count(*) FROM duplicate_pairs", {})
    groups = database.value("SELECT count(DISTINCT group_id) FROM duplicate_groups", {})
    each = 1e6 * seconds / rows
    found = f"{pairs:,} pairs in {groups:,} groups"
    print(f"all at once                {seconds:>8.1f} s, {each:.0f} us each: {found}")


def changed(database: Database, duplicates: Duplicates, numbers: Sequence[int]) -> float:
    """Return the milliseconds it takes to look again at one of these posts: the median."""
    took = []
    for number in numbers:
        database.execute(NOTE_ONE, {"n": number})
        start = time.perf_counter()
        duplicates.update("live")
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took)


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
