"""What the tail follows: the channels of Telegram and the recorded ones, behind one door.

The sensor keeps its session connected between two ticks, in the process that serves the code. It gives the
session back when the service `tutordex tail` waits for it, and after every tick where one session serves
following and history alike.
"""

import atexit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, cast

from tutordex_dagster.capture.contract import LiveSource
from tutordex_dagster.capture.references import parse_channel_list
from tutordex_dagster.resilience.errors import SessionBusy
from tutordex_dagster.resources.channels import sync_channels
from tutordex_dagster.resources.databases import database_urls
from tutordex_dagster.resources.directory import Directory
from tutordex_dagster.resources.sessions import shares_one_session
from tutordex_dagster.resources.telegram import (
    FOLLOWING_CALL_SECONDS,
    FOLLOWING_PATIENCE_SECONDS,
    HeldSession,
    Use,
    hold_session,
)
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.database import Database
from tutordex_dagster.windows import Clock

_FOLLOWING = Use(
    role="tail", patience_seconds=FOLLOWING_PATIENCE_SECONDS, call_seconds=FOLLOWING_CALL_SECONDS
)

TAIL, WAITING = "tail", "waiting"
"""The heartbeat of the service `tutordex tail`, and its state while another process has the session."""

if TYPE_CHECKING:
    from tutordex_dagster.capture.tail import Pushed
    from tutordex_dagster.resources.services import Services


class TailFeed:
    """The channels to follow and their sources; `held` is None when only recordings are followed."""

    def __init__(self, services: "Services", held: HeldSession | None, *, pushed: bool) -> None:
        self._services = services
        self._held = held
        self._directory = (
            Directory(held, services.channels, services.settings, services.clock) if held else None
        )
        self.live = pushed and held is not None

    def channels(self) -> list[Channel]:
        """Return the listed channels that can be followed: exports never change."""
        kinds = {"recorded", "telegram"} if self._held else {"recorded"}
        known = self._services.channels.all()
        return [channel for channel in known if channel.listed and channel.source_kind in kinds]

    def source_for(self, channel: Channel) -> LiveSource:
        """Return where a channel's changes come from.

        Raises PermanentError when that channel cannot be followed, TransientError when none can now.
        """
        if channel.source_kind == "telegram" and self._directory:
            return self._directory.source(channel)
        return cast("LiveSource", self._services.source_for(channel))

    def sync(self) -> None:
        """Register channels that were newly listed; one that leads nowhere stops no other.

        Raises UsageError for a CHANNEL_LIST that cannot be read, and as `Directory.register_new` does.
        """
        registered = sync_channels(self._services).registered
        listed = self._services.settings.channel_list
        if self._directory is None or not listed:
            return
        followed = {channel.reference for channel in registered if channel.source_kind != "export"}
        self._directory.register_new(
            reference for reference in parse_channel_list(listed) if reference not in followed
        )

    def connected(self) -> bool:
        """Tell whether Telegram is reached now; recordings always are."""
        return self._held is None or self._held.connected

    def check(self, every: timedelta) -> None:
        """See whether Telegram answers unless it did within that time. Raises as `reconnect` does."""
        if self._held:
            self._held.check(self._services.clock() - every)

    def generation(self) -> int:
        """Return a number that grows with every new link; what happened between two links is never pushed."""
        return 0 if self._held is None else self._held.generation

    def renewed(self) -> bool:
        """Tell whether the session is still ours."""
        return self._held is None or self._held.held

    def reconnect(self) -> None:
        """Connect to Telegram anew. Raises TransientError or PermanentError."""
        if self._held:
            self._held.reconnect()


@contextmanager
def open_tail(services: "Services", on_push: "Callable[[Pushed], None]") -> Iterator[TailFeed]:
    """Hold the following session for a service until the block ends; recordings alone need none.

    Raises what `hold_session` raises.
    """
    if not services.settings.telegram_configured:
        yield TailFeed(services, None, pushed=False)
        return
    use = replace(_FOLLOWING, on_push=on_push)
    held = hold_session(services.settings, services.database, services.clock, use)
    try:
        yield TailFeed(services, held, pushed=True)
    finally:
        held.close()


@contextmanager
def tick_tail(services: "Services") -> Iterator[TailFeed]:
    """Hold the following session for one tick of the sensor, connected still from the last one.

    Raises what `hold_session` raises.
    """
    settings = services.settings
    if not settings.telegram_configured:
        yield TailFeed(services, None, pushed=False)
        return
    if waiting := _waiting_service(services):
        _WARM.close()
        raise SessionBusy(f"session tail: the service {waiting} takes it over; this sensor only reports then")
    held = _WARM.get(settings, services.clock)
    try:
        yield TailFeed(services, held, pushed=False)
    finally:
        if shares_one_session(settings):
            _WARM.close()


def _waiting_service(services: "Services") -> str | None:
    """Return the holder name of a `tutordex tail` that waits for the session: it is the better follower."""
    recently = services.clock() - timedelta(seconds=services.settings.session_lease_secs)
    for beat in services.heartbeats.all():
        if beat.component == TAIL and beat.detail.get("state") == WAITING and beat.at > recently:
            return beat.holder
    return None


class _WarmSession:
    """The session the sensor of this process keeps, with a database of its own: it outlives every tick."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: HeldSession | None = None
        self._database: Database | None = None

    def get(self, settings: Settings, clock: Clock) -> HeldSession:
        """Return the session, taken and connected at the first use and after its lease was lost."""
        with self._lock:
            if self._held is not None and not self._held.held:
                self._close()
            if self._held is None:
                self._database = Database(database_urls(settings).tutordex)
                atexit.register(self._end)  # after the database's own, so it is called before
                try:
                    self._held = hold_session(settings, self._database, clock, _FOLLOWING)
                finally:
                    if self._held is None:
                        self._close()
            return self._held

    def close(self) -> None:
        """Disconnect and give the session back."""
        with self._lock:
            self._close()

    def _end(self) -> None:
        if self._held is not None:
            self._held.abandon()

    def _close(self) -> None:
        atexit.unregister(self._end)
        if self._held is not None:
            self._held.close()
        if self._database is not None:
            self._database.close()
        self._held = self._database = None


_WARM = _WarmSession()


def forget_warm_session() -> None:
    """Disconnect the session that the sensor of this process keeps between two ticks, if there is one."""
    _WARM.close()
