"""A real Postgres for every test: the embedded one, or the server of `TUTORDEX_TEST_DATABASE_URL`."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tutordex_dagster.store import migrate
from tutordex_dagster.store.database import Database, with_database
from tutordex_dagster.store.embedded import start_embedded

ServerUrl = Callable[[str], str]
"""Gives the URL of a database on the test server by its name."""

_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "1GB"}
_ROOM = 3 * 1024**3
"""Bytes: what is written ahead, and the databases of a few tests at once."""
_TEMPLATE_LOCK = 4711


@pytest.fixture(scope="session")
def server_url() -> Iterator[ServerUrl]:
    """Run one server for all tests and all xdist workers; it keeps nothing safe, so it is quick."""
    given = os.environ.get("TUTORDEX_TEST_DATABASE_URL")
    if given:
        yield lambda dbname: with_database(given, dbname)
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
    folder = _quick_folder() / f"tutordex-tests-{run[:12]}"
    server = start_embedded(folder / "postgres", settings=_QUICK)
    yield server.url
    if server.stop():
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(server_url: ServerUrl) -> str:
    """Migrate one database, whose copies the tests get; its name tells which migrations it has."""
    steps = "".join(step.checksum for step in migrate.shipped())
    name = f"tutordex_template_{sha256(steps.encode()).hexdigest()[:12]}"
    with _maintenance(server_url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_TEMPLATE_LOCK])
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            _make_template(server_url, connection, name)
    return name


@pytest.fixture
def empty_url(server_url: ServerUrl) -> Iterator[str]:
    """Give the URL of an empty database, dropped after the test."""
    with _database_from(server_url, "template0") as url:
        yield url


@pytest.fixture
def database_url(server_url: ServerUrl, template: str) -> Iterator[str]:
    """Give the URL of a migrated database without rows, dropped after the test."""
    with _database_from(server_url, template) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give a migrated database without rows, dropped after the test."""
    database = Database(database_url)
    yield database
    database.close()


def _quick_folder() -> Path:
    """Return a folder in memory where there is room: every test makes and removes 300 files of a database.

    A file system on a disk (ext4 without a journal, seen with `perf`) spends most of the time on looking for
    a place among so many that were just removed. Never in pytest's own folder: every pytest that starts
    closes that one for PostgreSQL's user.
    """
    memory = Path("/dev/shm")  # noqa: S108 - a folder of ours in it, with a name nobody knows before
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    return memory if roomy else Path(tempfile.gettempdir())


def _make_template(server_url: ServerUrl, connection: psycopg.Connection, name: str) -> None:
    draft = f"{name}_draft"
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(draft)))
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    database = Database(server_url(draft))
    migrate.migrate(database)
    database.close()
    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name))
    )


@contextmanager
def _database_from(server_url: ServerUrl, template: str) -> Iterator[str]:
    name = sql.Identifier(f"tutordex_test_{uuid4().hex[:16]}")
    with _maintenance(server_url) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                name, sql.Identifier(template)
            )
        )
        try:
            yield server_url(name.as_string(None).strip('"'))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def _maintenance(server_url: ServerUrl) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        yield connection
