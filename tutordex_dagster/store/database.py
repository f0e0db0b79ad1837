"""The way to Postgres: a small pool of connections, each block one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import errors
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

LOCK_SECONDS = 30.0
"""Longest wait for a lock: work that holds one for longer is asked for again later."""

IDLE_SECONDS = 60.0
"""Longest silence of a client inside a transaction; the server then undoes it, and its locks are free."""

_LONG = "10min"
_SERVER_LINK = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""What LINK is for the client, for the server: it takes the locks of a client that vanished back."""

_POOL_SIZE = 4  # a process is one worker with few threads; many processes share one server
_NEXT_STEP = "check TUTORDEX_DATABASE_URL and that the server runs"


class Database:
    """One database by its libpq URL. Connecting waits for the first use; safe between threads."""

    def __init__(
        self, url: str, *, lock_seconds: float = LOCK_SECONDS, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """Take the URL, and how long a transaction may wait for a lock and its client may be silent in it.

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
            configure=partial(_configure, lock_seconds=lock_seconds, idle_seconds=idle_seconds),
            check=ConnectionPool.check_connection,
            kwargs={**LINK, "application_name": "tutordex"},
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for one transaction: committed at the end of the block, undone on an error.

        Raises UsageError when the server was never reached, TransientError when it went away since, is too
        busy, or undid this transaction: to break a deadlock, because another one kept a lock for too long, or
        because nothing was asked in it for too long.
        """
        self._open()
        try:
            with self._pool.connection() as lent:
                yield lent
        except errors.LockNotAvailable as error:
            reason = "another transaction keeps what this one waited for"
            raise TransientError(
                f"{self.name}: {reason}; try again, pg_locks says which one it is"
            ) from error
        except errors.IdleInTransactionSessionTimeout as error:
            reason = "the server undid a transaction in which nothing was asked for too long"
            raise TransientError(f"{self.name}: {reason}; try again") from error
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


def allow_long(connection: Connection, *, silent: bool = False) -> None:
    """Let this transaction wait for locks for minutes, and with `silent` its client be silent as long.

    For what takes turns with work of that length (projections, a promotion, pruning, migrations), and for
    what does other work between two statements. Call it before the first lock.
    """
    idle = {"idle_in_transaction_session_timeout": _LONG} if silent else {}
    _set(connection, {"lock_timeout": _LONG, **idle}, local=True)


def _configure(
    connection: Connection, *, lock_seconds: float = LOCK_SECONDS, idle_seconds: float = IDLE_SECONDS
) -> None:
    """Tell the server how long to wait for locks and for us, and what else is ours to say.

    Times arrive in UTC wherever it stands; a batch is staged in memory: 5,000 posts are 32 MB, and with the
    default 8 MB would go through a file.
    """
    waits = {
        "lock_timeout": f"{lock_seconds * 1000:.0f}ms",
        "idle_in_transaction_session_timeout": f"{idle_seconds * 1000:.0f}ms",
    }
    _set(connection, {"TimeZone": "UTC", "temp_buffers": "32MB", **waits, **_SERVER_LINK}, local=False)
    connection.commit()


def _set(connection: Connection, values: Mapping[str, str], *, local: bool) -> None:
    names = {"names": list(values.keys()), "values": list(values.values()), "local": local}
    connection.execute(
        "SELECT set_config(name, value, %(local)s)"
        " FROM unnest(%(names)s::text[], %(values)s::text[]) AS each (name, value)",
        names,
    )
