"""What people changed by hand: who, when, what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from tutordex_dagster.store.database import Connection, Database
from tutordex_dagster.store.queries import load

_SQL = load("audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One change by hand: `action` such as `breaker reset`, and whatever tells it from others of its kind."""

    at: datetime
    actor: str
    action: str
    detail: Mapping[str, str | int | None]


class Audit:
    """The table of changes by hand; rows are only added."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def append(self, deed: Deed) -> None:
        """Add one row in a transaction of its own; `record` adds it to the change it tells of."""
        with self._db.connection() as connection:
            record(connection, deed)


def record(connection: Connection, deed: Deed) -> None:
    """Add one row in the transaction of the change it tells of: neither is stored without the other."""
    params = {
        "at": deed.at,
        "actor": deed.actor,
        "action": deed.action,
        "detail": Jsonb(dict(deed.detail)),
    }
    connection.execute(_SQL["append"], params)
