"""The claim stays on its index however long the queue is, and whatever the statistics say."""

import re
from typing import TYPE_CHECKING, Any

import pytest

from tutordex_dagster.store.database import Connection
from tutordex_dagster.store.queries import load

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

ROWS = 200_000
FILL_LOG = """
    INSERT INTO telegram_messages_raw
        (channel_id, message_id, revision, kind, posted_at, observed_at, content_hash, text, source, payload)
    SELECT 5, n, 1, 'post', now(), now(), '', '', 'telegram', '{}' FROM generate_series(1, %(rows)s) AS n
"""
FILL_QUEUE = """
    INSERT INTO telegram_extractions
        (raw_id, pipeline_version, channel_id, posted_at, priority, not_before, enqueued_at, status,
        finished_at, reason)
    SELECT raw_id, 'v1', 5, posted_at, raw_id %% 4, now() - raw_id * interval '1 second', now(),
        CASE WHEN raw_id %% 2 = 0 THEN 'pending' ELSE 'skipped' END::job_status,
        CASE WHEN raw_id %% 2 = 1 THEN now() END, 'promo'
    FROM telegram_messages_raw
"""
CLAIM = "SELECT raw_id, lease_token FROM claim_telegram_extractions('v1', 50, 300, 5, %(raw_ids)s)"
READS = """
    SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'telegram_extractions'
"""


def reads(connection: Connection) -> tuple[int, int]:
    """Return sequential scans of the queue, and rows fetched through its indexes, in this transaction."""
    (row,) = connection.execute(READS).fetchall()
    return row[0], row[1]


def plan_nodes(connection: Connection) -> list[str]:
    """Return the plan of the statement inside the claim function that picks the jobs, one line a node."""
    (source,) = connection.execute(
        "SELECT prosrc FROM pg_proc WHERE proname = 'claim_telegram_extractions'"
    ).fetchone() or ("",)
    picking = re.search(r"chosen := ARRAY\((.*?)\);", source, re.DOTALL)
    assert picking is not None
    query = picking[1].replace("= version", "= 'v1'").replace("as_of", "now()").replace("max_jobs", "50")
    return [line for (line,) in connection.execute(f"EXPLAIN {query}".encode())]


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
def test_claims_and_ends_in_a_long_queue_read_about_the_rows_they_take(
    world: "World", *, analyzed: bool
) -> None:
    world.db.execute(
        "ANALYZE telegram_extractions", {}
    )  # statistics of an empty table are the worst there are
    world.db.execute(FILL_LOG, {"rows": ROWS})
    world.db.execute(FILL_QUEUE, {})
    if analyzed:
        world.db.execute("ANALYZE telegram_extractions", {})
    with world.db.connection() as connection:
        nodes = plan_nodes(connection)
        assert "Index Scan using telegram_extractions_claim" in "".join(nodes)
        assert not [line for line in nodes if "Sort" in line or "Seq Scan" in line or "Bitmap" in line]
        finishing = f"EXPLAIN {load('extractions')['finish']}".encode()
        nodes = [line for (line,) in connection.execute(finishing, {"ends": "[]", "at": world.clock()})]
        assert "Index Scan using telegram_extractions_pkey" in "".join(nodes)
    for raw_ids in (None, list(range(1, 1001))):
        with world.db.connection() as connection:
            claimed: list[tuple[Any, ...]] = connection.execute(CLAIM, {"raw_ids": raw_ids}).fetchall()
            scans, fetched = reads(connection)
            assert (len(claimed), scans) == (50, 0)
            assert fetched <= 2 * 50 + len(raw_ids or ())
