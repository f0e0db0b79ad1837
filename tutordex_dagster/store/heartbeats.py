"""Signs of life of services that run outside Dagster."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Clock, utc_now

_SQL = load("heartbeats")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """When a component last said that it runs, as which holder (host and process), and what it said."""

    component: str
    holder: str
    at: datetime
    detail: Mapping[str, Any]


class Heartbeats:
    """The table of heartbeats, one row a component; `clock` stamps them."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    def beat(self, component: str, holder: str, detail: Mapping[str, object] | None = None) -> None:
        """Note that the component runs now; `detail` must be fit for JSON."""
        params = {
            "component": component,
            "holder": holder,
            "at": self._clock(),
            "detail": Jsonb(dict(detail or {})),
        }
        self._db.execute(_SQL["beat"], params)

    def all(self) -> list[Heartbeat]:
        """Return the last heartbeat of every component, by its name."""
        return self._db.fetch(_SQL["all"], {}, class_row(Heartbeat))
