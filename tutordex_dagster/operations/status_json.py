"""The status as plain JSON values, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tutordex_dagster.operations.status import (
    Catchup,
    RunInProgress,
    Service,
    Status,
    Telegram,
    alarms,
    following,
    session_state,
)
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.coverage import ChannelCoverage
from tutordex_dagster.store.metrics import MetricRow
from tutordex_dagster.store.resilience import BreakerRow
from tutordex_dagster.store.sessions import SessionRow
from tutordex_dagster.windows import Window

TIMEZONE = "UTC"


def as_json(status: Status, *, schema_version: str) -> dict[str, Any]:
    """Return the status as plain JSON values; instants are ISO 8601 in UTC."""
    known = {channel.channel_id: channel for channel in status.channels}
    return {
        "schema_version": schema_version,
        "timezone": TIMEZONE,
        "at": status.at.isoformat(),
        "wrong": list(alarms(status)),
        "live_version": status.live_version,
        "channels": [_channel(each, known.get(each.channel_id)) for each in status.coverage],
        "backlog": {version: dict(counts) for version, counts in status.backlog.items()},
        "assignments": {
            "open": status.assignments.open,
            "closed": status.assignments.closed,
            "by_channel": dict(status.assignments.by_channel),
            "by_level": dict(status.assignments.by_level),
            "newest": _iso(status.assignments.newest),
        },
        "runs": None if status.runs is None else [_run(run) for run in status.runs],
        "catchup": _catchup(status.catchup),
        "telegram": _telegram(status.telegram),
        "services": [_service(service, status.at) for service in status.services],
        "metrics": [_metric(row) for row in status.metrics],
    }


def _channel(coverage: ChannelCoverage, channel: Channel | None) -> dict[str, Any]:
    return {
        "channel": coverage.reference,
        "channel_id": coverage.channel_id,
        "source": channel and channel.source_kind,
        "following": channel and following(channel),
        "confirmed_at": _iso(channel.cursor_at if channel else None),
        "member": channel and channel.member,
        "problem": channel and channel.problem,
        "messages": coverage.messages,
        "newest_message_at": _iso(coverage.newest_message_at),
        "first_hour": _iso(coverage.first_hour),
        "hours": {
            "sealed": coverage.sealed,
            "open": coverage.open,
            "failed": coverage.failed,
            "missing": coverage.missing,
        },
        "gaps": [_window(gap) for gap in coverage.gaps],
    }


def _catchup(catchup: Catchup) -> dict[str, Any]:
    return {
        "enabled": catchup.enabled,
        "missing_hours": catchup.missing,
        "at_least": catchup.at_least,
        "channels": catchup.channels,
        "oldest": _iso(catchup.oldest),
        "obstacle": catchup.obstacle,
    }


def _telegram(telegram: Telegram) -> dict[str, Any]:
    return {
        "configured": telegram.configured,
        "sessions": [_session(row) for row in telegram.sessions],
        "chosen": dict(telegram.chosen),
        "unusable": dict(telegram.unusable),
        "not_found": dict(telegram.wanted),
        "breakers": [_breaker(row) for row in telegram.breakers],
        "flood_waits": [
            {"session": flood.session, "method": flood.method, "until": flood.until.isoformat()}
            for flood in telegram.floods
        ],
    }


def _session(row: SessionRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "fingerprint": row.fingerprint,
        "environment": row.environment,
        "state": session_state(row),
        "holder": row.holder if row.held else None,
        "parked_at": _iso(row.parked_at),
        "parked_reason": row.parked_reason,
        "account_known": row.account_id is not None,
    }


def _breaker(row: BreakerRow) -> dict[str, Any]:
    return {
        "component": row.component,
        "state": row.breaker.state,
        "since": row.changed_at.isoformat(),
        "failures": len(row.breaker.failures),
        "reason": row.breaker.reason,
    }


def _service(service: Service, now: datetime) -> dict[str, Any]:
    beat = service.beat
    return {
        "component": beat.component,
        "alive": service.alive(now),
        "state": service.word(now),
        "holder": beat.holder,
        "at": beat.at.isoformat(),
        "detail": dict(beat.detail),
    }


def _metric(row: MetricRow) -> Mapping[str, Any]:
    at = row.updated_at.isoformat()
    return {"name": row.name, "labels": dict(row.labels), "value": row.value, "updated_at": at}


def _run(run: RunInProgress) -> dict[str, str]:
    return {"run_id": run.run_id, "what": run.what, "state": run.state, "since": run.since.isoformat()}


def _window(window: Window) -> dict[str, str]:
    return {"since": window.since.isoformat(), "until": window.until.isoformat()}


def _iso(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
