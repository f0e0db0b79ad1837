"""Pipeline versions by name; a name means one fingerprint for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load

_SQL = load("versions")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A pipeline version as it was first registered."""

    name: str
    fingerprint: str
    spec: Mapping[str, Any]
    registered_at: datetime


class Versions:
    """The table of pipeline versions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def register(self, name: str, fingerprint: str, spec: Mapping[str, object]) -> None:
        """Remember the version, or find it known; UsageError when the name stands for something else."""
        params = {"name": name, "fingerprint": fingerprint, "spec": Jsonb(spec)}
        known = self._db.value(_SQL["register"], params)
        if known != fingerprint:
            raise UsageError(
                name,
                f"is registered with fingerprint {known[:12]}, and this one has {fingerprint[:12]}",
                "a changed pipeline is a new version: give it a new name",
            )

    def all(self) -> list[RegisteredVersion]:
        """Return every version by name."""
        return self._db.fetch(_SQL["all"], {}, class_row(RegisteredVersion))
