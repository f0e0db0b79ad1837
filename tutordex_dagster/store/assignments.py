"""The projection of one pipeline version into `assignments`, and the questions readers ask of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from tutordex_dagster.store.database import Connection, Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Clock, utc_now

_SQL = load("assignments")
_PAGE = 5000  # finished jobs projected by one statement: bounds its memory


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionResult:
    """Rows written, closed and removed; `remaining` ends of the version still wait to be projected."""

    upserted: int = 0
    closed: int = 0
    removed: int = 0
    remaining: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentStats:
    """Open and closed assignments; the open ones by channel and by level; when the newest was posted."""

    open: int
    closed: int
    by_channel: Mapping[str, int]
    by_level: Mapping[str, int]
    newest: datetime | None


class Assignments:
    """The table `assignments`, which shows one pipeline version at a time."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    def project(self, version: str, *, limit: int = _PAGE) -> ProjectionResult:
        """Take over up to `limit` finished jobs; when another version is shown, rebuild from this one.

        Latest revision ok: its segments replace the message's rows. Skipped: the rows are closed, as `taken`
        when the post says so. Deletions close rows when they are stored. Else the rows stay as they are.
        """
        with self._db.connection() as connection:
            projecting = _Projecting(connection, version, self._clock())
            if projecting.shown_version() == version:
                projecting.take_over(limit)
            else:
                projecting.rebuild()
            return projecting.result()

    def rebuild(self, version: str) -> ProjectionResult:
        """Replace all rows by this version's, in one transaction: readers see the old or the new, whole."""
        with self._db.connection() as connection:
            projecting = _Projecting(connection, version, self._clock())
            projecting.shown_version()
            projecting.rebuild()
            return projecting.result()

    def stats(self) -> AssignmentStats:
        """Count what is shown."""
        with self._db.connection() as connection:
            totals = connection.execute(_SQL["totals"]).fetchone() or (0, 0, None)
            by_channel = connection.execute(_SQL["open_by_channel"]).fetchall()
            by_level = connection.execute(_SQL["open_by_level"]).fetchall()
        return AssignmentStats(
            open=totals[0],
            closed=totals[1],
            newest=totals[2],
            by_channel=dict(by_channel),
            by_level=dict(by_level),
        )

    def sample(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest assignments as rows for a table."""
        return self._db.fetch(_SQL["sample"], {"limit": limit}, dict_row)

    def duplicates(self) -> list[dict[str, Any]]:
        """Return codes that are open more than once in a channel, with their message ids."""
        return self._db.fetch(_SQL["duplicates"], {}, dict_row)

    def failure_share(self, version: str, since: datetime) -> float:
        """Return which share (0 to 1) of attempted jobs of messages posted from `since` on failed or died."""
        return float(self._db.value(_SQL["failure_share"], {"version": version, "since": since}))


class _Projecting:
    """The steps of a projection inside its transaction."""

    def __init__(self, connection: Connection, version: str, at: datetime) -> None:
        self._connection = connection
        self._params: dict[str, object] = {"version": version, "at": at}
        self._counts = [0, 0, 0]

    def shown_version(self) -> str | None:
        """Return which version is shown; until the transaction ends nobody else projects."""
        version: str | None = self._rows("projected_version")[0][0]
        return version

    def take_over(self, limit: int) -> None:
        """Project the ends that are not projected yet, at most so many."""
        self._apply(self._rows("unprojected", limit=limit))

    def rebuild(self) -> None:
        """Project every end of the version onto an empty table, page by page to bound memory."""
        self._connection.execute(_SQL["lock_all_channels"])
        self._connection.execute(_SQL["clear"])
        self._connection.execute(_SQL["show_version"], self._params)
        page = self._rows("finished_after", after=0, limit=_PAGE)
        while page:
            self._apply(page)
            page = self._rows("finished_after", after=page[-1][0], limit=_PAGE)

    def result(self) -> ProjectionResult:
        """Sum up what was done."""
        upserted, closed, removed = self._counts
        ((remaining,),) = self._rows("remaining")
        return ProjectionResult(upserted=upserted, closed=closed, removed=removed, remaining=remaining)

    def _apply(self, ends: Sequence[tuple[Any, ...]]) -> None:
        """Project these (raw_id, channel_id), while nobody stores messages of their channels."""
        if ends:
            channel_ids = sorted({channel_id for _, channel_id in ends})
            self._connection.execute(_SQL["lock_channels"], {"channel_ids": channel_ids})
            (counts,) = self._rows("project", raw_ids=[raw_id for raw_id, _ in ends])
            self._counts = [total + count for total, count in zip(self._counts, counts, strict=True)]

    def _rows(self, name: str, **params: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(_SQL[name], {**self._params, **params}).fetchall()
