"""How long a transaction waits for others, and others for it: one that hangs stops nobody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from select import select
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.errors import TransientError
from tutordex_dagster.store.assignments import Assignments
from tutordex_dagster.store.database import Connection, Database, allow_long, connect
from tutordex_dagster.store.raw_log import PostgresRawLog

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

_LOCK = "SELECT lock_channel(5)"
_WAITED_LONG = """
SELECT FROM pg_stat_activity WHERE datname = current_database()
AND cardinality(pg_blocking_pids(pid)) > 0 AND clock_timestamp() - query_start > interval '0.1 s'
"""


@pytest.fixture
def impatient(database_url: str) -> Iterator[Database]:
    """Give the same database through a pool that hardly waits for a lock."""
    database = Database(database_url, lock_seconds=0.05)
    yield database
    database.close()


@pytest.fixture
def unforgiving(database_url: str) -> Iterator[Database]:
    """Give the same database through a pool that hardly forgives a silence."""
    database = Database(database_url, idle_seconds=0.3)
    yield database
    database.close()


def limits(connection: Connection) -> tuple[str, str]:
    """Return how long the transaction waits for locks, and for its client."""
    ((lock, idle),) = connection.execute(
        "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
    ).fetchall()
    return lock, idle


def test_a_store_gives_up_on_a_channel_that_somebody_keeps_and_leaves_nothing(
    world: "World", impatient: Database
) -> None:
    log, batch = PostgresRawLog(impatient, clock=world.clock), world.batch(world.message(1), enqueue="v1")
    with connect(world.db.url) as keeper:
        keeper.execute(_LOCK)
        with pytest.raises(TransientError, match="another transaction keeps what this one waited for"):
            log.store(batch)
        assert (world.revisions(), world.jobs()) == ([], {})
    assert log.store(batch).new == 1


def test_the_locks_of_a_client_that_fell_silent_are_free_again(world: "World", unforgiving: Database) -> None:
    def fall_silent() -> None:
        with unforgiving.connection() as connection:
            connection.execute(_LOCK)
            assert select([connection.fileno()], [], [], 10)[0]  # the server says farewell
            assert world.store(world.message(1)).new == 1
            connection.execute("SELECT 1")

    with pytest.raises(TransientError, match="nothing was asked for too long; try again"):
        fall_silent()
    assert unforgiving.value("SELECT 1", {}) == 1


def test_what_takes_long_is_given_minutes_in_its_own_transaction_only(database: Database) -> None:
    with database.connection() as connection:
        allow_long(connection)
        assert limits(connection) == ("10min", "1min")
    with database.connection() as connection:
        allow_long(connection, silent=True)
        assert limits(connection) == ("10min", "10min")
    with database.connection() as connection:
        assert limits(connection) == ("30s", "1min")


def test_a_projection_outwaits_a_promotion(world: "World", impatient: Database) -> None:
    assignments = Assignments(impatient, clock=world.clock)
    with ThreadPoolExecutor(1) as pool, connect(world.db.url) as promoting:
        promoting.execute("SELECT pg_advisory_xact_lock(3, 0)")
        projection = pool.submit(assignments.project, "v1")
        world.wait_for_blocked(1)
        world.wait_for(lambda: bool(world.rows(_WAITED_LONG)))
        promoting.rollback()
        assert projection.result().upserted == 0
