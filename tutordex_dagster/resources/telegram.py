"""A Telegram session in use: its lease, its connection, and what happens when Telegram refuses it for good.

Telethon is imported when a session is opened, not before.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tutordex_dagster.errors import TutorDexError, UsageError
from tutordex_dagster.resilience.breaker import BreakerPolicy
from tutordex_dagster.resilience.errors import SessionBusy, SessionDead
from tutordex_dagster.resilience.guard import CallGuard, build_guard, telegram_limits
from tutordex_dagster.resilience.retry import RetryPolicy
from tutordex_dagster.resources.leases import Lease, acquire
from tutordex_dagster.resources.sessions import ChosenSession, Role, require_session
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.metrics import PostgresMetrics
from tutordex_dagster.store.resilience import Breakers, Paces
from tutordex_dagster.store.sessions import Sessions
from tutordex_dagster.windows import Clock

if TYPE_CHECKING:
    from tutordex_dagster.capture.tail import Pushed
    from tutordex_dagster.capture.telegram.connection import TelegramConnection

FOLLOWING_PATIENCE_SECONDS = 5.0
"""A longer flood wait is not sat out by a round of following: other channels must not wait behind it."""

FOLLOWING_CALL_SECONDS = 10.0
"""A call that takes longer is given up until the next round: Dagster kills a tick after 60 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How a session is going to be used: for what, and how patiently, in seconds.

    `patience_seconds` is the longest flood wait that is sat out, `call_seconds` the longest one call is
    waited for and tried again (the settings may say less), `wait_seconds` how long to wait for a process that
    has the session now. `on_push` gets what Telegram pushes; without it nothing is pushed.
    """

    role: Role
    patience_seconds: float
    call_seconds: float = math.inf
    wait_seconds: float = 0.0
    on_push: "Callable[[Pushed], None] | None" = None
    takeout: bool = False


class HeldSession:
    """A session that this process may use until it is closed or its lease is lost."""

    def __init__(
        self, chosen: ChosenSession, connection: "TelegramConnection", lease: Lease, account_id: int
    ) -> None:
        self.chosen = chosen
        self.account_id = account_id
        self._connection = connection
        self._lease = lease

    @property
    def held(self) -> bool:
        """Tell whether the lease is still ours."""
        return self._lease.held

    @property
    def connected(self) -> bool:
        """Tell whether Telegram is reached now."""
        return self._connection.connected

    @property
    def generation(self) -> int:
        """Return a number that grows with every new link; what happened between two links is never pushed."""
        return self._connection.generation

    def call(self, request: Any, *, about: str = "Telegram") -> Any:  # noqa: ANN401 - Telethon has no types
        """Send a request and return the answer; a session that Telegram refuses for good is parked.

        `about` is what an error shall name. Raises TransientError or PermanentError.
        """
        return self._guarded(lambda: self._connection.call(request, about=about))

    def check(self, answered_since: datetime) -> None:
        """See whether Telegram answers unless it did since then (aware UTC). Raises as `call` does."""
        self._guarded(lambda: self._connection.check(answered_since))

    def reconnect(self) -> None:
        """Connect anew; a session that Telegram refuses for good is parked. Raises as `call` does."""
        self._guarded(self._connection.reconnect)

    def close(self) -> None:
        """Disconnect, and only then let another process have the session."""
        self._connection.close()
        self._lease.release()

    def abandon(self) -> None:
        """Give the session back as the process ends, when no thread can disconnect any more: the end does."""
        self._lease.release()

    def _guarded(self, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - as above
        if not self._lease.held:
            raise SessionBusy(
                f"session {self.chosen.name} ({self.chosen.fingerprint}): its lease was lost; "
                "it is taken again by itself"
            )
        try:
            return act()
        except SessionDead as dead:
            self._lease.park(str(dead))
            raise


def hold_session(settings: Settings, database: Database, clock: Clock, use: Use) -> HeldSession:
    """Take the session for this use and connect it.

    Raises UsageError without credentials or session, SessionParked, SessionBusy, SessionDead (it is parked
    then), or TelegramUnavailable.
    """
    chosen = require_session(settings, use.role)
    sessions = Sessions(database)
    connection = _connection(settings, database, clock, chosen, use)
    token = acquire(
        sessions,
        chosen,
        environment=settings.environment,
        ttl_seconds=settings.session_lease_secs,
        wait_seconds=use.wait_seconds,
    )
    lease = Lease(sessions, chosen, token, settings.session_lease_secs, on_lost=connection.close)
    try:
        account_id = connection.open()
        sessions.note_account(chosen.fingerprint, account_id)
    except TutorDexError as error:
        if isinstance(error, SessionDead):
            lease.park(str(error))
        connection.close()
        lease.release()
        raise
    return HeldSession(chosen, connection, lease, account_id)


def _connection(
    settings: Settings, database: Database, clock: Clock, chosen: ChosenSession, use: Use
) -> "TelegramConnection":
    from tutordex_dagster.capture.telegram.connection import TelegramConnection

    if settings.telegram_api_id is None or settings.telegram_api_hash is None:
        raise UsageError("TELEGRAM_API_ID or TELEGRAM_API_HASH", "is not set", "get both at my.telegram.org")
    return TelegramConnection(
        chosen.session,
        api_id=settings.telegram_api_id,
        api_hash=settings.telegram_api_hash.get_secret_value(),
        guard=_guard(settings, database, clock, chosen, use),
        on_push=use.on_push,
        takeout=use.takeout,
        clock=clock,
    )


def _guard(
    settings: Settings, database: Database, clock: Clock, chosen: ChosenSession, use: Use
) -> CallGuard:
    """Build what all calls of a session go through."""
    limits = telegram_limits(settings.telegram_history_calls_per_30s)
    return build_guard(
        chosen.fingerprint,
        paces=Paces(database),
        breakers=Breakers(database, clock=clock),
        limits=limits if settings.resilience_pacing else None,
        breaker=_breaker_policy(settings) if settings.resilience_breaker else None,
        retry=_retry_policy(settings, use.call_seconds) if settings.resilience_retries else None,
        answer_seconds=min(settings.telegram_answer_secs, use.call_seconds),
        patience=use.patience_seconds,
        metrics=PostgresMetrics(database, clock=clock),
        clock=clock,
    )


def _breaker_policy(settings: Settings) -> BreakerPolicy:
    return BreakerPolicy(
        window=timedelta(seconds=settings.circuit_breaker_window_seconds),
        threshold=settings.circuit_breaker_failure_threshold,
        open_timeout=timedelta(seconds=settings.circuit_breaker_open_timeout_seconds),
    )


def _retry_policy(settings: Settings, call_seconds: float) -> RetryPolicy:
    return RetryPolicy(
        max_attempts=settings.retry_max_attempts,
        max_elapsed=min(settings.retry_max_elapsed_seconds, call_seconds),
        base=settings.backoff_base_seconds,
        max=settings.backoff_max_seconds,
    )
