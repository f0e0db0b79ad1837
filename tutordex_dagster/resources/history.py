"""Reading Telegram's history: the recovery session of this process, taken when the first channel is read."""

from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from tutordex_dagster.capture.contract import LiveSource
from tutordex_dagster.resilience.guard import COMPONENT
from tutordex_dagster.resources.directory import Directory
from tutordex_dagster.resources.sessions import choose_session, session_variable, shares_one_session
from tutordex_dagster.resources.telegram import HeldSession, Use, hold_session
from tutordex_dagster.store.channels import Channel

if TYPE_CHECKING:
    from tutordex_dagster.resources.services import Services

HISTORY_CALL = "GetHistoryRequest"


class HistoryReader:
    """Sources of Telegram channels through one session; for many threads."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._lock = Lock()
        self._held: HeldSession | None = None
        self._directory: Directory | None = None

    def source(self, channel: Channel) -> LiveSource:
        """Return the source of a channel; the first call takes the session and connects it.

        A process that died is outwaited: its lease ends by itself. Raises what `hold_session` raises, and
        ChannelUnavailable.
        """
        with self._lock:
            if self._directory is None:
                self._directory = self._open()
            return self._directory.source(channel)

    def close(self) -> None:
        """Disconnect and give the session back, if it was taken."""
        with self._lock:
            if self._held is not None:
                self._held.close()
            self._held = self._directory = None

    def _open(self) -> Directory:
        services = self._services
        settings = services.settings
        use = Use(
            role="recovery",
            patience_seconds=settings.telegram_flood_patience_secs,
            wait_seconds=2.0 * settings.session_lease_secs,
            takeout=settings.telegram_takeout,
        )
        self._held = hold_session(settings, services.database, services.clock, use)
        return Directory(self._held, services.channels, settings, services.clock)


def history_obstacle(services: "Services", *, in_turn: bool = False) -> str | None:
    """Say in plain words why no history of Telegram can be read now, or None; asks no network.

    `in_turn`: the reader comes after those that read now, so a session for history alone may be in use.
    Raises UsageError for a session that cannot be read from the settings.
    """
    if not services.settings.telegram_configured:
        return None
    chosen = choose_session(services.settings, "recovery")
    if chosen is None:
        return f"{session_variable('recovery')} is not set: make a session with `tutordex login`"
    may_be_held = in_turn and not shares_one_session(services.settings)
    return _session_obstacle(services, chosen.fingerprint, may_be_held=may_be_held) or _service_obstacle(
        services, chosen.fingerprint
    )


def _session_obstacle(services: "Services", fingerprint: str, *, may_be_held: bool) -> str | None:
    row = next((row for row in services.sessions.all() if row.fingerprint == fingerprint), None)
    if row is None:
        return None
    if row.parked_at is not None:
        return f"session {row.name} ({fingerprint}) is parked: {row.parked_reason}"
    if row.held and not may_be_held:
        return f"session {row.name} ({fingerprint}) is used by {row.holder}"
    return None


def _service_obstacle(services: "Services", fingerprint: str) -> str | None:
    now = services.clock()
    for session, method, until in services.paces.flooded(now):
        if session == fingerprint and method == HISTORY_CALL:
            left = (until - now).total_seconds()
            return f"Telegram asked to wait until {until:%Y-%m-%d %H:%M:%S} UTC ({left:.0f} s left)"
    breaker = services.breakers.read(COMPONENT)
    again = timedelta(seconds=services.settings.circuit_breaker_open_timeout_seconds)
    if breaker.opened_at is not None and now < breaker.opened_at + again:
        return f"the circuit breaker is open since {breaker.opened_at:%H:%M:%S} UTC ({breaker.reason})"
    return None
