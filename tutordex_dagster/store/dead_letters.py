"""Jobs that are out of attempts, and what a person does with them: look, try again, give up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, scalar_row

from tutordex_dagster.store.audit import Deed, record
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load

_SQL = load("dead_letters")

DISCARDED = "discarded"
"""The reason of a job that a person gave up: like any other skipped post it holds no assignment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A job that is out of attempts: of which post, and what killed it (`message`) when (UTC)."""

    raw_id: int
    version: str
    reference: str
    message_id: int
    posted_at: datetime
    attempts: int
    error_class: str | None
    message: str | None
    died_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLetter(DeadLetter):
    """The same with the text of the post, the rejected answer if there is one, and what it cost."""

    text: str
    artifact: str | None
    meta: Mapping[str, Any]


class DeadLetters:
    """The dead jobs of the queue. Every change is put on record with who made it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def versions(self, version: str | None = None) -> list[str]:
        """Return the registered versions, or the one of that name as far as it is one of them."""
        return self._db.fetch(_SQL["versions"], {"version": version}, scalar_row)

    def all(self, versions: Sequence[str], *, limit: int) -> list[DeadLetter]:
        """Return the dead jobs of these versions, the latest first."""
        params = {"versions": list(versions), "limit": limit}
        return self._db.fetch(_SQL["list"], params, class_row(DeadLetter))

    def open(self, raw_id: int, versions: Sequence[str]) -> list[OpenedLetter]:
        """Return the dead jobs of one revision, one for each of these versions that has it."""
        params = {"raw_id": raw_id, "versions": list(versions)}
        return self._db.fetch(_SQL["show"], params, class_row(OpenedLetter))

    def retry(
        self, versions: Sequence[str], raw_ids: Sequence[int] | None, *, at: datetime, actor: str
    ) -> int:
        """Give these dead jobs, or all of them, their attempts back; return how many there were."""
        params = {"versions": list(versions), "raw_ids": None if raw_ids is None else list(raw_ids), "at": at}
        return self._change("retry", params, actor)

    def discard(self, versions: Sequence[str], raw_ids: Sequence[int], *, at: datetime, actor: str) -> int:
        """End these dead jobs as skipped; return how many there were."""
        params = {"versions": list(versions), "raw_ids": list(raw_ids), "at": at, "reason": DISCARDED}
        return self._change("discard", params, actor)

    def _change(self, what: str, params: Mapping[str, Any], actor: str) -> int:
        with self._db.connection() as connection:
            changed = [row[0] for row in connection.execute(_SQL[what], params)]
            if changed:
                detail: dict[str, str | int | None] = {
                    "versions": ", ".join(params["versions"]),
                    "jobs": len(changed),
                    "raw_ids": " ".join(map(str, sorted(changed)[:100])),
                }
                record(connection, Deed(at=params["at"], actor=actor, action=f"dead {what}", detail=detail))
        return len(changed)
