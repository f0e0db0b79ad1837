"""Dagster's storages on Postgres, on one pool of connections and with the planned partitions in bulk.

`dagster-postgres` opens a connection for every statement, and looks for its tables whenever an instance is
made, as a code server does with every tick: an idle system opened 28 connections a second, and that was most
of what it did (`bench/idle.py`). Here all storages of a process share a pool.

When a run is created, Dagster notes each of its partitions as planned, which takes 11 ms apiece: 37 s for 20
channels × 168 hours. Dagster hands them over as one batch, and here it is stored as one.

`dagster.yaml` names these classes; those of `dagster-postgres` work on the same tables, only slower.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Self, TypeVar

import dagster as dg
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import Engine, create_engine
from typing_extensions import override

from tutordex_dagster.store.database import LINK

_KEPT = 2
"""Connections a process keeps open. What it needs beyond them is opened and closed, as without a pool."""

_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED

_Storage = TypeVar("_Storage", bound=PostgresRunStorage | PostgresScheduleStorage | PostgresEventLogStorage)
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


def _arguments(
    storage: type[_Storage], inst_data: ConfigurableClassData | None, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a storage is made of; only the first of its kind looks for its tables, and makes them."""
    url = pg_url_from_config(config)
    wanted = config.get("should_autocreate_tables", True) and (storage, url) not in _with_tables
    return {"postgres_url": url, "should_autocreate_tables": wanted, "inst_data": inst_data}


def _on_pool(storage: _Storage) -> _Storage:
    """Move a storage from a connection for every statement to the process's pool."""
    _with_tables.add((type(storage), storage.postgres_url))
    storage._engine = engine_of(storage.postgres_url)  # noqa: SLF001 - as `optimize_for_webserver` does
    return storage


class PooledRunStorage(PostgresRunStorage):
    """The runs of `dagster-postgres` on the process's pool."""

    @classmethod
    @override
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return _on_pool(cls(**_arguments(cls, inst_data, config_value)))


class PooledScheduleStorage(PostgresScheduleStorage):
    """The ticks of `dagster-postgres` on the process's pool."""

    @classmethod
    @override
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return _on_pool(cls(**_arguments(cls, inst_data, config_value)))


class PooledEventLogStorage(PostgresEventLogStorage):
    """The event log of `dagster-postgres` on the process's pool; planned partitions take one statement.

    When a batch cannot be stored, Dagster itself falls back to writing one by one.
    """

    @classmethod
    @override
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return _on_pool(cls(**_arguments(cls, inst_data, config_value)))

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
