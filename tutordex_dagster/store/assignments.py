"""The projection of one pipeline version into `assignments`, and the questions readers ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from tutordex_dagster.store.closings import Unsettled, settle
from tutordex_dagster.store.database import Connection, Database, allow_long
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Clock, utc_now

_SQL = load("assignments")
_PAGE = 5000  # finished jobs projected by one statement: bounds its memory


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionResult:
    """Rows written, closed, opened again and removed; `more`: ends may still wait to be projected."""

    upserted: int = 0
    closed: int = 0
    reopened: int = 0
    removed: int = 0
    more: bool = False

    def __add__(self, later: "ProjectionResult") -> "ProjectionResult":
        """Return what this page and a later one did together, and whether more waits after that one."""
        return ProjectionResult(
            upserted=self.upserted + later.upserted,
            closed=self.closed + later.closed,
            reopened=self.reopened + later.reopened,
            removed=self.removed + later.removed,
            more=later.more,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentStats:
    """Open and closed assignments; the open ones by channel and by level; when the newest was posted."""

    open: int
    closed: int
    by_channel: Mapping[str, int]
    by_level: Mapping[str, int]
    newest: datetime | None


class Assignments:
    """The projections of pipeline versions; readers see the live one as `assignments`."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    def live_version(self) -> str | None:
        """Return the live version, None where none was ever live."""
        version: str | None = self._db.value(_SQL["live_version"], {})
        return version

    def begin_with(self, version: str) -> str:
        """Make the version the live one where none was ever live; return the one that is live now."""
        return str(self._db.value(_SQL["begin_with"], {"version": version}))

    def project(self, version: str, *, limit: int = _PAGE) -> ProjectionResult:
        """Take over up to `limit` finished jobs into the version's projection, in one transaction.

        The newest revision with assignments gives a message's rows; the newest one with any end, or a
        deletion, says whether they still stand. Status posts close what they name. In whatever order ends
        arrive, the rows come to be the same.
        """
        with self._db.connection() as connection:
            return take_over(connection, version, limit=limit, at=self._clock())

    def waiting(self, version: str) -> bool:
        """Tell whether any end of the version waits to be projected."""
        return bool(self._db.value(_SQL["waiting"], {"version": version}))

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


def lock_projection(connection: Connection) -> str | None:
    """Return the live version; until the transaction ends nobody else projects or promotes."""
    allow_long(connection)
    connection.execute(_SQL["lock_projection"])
    ((version,),) = connection.execute(_SQL["locked_version"]).fetchall()
    return None if version is None else str(version)


def lock_channel(connection: Connection, channel_id: int) -> None:
    """Wait until nobody stores or projects in the channel; it stays so until the transaction ends."""
    connection.execute(_SQL["lock_channel"], {"channel_id": channel_id})


def lock_all_channels(connection: Connection) -> None:
    """Wait until nobody stores messages, and keep it so until the transaction ends."""
    connection.execute(_SQL["lock_all_channels"])


def take_over(connection: Connection, version: str, *, limit: int, at: datetime) -> ProjectionResult:
    """Project up to `limit` ends in this transaction, and settle what status posts close by them."""
    allow_long(connection)
    connection.execute(_SQL["share_projection"])
    raw_ids = _taken(connection, "take_unprojected", version=version, limit=limit)
    if not raw_ids:
        return ProjectionResult()
    result, unsettled = _project(connection, version, raw_ids, at)
    settled = [settle(connection, changed, at) for changed in unsettled]
    by_status_posts = ProjectionResult(
        closed=sum(each.closed for each in settled),
        reopened=sum(each.reopened for each in settled),
        more=len(raw_ids) == limit,
    )
    return result + by_status_posts


def take_over_of(
    connection: Connection, version: str, channel_ids: list[int], *, limit: int, at: datetime, after: int
) -> tuple[ProjectionResult, int]:
    """Project up to `limit` ends of these channels with greater raw ids; return the greatest of them too.

    The closings by status posts are left to `settle_channel`. Others may do the same for other channels.
    """
    allow_long(connection)
    connection.execute(_SQL["share_projection"])
    raw_ids = _taken(
        connection, "take_unprojected_of", version=version, channel_ids=channel_ids, after=after, limit=limit
    )
    if not raw_ids:
        return ProjectionResult(), after
    result, _ = _project(connection, version, raw_ids, at)
    return result + ProjectionResult(more=len(raw_ids) == limit), max(raw_ids)


def _taken(connection: Connection, query: str, **params: object) -> list[int]:
    return [raw_id for (raw_id,) in connection.execute(_SQL[query], params).fetchall()]


def _project(
    connection: Connection, version: str, raw_ids: list[int], at: datetime
) -> tuple[ProjectionResult, list[Unsettled]]:
    """Lock the channels of these messages and write their rows; return what is left to settle too."""
    connection.execute(_SQL["lock_channels"], {"raw_ids": raw_ids})
    params = {"version": version, "at": at, "raw_ids": raw_ids}
    channels = connection.execute(_SQL["project"], params).fetchall()
    upserted, closed, removed = (sum(int(channel[place]) for channel in channels) for place in (3, 4, 5))
    unsettled = [
        Unsettled(projection=version, channel_id=channel_id, codes=codes, message_ids=message_ids)
        for channel_id, codes, message_ids, *_ in channels
    ]
    return ProjectionResult(upserted=upserted, closed=closed, removed=removed), unsettled
