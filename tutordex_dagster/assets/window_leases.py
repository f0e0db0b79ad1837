"""The windows of history this process is reading: leased, and renewed by a thread for as long as it lives."""

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from uuid import UUID

from tutordex_dagster.errors import TransientError
from tutordex_dagster.store.history_windows import Claim, HistoryWindows
from tutordex_dagster.windows import Window

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""How long a window of a reader that died stays closed to others."""
WAIT_SECONDS = 18.0
"""How long to wait for a window: the lease of a dead reader ends within that, a living one keeps it."""
RESUME_WITHIN = timedelta(hours=24)

_POLL_SECONDS = 1.0


class WindowLeases:
    """Leases of windows, for many threads; they are kept good until the block ends."""

    def __init__(self, windows: HistoryWindows) -> None:
        self._windows = windows
        self._held: set[UUID] = set()
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._renew, name="window-leases", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def take(self, channel_id: int, window: Window, now: datetime, stop: Event) -> Claim | None:
        """Return the right to read the window, or None when another reader keeps it.

        A claim of a window that nobody left half read begins with its first hour. Raises TransientError.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            claim = self._windows.claim(
                channel_id, window, began_at=now, lease_seconds=LEASE_SECONDS, resume_within=RESUME_WITHIN
            )
            if claim is not None:
                with self._lock:
                    self._held.add(claim.token)
                return replace(claim, next_hour=window.since) if claim.began_at == now else claim
            if time.monotonic() >= deadline or stop.wait(_POLL_SECONDS):
                return None

    def give_back(self, token: UUID, *, finished: bool) -> None:
        """End a lease; an unfinished window can be gone on with at once. Raises TransientError."""
        with self._lock:
            self._held.discard(token)
        if finished:
            self._windows.finish(token)
        else:
            self._windows.release(token)

    def _renew(self) -> None:
        while not self._stop.wait(LEASE_SECONDS / 3):
            with self._lock:
                held = tuple(self._held)
            for token in held:
                try:
                    self._windows.renew(token, lease_seconds=LEASE_SECONDS)
                except TransientError as error:
                    log.warning("event=window_lease_not_renewed reason=%s", error)
