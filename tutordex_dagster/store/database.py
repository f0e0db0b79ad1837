"""The way to Postgres: a small pool of connections, each block one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import BaseRowFactory, scalar_row
from psycopg_pool import ConnectionPool

from tutordex_dagster.errors import TransientError, UsageError

Row = TypeVar("Row")
Connection = psycopg.Connection[tuple[Any, ...]]

_CONNECT_SECONDS = 10
LINK: Mapping[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    # A link that died without a word is noticed within 30 s, with and without an answer under way.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""What libpq is told of every connection."""

_POOL_SIZE = 4  # a process is one worker with few threads; many processes share one server
_NEXT_STEP = "check TUTORDEX_DATABASE_URL and that the server runs"


class Database:
    """One database by its libpq URL. Connecting waits for the first use; safe between threads."""

    def __init__(self, url: str) -> None:
        """Take the URL.

        Raises UsageError, without the password, when it is none.
        """
        self.url = url
        self.name = describe(url)
        self._opening = Lock()
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=_POOL_SIZE,
            open=False,
            timeout=_CONNECT_SECONDS,
            reconnect_timeout=_CONNECT_SECONDS,  # its pauses double, up to minutes after the server is back
            configure=_configure,
            check=ConnectionPool.check_connection,
            kwargs={**LINK, "application_name": "tutordex"},
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for one transaction: committed at the end of the block, undone on an error.

        Raises UsageError when the server was never reached, TransientError when it went away since, is too
        busy, or broke a deadlock by undoing this transaction.
        """
        self._open()
        try:
            with self._pool.connection() as lent:
                yield lent
        except psycopg.OperationalError as error:  # the pool's timeout is one too
            raise TransientError(f"{self.name}: {' '.join(str(error).split())}; {_NEXT_STEP}") from error

    def fetch(
        self, query: LiteralString, params: Mapping[str, object], row_factory: BaseRowFactory[Row]
    ) -> list[Row]:
        """Run one statement in a transaction of its own and return all its rows."""
        with self.connection() as connection, connection.cursor(row_factory=row_factory) as cursor:
            return cursor.execute(query, params).fetchall()

    def value(self, query: LiteralString, params: Mapping[str, object]) -> Any:  # noqa: ANN401 (as SQL says)
        """Run one statement in a transaction of its own and return its only value."""
        return self.fetch(query, params, scalar_row)[0]

    def execute(self, query: LiteralString, params: Mapping[str, object]) -> int:
        """Run one statement in a transaction of its own and return how many rows it touched."""
        with self.connection() as connection:
            return connection.execute(query, params).rowcount

    def close(self) -> None:
        """Close every connection; the database cannot be used afterwards."""
        self._pool.close()

    def _open(self) -> None:
        """Open the pool once; try one connection first, because a pool only ever says that it timed out."""
        with self._opening:
            if self._pool.closed:
                connect(self.url).close()
                self._pool.open()


def connect(url: str, *, autocommit: bool = False) -> Connection:
    """Open one connection outside of a pool; UsageError, without the password, when that fails."""
    try:
        connection = psycopg.connect(url, autocommit=autocommit, **LINK)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise UsageError(describe(url), f"cannot be reached ({reason})", _NEXT_STEP) from None
    _configure(connection)
    return connection


def describe(url: str) -> str:
    """Return the URL's place as `host:port/name`, fit for messages; UsageError when it is no libpq URL."""
    parts = _parts(url)
    return f"{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


def database_name(url: str) -> str:
    """Return the name of the URL's database; UsageError when it has none."""
    name = _parts(url).get("dbname")
    if not name:
        raise UsageError(describe(url), "names no database", "add one: postgresql://HOST:5432/tutordex")
    return str(name)


def _parts(url: str) -> Mapping[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The URL itself stays out of the message: it may hold a password in an odd place.
        raise UsageError(
            "the database URL", "is no libpq URL", "write postgresql://USER:PASSWORD@HOST:5432/NAME"
        ) from None


def with_database(url: str, dbname: str) -> str:
    """Return the connection string of another database on the same server."""
    return make_conninfo(url, dbname=dbname)


def _configure(connection: Connection) -> None:
    """Make times arrive in UTC wherever the server stands, and let a batch be staged in memory."""
    connection.execute("SET TIME ZONE 'UTC'")
    connection.execute("SET temp_buffers = '32MB'")  # 5,000 posts; the default 8 MB would go through a file
    connection.commit()
