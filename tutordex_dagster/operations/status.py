"""The state of everything, read once, as a record that is shown as tables or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tutordex_dagster.queue.contract import JobStatus
from tutordex_dagster.store.assignments import AssignmentStats
from tutordex_dagster.store.coverage import ChannelCoverage
from tutordex_dagster.store.extractions import BacklogRow
from tutordex_dagster.windows import Window

STATUSES: Sequence[JobStatus] = ("pending", "processing", "ok", "failed", "skipped", "dead")
TIMEZONE = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInProgress:
    """A Dagster run that has not ended: short name of what it does, its state, and since when (UTC)."""

    run_id: str
    what: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `tutordex status` shows. `runs` is None when there is no Dagster instance to ask."""

    at: datetime
    live_version: str
    channels: Sequence[ChannelCoverage]
    backlog: Mapping[str, Mapping[JobStatus, int]]
    assignments: AssignmentStats
    runs: Sequence[RunInProgress] | None


def by_version(rows: Sequence[BacklogRow]) -> dict[str, dict[JobStatus, int]]:
    """Turn the backlog into one row per version with a count for every status, in the order of work."""
    table: dict[str, dict[JobStatus, int]] = {}
    for row in sorted(rows, key=lambda row: row.version):
        table.setdefault(row.version, dict.fromkeys(STATUSES, 0))[row.status] += row.jobs
    return table


def as_json(status: Status, *, schema_version: str) -> dict[str, Any]:
    """Return the status as plain JSON values; instants are ISO 8601 in UTC."""
    return {
        "schema_version": schema_version,
        "timezone": TIMEZONE,
        "at": status.at.isoformat(),
        "live_version": status.live_version,
        "channels": [_channel(channel) for channel in status.channels],
        "backlog": {version: dict(counts) for version, counts in status.backlog.items()},
        "assignments": {
            "open": status.assignments.open,
            "closed": status.assignments.closed,
            "by_channel": dict(status.assignments.by_channel),
            "by_level": dict(status.assignments.by_level),
            "newest": _iso(status.assignments.newest),
        },
        "runs": None if status.runs is None else [_run(run) for run in status.runs],
    }


def _channel(channel: ChannelCoverage) -> dict[str, Any]:
    return {
        "channel": channel.reference,
        "channel_id": channel.channel_id,
        "messages": channel.messages,
        "newest_message_at": _iso(channel.newest_message_at),
        "first_hour": _iso(channel.first_hour),
        "hours": {
            "sealed": channel.sealed,
            "open": channel.open,
            "failed": channel.failed,
            "missing": channel.missing,
        },
        "gaps": [_window(gap) for gap in channel.gaps],
    }


def _run(run: RunInProgress) -> dict[str, str]:
    return {"run_id": run.run_id, "what": run.what, "state": run.state, "since": run.since.isoformat()}


def _window(window: Window) -> dict[str, str]:
    return {"since": window.since.isoformat(), "until": window.until.isoformat()}


def _iso(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
