"""Dagster's storages on Postgres, on one pool of connections and with the planned partitions in bulk.

`dagster-postgres` opens a connection for every statement, and looks for its tables whenever an instance is
made, as a code server does with every tick: an idle system opened 28 connections a second, and that was most
of what it did (`bench/idle.py`). Here all storages of a process share a pool. Where the tables are missing,
two programs that start side by side both make them, and one fails, which a code server shows as an error of
its definitions for as long as it lives. Here one waits for the other.

When a run is created, Dagster notes each of its partitions as planned, which takes 11 ms apiece: 37 s for 20
channels × 168 hours. Dagster hands them over as one batch, and here it is stored as one.

`dagster.yaml` names these classes; those of `dagster-postgres` work on the same tables, only slower.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any, Self

import dagster as dg
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
from dagster_postgres.utils import create_pg_connection, pg_url_from_config
from sqlalchemy import Engine, create_engine, func, select
from typing_extensions import override

from tutordex_dagster.store.database import LINK

_KEPT = 2
"""Connections a process keeps open. What it needs beyond them is opened and closed, as without a pool."""

_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED

_TABLES_LOCK = 20252
"""Advisory lock of whoever makes Dagster's tables, beside that of our own migrations."""

_with_tables: set[tuple[type, str]] = set()
"""Storages whose tables this process has seen already, each with the URL of its database."""


@lru_cache(maxsize=2)
def engine_of(url: str) -> Engine:
    """Return this process's pool for a database; a connection that broke meanwhile is replaced unnoticed."""
    return create_engine(
        url,
        connect_args=dict(LINK),
        isolation_level="AUTOCOMMIT",
        pool_size=_KEPT,
        max_overflow=-1,
        pool_pre_ping=True,
    )


@contextmanager
def _one_at_a_time(url: str) -> Iterator[None]:
    """Keep every other process from making tables until the block ends."""
    with create_pg_connection(engine_of(url)) as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            connection.execute(select(func.pg_advisory_xact_lock(_TABLES_LOCK)))
            yield


class _Pooled:
    """Puts a storage of `dagster-postgres` on the process's pool; stands before it among the bases."""

    _engine: Engine

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Open the storage; the first of its kind in this process looks for its tables, and makes them."""
        url = pg_url_from_config(config_value)
        first = (cls, url) not in _with_tables and config_value.get("should_autocreate_tables", True)
        arguments = {"postgres_url": url, "should_autocreate_tables": first, "inst_data": inst_data}
        with _one_at_a_time(url) if first else nullcontext():
            opened = cls(**arguments)
        _with_tables.add((cls, url))
        opened._engine = engine_of(url)
        return opened


class PooledRunStorage(_Pooled, PostgresRunStorage):
    """The runs of `dagster-postgres` on the process's pool."""


class PooledScheduleStorage(_Pooled, PostgresScheduleStorage):
    """The ticks of `dagster-postgres` on the process's pool."""


class PooledEventLogStorage(_Pooled, PostgresEventLogStorage):
    """The event log of `dagster-postgres` on the process's pool; planned partitions take one statement.

    When a batch cannot be stored, Dagster itself falls back to writing one by one.
    """

    @override
    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        planned = [event for event in events if event.dagster_event_type == _PLANNED]
        others = [event for event in events if event.dagster_event_type != _PLANNED]
        if planned:
            self._store_planned(planned)
        if others:
            super().store_event_batch(others)

    def _store_planned(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Insert the events, and note the last one of every asset on the asset, as Dagster does for each."""
        insert = self.prepare_insert_event_batch(events).returning(SqlEventLogStorageTable.c.id)
        with self._connect() as connection:
            ids = [row[0] for row in connection.execute(insert)]
        stored = zip(events, ids, strict=True)
        last = {event.get_dagster_event().asset_key: (event, event_id) for event, event_id in stored}
        with self.index_transaction() as connection:
            for event, event_id in last.values():
                self._store_asset_event(connection, event, event_id)
