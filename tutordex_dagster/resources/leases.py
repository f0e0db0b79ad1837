"""The lease on a session, kept alive by a thread for as long as the session is in use."""

import logging
import os
import socket
import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from uuid import UUID

from tutordex_dagster.errors import TransientError
from tutordex_dagster.resilience.errors import SessionBusy
from tutordex_dagster.resources.sessions import ChosenSession
from tutordex_dagster.store.sessions import Sessions

log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_USABLE_SHARE = 0.9
"""How much of a lease is used; in the rest the session is disconnected before another process may take it."""


class Lease:
    """The right to use a session. When it cannot be renewed in time, `on_lost` is called and it is over.

    One thread renews it. Another watches the time: a database that hangs holds up the first for as long as it
    likes, while the lease runs out by the database's clock.
    """

    def __init__(
        self,
        sessions: Sessions,
        chosen: ChosenSession,
        token: UUID,
        ttl_seconds: float,
        *,
        on_lost: Callable[[], object],
    ) -> None:
        self._sessions = sessions
        self._chosen = chosen
        self._token = token
        self._ttl = ttl_seconds
        self._on_lost = on_lost
        self._stop = Event()
        self._lost = Event()
        self._losing = Lock()
        self._renewed_at = time.monotonic()
        self._threads = [
            Thread(target=work, name=f"lease-{chosen.fingerprint}", daemon=True)
            for work in (self._keep, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def held(self) -> bool:
        """Tell whether nobody else can have the session now."""
        return not self._lost.is_set() and self._seconds_left() > 0

    def release(self) -> None:
        """Give the session back; when the database is away, the lease simply runs out."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        try:
            self._sessions.release(self._chosen.fingerprint, self._token)
        except TransientError as error:
            log.warning("event=lease_not_released session=%s reason=%s", self._chosen.fingerprint, error)

    def park(self, reason: str) -> None:
        """Note that Telegram refused the session for good: no process tries it again."""
        name, fingerprint = self._chosen.name, self._chosen.fingerprint
        log.error("event=session_parked name=%s session=%s reason=%s", name, fingerprint, reason)
        self._sessions.park(fingerprint, reason)

    def _seconds_left(self) -> float:
        return self._renewed_at + _USABLE_SHARE * self._ttl - time.monotonic()

    def _keep(self) -> None:
        """Renew three times as often as needed, so that one slow answer of the database loses nothing."""
        while not self._lost.is_set() and not self._stop.wait(self._ttl / 3):
            if not self._renew():
                self._lose()

    def _watch(self) -> None:
        """Give the session up in time, whatever the renewing waits for."""
        while not self._lost.is_set() and not self._stop.wait(max(0.0, self._seconds_left())):
            if self._seconds_left() <= 0:
                self._lose()

    def _lose(self) -> None:
        with self._losing:
            if self._lost.is_set() or self._stop.is_set():
                return
            self._lost.set()
        log.error("event=lease_lost session=%s", self._chosen.fingerprint)
        self._on_lost()

    def _renew(self) -> bool:
        asked_at = time.monotonic()
        try:
            renewed = self._sessions.renew(self._chosen.fingerprint, self._token, self._ttl)
        except TransientError as error:
            log.warning("event=lease_not_renewed session=%s reason=%s", self._chosen.fingerprint, error)
            return self.held
        if renewed:
            self._renewed_at = asked_at
        return renewed


def acquire(
    sessions: Sessions, chosen: ChosenSession, *, environment: str, ttl_seconds: float, wait_seconds: float
) -> UUID:
    """Take the session, waiting at most so long for the process that has it.

    Raises UsageError, SessionParked or SessionBusy as the store does.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return sessions.acquire(
                chosen.fingerprint,
                name=chosen.name,
                environment=environment,
                holder=f"{socket.gethostname()}:{os.getpid()}",
                ttl_seconds=ttl_seconds,
            )
        except SessionBusy:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)
