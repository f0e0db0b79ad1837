"""The state of everything, read once, as a record: what it consists of, and what in it is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tutordex_dagster.queue.contract import JobStatus
from tutordex_dagster.store.assignments import AssignmentStats
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.coverage import ChannelCoverage, DueHour
from tutordex_dagster.store.extractions import BacklogRow
from tutordex_dagster.store.heartbeats import Heartbeat
from tutordex_dagster.store.metrics import MetricRow
from tutordex_dagster.store.resilience import BreakerRow, FloodedMethod
from tutordex_dagster.store.sessions import SessionRow

STATUSES: Sequence[JobStatus] = ("pending", "processing", "ok", "failed", "skipped", "dead")

BEATS_MISSED = 3
"""A service that missed so many heartbeats is not running."""

FORGOTTEN = timedelta(days=1)
"""A service that was silent for so long was stopped on purpose: the sensor follows instead."""

UNCONFIRMED = timedelta(hours=1)
"""A channel of Telegram that nobody asked after for so long is not followed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInProgress:
    """A Dagster run that has not ended: short name of what it does, its state, and since when (UTC)."""

    run_id: str
    what: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Catchup:
    """What the catchup has before it: ended hours nobody has read, of so many channels, the oldest (UTC).

    `obstacle` says why no history of Telegram can be read now; `at_least`: there are more than were counted.
    """

    missing: int = 0
    channels: int = 0
    oldest: datetime | None = None
    at_least: bool = False
    enabled: bool = True
    obstacle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """How it stands with Telegram: sessions, what holds calls back, and listed channels it does not find.

    `chosen` are the fingerprints of the sessions the settings name, by role; `unusable` says why a setting
    cannot be used, by role or variable; `wanted` why a listed channel was not found.
    """

    configured: bool = False
    sessions: Sequence[SessionRow] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, str] = field(default_factory=dict)
    breakers: Sequence[BreakerRow] = ()
    floods: Sequence[FloodedMethod] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service outside Dagster: its last heartbeat, and the seconds between two of them."""

    beat: Heartbeat
    every_seconds: float

    def alive(self, now: datetime) -> bool:
        """Tell whether it was heard of lately."""
        return now - self.beat.at <= BEATS_MISSED * timedelta(seconds=self.every_seconds)

    def word(self, now: datetime) -> str:
        """Say in a word what it does: its own word for it, or silent."""
        return str(self.beat.detail.get("state", "running")) if self.alive(now) else "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `tutordex status` shows. `runs` is None when there is no Dagster instance to ask."""

    at: datetime
    live_version: str
    coverage: Sequence[ChannelCoverage]
    channels: Sequence[Channel]
    backlog: Mapping[str, Mapping[JobStatus, int]]
    assignments: AssignmentStats
    runs: Sequence[RunInProgress] | None
    catchup: Catchup
    telegram: Telegram
    services: Sequence[Service]
    metrics: Sequence[MetricRow]


def by_version(rows: Sequence[BacklogRow]) -> dict[str, dict[JobStatus, int]]:
    """Turn the backlog into one row per version with a count for every status, in the order of work."""
    table: dict[str, dict[JobStatus, int]] = {}
    for row in sorted(rows, key=lambda row: row.version):
        table.setdefault(row.version, dict.fromkeys(STATUSES, 0))[row.status] += row.jobs
    return table


def catchup_of(due: Sequence[DueHour], *, limit: int, enabled: bool, obstacle: str | None) -> Catchup:
    """Sum up due hours, of which at most `limit` were asked for."""
    missing = [hour for hour in due if hour.why == "missing"]
    return Catchup(
        missing=len(missing),
        channels=len({hour.channel_id for hour in missing}),
        oldest=min((hour.hour for hour in missing), default=None),
        at_least=len(due) == limit,
        enabled=enabled,
        obstacle=obstacle,
    )


def session_state(row: SessionRow) -> str:
    """Say in plain words whether a session may be used: free, held, or parked."""
    if row.parked_at is not None:
        return f"parked since {_minute(row.parked_at)}: {row.parked_reason}"
    if row.held and row.lease_expires_at is not None:
        return f"held by {row.holder} until {row.lease_expires_at:%H:%M:%S}"
    return "free"


def following(channel: Channel) -> str:
    """Say in plain words how a channel's changes arrive."""
    if channel.source_kind == "export":
        return "an export, which never changes"
    if channel.cursor_at is None:
        return "not followed yet"
    return "asked, not joined" if channel.member is False else "followed"


def alarms(status: Status) -> Sequence[str]:
    """Say what is wrong now, worst first, each as `what: why; what to do`; nothing when all is well."""
    return (*_calls(status), *_services(status), *_channels(status), *_work(status))


def _calls(status: Status) -> Iterator[str]:
    telegram = status.telegram
    chosen = set(telegram.chosen.values())
    yield from telegram.unusable.values()
    for row in telegram.sessions:
        if row.parked_at is not None and row.fingerprint in chosen:
            yield f"session {row.name}: {session_state(row)}; tutordex login --session {row.name}"
    for breaker in telegram.breakers:
        if breaker.breaker.state == "stopped":
            why = f"stopped since {_minute(breaker.changed_at)} ({breaker.breaker.reason})"
            component = breaker.component
            yield f"{component}: {why}; once put right: tutordex breaker reset {component}"
        elif breaker.breaker.state != "closed":
            since = f"{breaker.breaker.state} since {_minute(breaker.changed_at)} ({breaker.breaker.reason})"
            yield f"breaker {breaker.component}: {since}; it closes once a probe works"
    for flood in telegram.floods:
        until = f"{flood.until:%Y-%m-%d %H:%M:%S} UTC"
        yield f"flood wait: no {flood.method} before {until}; it goes on by itself"


def _services(status: Status) -> Iterator[str]:
    for service in status.services:
        beat = service.beat
        if not service.alive(status.at) and status.at - beat.at < FORGOTTEN:
            heard = f"last heard of at {_minute(beat.at)} on {beat.holder}"
            yield f"{beat.component}: {heard}; start it, or leave it to the sensor"


def _channels(status: Status) -> Iterator[str]:
    for reference, problem in sorted(status.telegram.wanted.items()):
        yield _about(reference, problem)
    for channel in status.channels:
        if channel.problem:
            yield _about(channel.reference, channel.problem)
        elif _forgotten(channel, status):
            confirmed = _minute(channel.cursor_at) if channel.cursor_at else "never"
            yield f"{channel.reference}: not followed, last confirmed {confirmed}; tutordex doctor"


def _forgotten(channel: Channel, status: Status) -> bool:
    if channel.source_kind != "telegram" or not status.telegram.configured:
        return False
    return channel.cursor_at is None or status.at - channel.cursor_at > UNCONFIRMED


def _work(status: Status) -> Iterator[str]:
    for coverage in status.coverage:
        if coverage.failed:
            yield f"{coverage.reference}: {coverage.failed} hours could not be read; they are tried again"
    if not status.catchup.enabled and status.catchup.missing:
        yield "catchup: is switched off while hours are missing; set RECOVERY_CATCHUP_ENABLED=1"
    dead = status.backlog.get(status.live_version, {}).get("dead", 0)
    if dead:
        yield f"{status.live_version}: {dead} extractions are dead; look: tutordex dead list"


def _about(reference: str, problem: str) -> str:
    return f"{reference}: {problem.removeprefix(f'{reference}: ')}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
