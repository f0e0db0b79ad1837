"""Results of a version nobody needs any more leave the database, after they were written elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.assignments import lock_projection
from tutordex_dagster.store.audit import Deed, record
from tutordex_dagster.store.database import Connection, Database, allow_long
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Clock, utc_now

_SQL = load("pruning")
_BATCH = 10_000
_REST = (
    "delete_unprojected",
    "delete_unmatched",
    "delete_keys",
    "delete_pairs",
    "delete_groups",
    "delete_rows",
    "delete_posts",
)

COLUMNS = (
    "raw_id",
    "pipeline_version",
    "channel_id",
    "posted_at",
    "status",
    "priority",
    "attempt",
    "result",
    "reason",
    "error_class",
    "meta",
    "enqueued_at",
    "finished_at",
)
"""Of an exported extraction, in this order; `result` and `meta` are JSON texts, instants are UTC."""

Batches = Iterator[Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prunable:
    """What a version has in the database: extractions, those a worker holds now, rows of its projection."""

    extractions: int
    held: int
    rows: int


class Pruning:
    """Takes the results of one version out. The raw log is never touched."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    def count(self, version: str) -> Prunable:
        """Count what there is of a version."""
        return self._db.fetch(_SQL["count"], {"version": version}, class_row(Prunable))[0]

    def prune(self, version: str, *, export: Callable[[Batches], int], actor: str, place: str) -> int:
        """Hand all extractions of a version to `export` and delete exactly these; return how many.

        All in one snapshot: what changes meanwhile undoes the deletion (TransientError). Raises UsageError,
        and deletes nothing, when the version is live or `export` did not take every row.
        """
        params = {"version": version}
        with self._db.connection() as connection:
            connection.execute(_SQL["one_snapshot"])
            allow_long(connection, silent=True)  # while a batch is written elsewhere
            exported = export(_batches(connection, version))
            if lock_projection(connection) == version:
                raise UsageError(version, "is the live version", "promote another one first")
            deleted = connection.execute(_SQL["delete_extractions"], params).rowcount
            if deleted != exported:
                reason = f"{exported} of {deleted} extractions were exported, so none is deleted"
                raise UsageError(version, reason, "look at the export and try again")
            for rest in _REST:
                connection.execute(_SQL[rest], params)
            deed = Deed(
                at=self._clock(),
                actor=actor,
                action="prune version",
                detail={"version": version, "extractions": deleted, "export": place},
            )
            record(connection, deed)
        return deleted


def _batches(connection: Connection, version: str) -> Batches:
    with connection.cursor(name="pruned") as cursor:
        cursor.execute(_SQL["extractions"], {"version": version})
        while rows := cursor.fetchmany(_BATCH):
            yield rows
