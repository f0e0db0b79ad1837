"""Questions whose answer should be an empty table: what the asset checks ask."""

from datetime import datetime
from typing import Any

from psycopg.rows import dict_row, tuple_row

from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load

_SQL = load("quality")


class Quality:
    """Looks for rows that contradict each other. Every question is bounded by a time or a number of rows."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def broken_revisions(self, *, since: datetime, limit: int) -> list[dict[str, Any]]:
        """Return messages posted from `since` on whose revisions have a hole."""
        return self._db.fetch(_SQL["broken_revisions"], {"since": since, "limit": limit}, dict_row)

    def recent_results(self, version: str, *, limit: int) -> list[tuple[int, Any]]:
        """Return (raw id, result) of the newest revisions the version found assignments in."""
        return self._db.fetch(_SQL["recent_results"], {"version": version, "limit": limit}, tuple_row)

    def open_but_deleted(self, *, limit: int) -> list[dict[str, Any]]:
        """Return open assignments whose post was deleted."""
        return self._db.fetch(_SQL["open_but_deleted"], {"limit": limit}, dict_row)
