"""Breakers and paces in Postgres, where all processes obey the same ones."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from psycopg.rows import class_row, dict_row
from typing_extensions import override

from tutordex_dagster.resilience.breaker import Breaker, BreakerStore
from tutordex_dagster.resilience.pacing import Pace, PaceStore
from tutordex_dagster.store.audit import Deed, record
from tutordex_dagster.store.database import Connection, Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.store.text import storable
from tutordex_dagster.windows import Clock, utc_now

_SQL = load("resilience")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRow:
    """The breaker of a component, and since when it is in its state."""

    component: str
    breaker: Breaker
    changed_at: datetime


class FloodedMethod(NamedTuple):
    """A kind of call that waits for the end of a flood wait."""

    session: str
    method: str
    until: datetime


class Breakers(BreakerStore):
    """The table of breakers; `clock` tells when a state changed."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    @override
    def update(self, component: str, change: Callable[[Breaker], tuple[Breaker, T]]) -> T:
        with self._db.connection() as connection:
            connection.execute(_SQL["ensure_breaker"], {"component": component, "at": self._clock()})
            before = _locked(connection, component) or Breaker()
            after, answer = change(before)
            if after != before:
                _put(connection, component, after, self._clock())
        return answer

    @override
    def read(self, component: str) -> Breaker:
        rows = self._db.fetch(_SQL["breaker"], {"component": component}, dict_row)
        return _breaker(rows[0]) if rows else Breaker()

    def reset(self, component: str, at: datetime, *, actor: str) -> Breaker | None:
        """Close a breaker by hand and put it on record; return it as it was, None when there is none."""
        with self._db.connection() as connection:
            before = _locked(connection, component)
            if before is not None:
                _put(connection, component, Breaker(), at)
                detail = {"component": component, "state": before.state, "reason": before.reason}
                record(connection, Deed(at=at, actor=actor, action="breaker reset", detail=detail))
        return before

    def all(self) -> list[BreakerRow]:
        """Return every breaker, by component."""
        return [
            BreakerRow(
                component=row.pop("component"), changed_at=row.pop("changed_at"), breaker=_breaker(row)
            )
            for row in self._db.fetch(_SQL["breakers"], {}, dict_row)
        ]


class Paces(PaceStore):
    """The table of paces."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @override
    def load(self, session: str, method: str) -> Pace | None:
        rows = self._db.fetch(_SQL["pace"], {"session": session, "method": method}, dict_row)
        return Pace(**{**rows[0], "recent": tuple(rows[0]["recent"])}) if rows else None

    @override
    def save(self, session: str, method: str, pace: Pace) -> None:
        params = {**asdict(pace), "recent": list(pace.recent), "session": session, "method": method}
        self._db.execute(_SQL["save_pace"], params)

    def flooded(self, now: datetime) -> list[FloodedMethod]:
        """Return the kinds of calls that still wait for the end of a flood wait, by session and method."""
        return self._db.fetch(_SQL["flooded"], {"now": now}, class_row(FloodedMethod))


def _locked(connection: Connection, component: str) -> Breaker | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["lock_breaker"], {"component": component}).fetchone()
    return _breaker(row) if row else None


def _put(connection: Connection, component: str, breaker: Breaker, at: datetime) -> None:
    params = {
        **asdict(breaker),
        "failures": list(breaker.failures),
        "reason": breaker.reason and storable(breaker.reason),
        "component": component,
        "at": at,
    }
    connection.execute(_SQL["change_breaker"], params)


def _breaker(row: Mapping[str, Any]) -> Breaker:
    return Breaker(**{**row, "failures": tuple(row["failures"])})
