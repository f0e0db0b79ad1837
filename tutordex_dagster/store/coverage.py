"""What of every channel's time is known: the coverage ledger as questions to ask it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import class_row, dict_row

from tutordex_dagster.capture.contract import HourReport
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Window

_SQL = load("coverage")
_MAX_GAPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DueHour:
    """An hour that needs a read, or only (`unreported`) a materialization of what is stored."""

    channel_id: int
    reference: str
    hour: datetime
    why: Literal["missing", "open", "failed", "reread", "unreported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCoverage:
    """A channel's ledger in numbers: hours by state, and those missing before its newest one as gaps."""

    channel_id: int
    reference: str
    newest_message_at: datetime | None
    first_hour: datetime | None
    sealed: int
    open: int
    failed: int
    missing: int
    gaps: tuple[Window, ...]
    messages: int


class Coverage:
    """The ledger `channel_hours`; written by the raw log, read here."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def hours(self, channel_id: int, window: Window) -> list[HourReport]:
        """Return the ledger's rows of the hours that start in the window, oldest first."""
        params = {"channel_id": channel_id, "since": window.since, "until": window.until}
        return self._db.fetch(_SQL["hours"], params, class_row(HourReport))

    def mark_reported(self, channel_id: int, reports: Sequence[HourReport], at: datetime) -> None:
        """Note at the instant `at` that these rows, as `hours` returned them, were materialized.

        An hour that changed since stays due.
        """
        params = {
            "channel_id": channel_id,
            "hours": [report.hour for report in reports],
            "changed": [report.changed_at for report in reports],
            "at": at,
        }
        self._db.execute(_SQL["mark_reported"], params)

    def due(
        self,
        *,
        now: datetime,
        target: datetime,
        grid_start: datetime,
        since: datetime | None,
        before: datetime | None,
        retry_failed_before: datetime,
        limit: int,
    ) -> list[DueHour]:
        """Return hours in [since, before), where given as full hours, that ended by `target` and need work.

        First those never read for good, then those to look at again by `now`, then the unreported ones, each
        oldest first over all channels. A channel's hours count from its `collect_since`, not before
        `grid_start`; those of an export channel are read only as far as its exports reach. After a failed
        read an hour waits until that read is older than `retry_failed_before`.
        """
        params = {
            "now": now,
            "target": target,
            "grid_start": grid_start,
            "since": since,
            "before": before,
            "retry_failed_before": retry_failed_before,
            "limit": limit,
        }
        return self._db.fetch(_SQL["due"], params, class_row(DueHour))

    def unreported_since(self, since: datetime, *, limit: int) -> list[DueHour]:
        """Return hours from `since` on, the running one too, that changed after they were last reported.

        Oldest first over all channels; hours before a channel's `collect_since` and failed ones are left out.
        """
        return self._db.fetch(_SQL["unreported_since"], {"since": since, "limit": limit}, class_row(DueHour))

    def summary(self) -> list[ChannelCoverage]:
        """Return the numbers of every channel, by reference, each with its five oldest gaps."""
        rows = self._db.fetch(_SQL["summary"], {"max_gaps": _MAX_GAPS}, dict_row)
        return [_coverage(row) for row in rows]


def _coverage(row: Mapping[str, Any]) -> ChannelCoverage:
    gaps = zip(row["gap_since"], row["gap_until"], strict=True)
    numbers = {name: value for name, value in row.items() if not name.startswith("gap_")}
    return ChannelCoverage(**numbers, gaps=tuple(Window(since, until) for since, until in gaps))
