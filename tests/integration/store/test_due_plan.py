"""Looking for due hours reads what is due, not the whole ledger, however long that has become."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.store.database import connect
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import HOUR

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

SINCE = datetime(2025, 1, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=90)
FILL_CHANNELS = """
    INSERT INTO channels (channel_id, reference, title, source_kind, collect_since)
    SELECT n, 't.me/n' || n, '', 'telegram', %(since)s FROM generate_series(101, 120) AS n
"""
FILL_LEDGER = """
    INSERT INTO channel_hours
        (channel_id, hour, state, messages, digest, swept_at, swept_by, changed_at, reported_at, reread_at)
    SELECT channel_id, hour, 'sealed', 0, '', hour, 'telegram', hour, hour,
        CASE WHEN hour > %(until)s - interval '8 days' THEN %(until)s + interval '1 day' END
    FROM channels
    CROSS JOIN generate_series(%(since)s, %(until)s - interval '1 hour', interval '1 hour') AS hour
"""
READS = "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'channel_hours'"


@pytest.fixture
def long(world: "World") -> "World":
    """Give twenty channels of which every hour is sealed and reported."""
    world.rows("DELETE FROM channels RETURNING 1")
    world.db.execute(FILL_CHANNELS, {"since": SINCE})
    world.db.execute(FILL_LEDGER, {"since": SINCE, "until": UNTIL})
    return world


def reads_of_due(world: "World", name: str = "due") -> tuple[int, int, int]:
    """Return (hours found, scans of the whole ledger, rows of it that were fetched through an index)."""
    params = {
        "now": UNTIL,
        "target": UNTIL,
        "grid_start": SINCE,
        "since": None if name == "due" else SINCE,
        "before": None,
        "retry_failed_before": UNTIL,
        "limit": 5000,
    }
    with world.db.connection() as connection:
        (before,) = connection.execute(READS).fetchall()  # an earlier transaction may not be flushed yet
        due = connection.execute(load("coverage")[name], params).fetchall()
        (after,) = connection.execute(READS).fetchall()
    return len(due), after[0] - before[0], after[1] - before[1]


def vacuum(world: "World") -> None:
    """Do what autovacuum does sooner or later."""
    with connect(world.db.url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")  # the test server's way would hide what is settled
        connection.execute("ANALYZE channel_hours")
        connection.execute("VACUUM channel_hours")


def test_the_ledger_is_never_read_as_a_whole_not_even_without_statistics(long: "World") -> None:
    hours, scans, _ = reads_of_due(long)
    assert (hours, scans) == (0, 0)


def test_what_is_settled_is_not_fetched(long: "World") -> None:
    vacuum(long)
    assert reads_of_due(long) == (0, 0, 0)


def test_little_is_fetched_for_what_is_due(long: "World") -> None:
    long.db.execute("DELETE FROM channel_hours WHERE hour = %(hour)s", {"hour": SINCE + 50 * HOUR})
    changes = "UPDATE channel_hours SET {} WHERE channel_id = 110 AND hour = %(hour)s"
    for number, change in enumerate(("state = 'open'", "reported_at = NULL", "reread_at = hour")):
        long.rows(f"{changes.format(change)} RETURNING 1", hour=SINCE + number * HOUR)
    vacuum(long)
    hours, scans, fetched = reads_of_due(long)
    assert (hours, scans) == (20 + 3, 0)
    assert fetched < 1000, "of 43,200: what is due, and its neighbours on pages that just changed"


def test_news_to_report_are_found_without_reading_the_rest(long: "World") -> None:
    long.rows(
        "UPDATE channel_hours SET changed_at = %(until)s WHERE hour = %(since)s RETURNING 1",
        until=UNTIL,
        since=SINCE,
    )
    vacuum(long)
    hours, scans, fetched = reads_of_due(long, "unreported_since")
    assert (hours, scans) == (20, 0)
    assert fetched < 100
