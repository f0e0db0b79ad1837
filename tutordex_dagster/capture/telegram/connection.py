"""A connection to Telegram for ordinary threads: its event loop and Telethon live in a thread of its own."""

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from telethon.tl import functions, types

from tutordex_dagster.capture.telegram.client import make_client
from tutordex_dagster.capture.telegram.errors import TELEGRAM
from tutordex_dagster.capture.telegram.link import Link
from tutordex_dagster.capture.telegram.loop_thread import LoopEndedError, LoopThread
from tutordex_dagster.capture.telegram.messages import TL
from tutordex_dagster.capture.telegram.session import SessionString
from tutordex_dagster.capture.telegram.updates import OnPush
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.resilience.errors import FloodWait, Postponed, SessionDead, TelegramUnavailable
from tutordex_dagster.resilience.guard import CallGuard
from tutordex_dagster.windows import Clock, utc_now

T = TypeVar("T")

CONNECT_SECONDS: Final = 15.0
"""Longest time for one attempt to connect."""


class TelegramConnection:
    """One session in use. Every method may be called from any number of threads, not from the loop's own.

    Calls go through the guard, which paces them, waits for flood waits and tries again. The link comes back
    by itself. Holding the session's lease is the caller's business.
    """

    def __init__(
        self,
        session: SessionString,
        *,
        api_id: int,
        api_hash: str,
        guard: CallGuard,
        on_push: OnPush | None = None,
        takeout: bool = False,
        connect_seconds: float = CONNECT_SECONDS,
        clock: Clock = utc_now,
    ) -> None:
        """Prepare a connection; nothing is sent before `open`.

        Args:
            session: The key, and where to connect.
            api_id: From https://my.telegram.org.
            api_hash: As above.
            guard: The guard of this session; nobody else uses it while this connection is open.
            on_push: Told of every update of the joined channels; without it none are asked for.
            takeout: Make every call in a takeout session (a data export, of which Telegram tells the user).
            connect_seconds: Longest time for one attempt to connect.
            clock: Tells the time.
        """
        self.fingerprint = session.fingerprint
        self._last_call_at: datetime | None = None
        self._missed = 0
        self._link = Link(
            partial(
                make_client,
                session,
                api_id=api_id,
                api_hash=api_hash,
                connect_seconds=connect_seconds,
                on_push=on_push,
                on_missed=self._miss,
            ),
            name=session.fingerprint,
            connect_seconds=connect_seconds,
            clock=clock,
        )
        self._guard = guard
        self._takeout = takeout
        self._takeout_id: int | None = None
        self._connect_seconds = connect_seconds
        self._clock = clock
        self._thread = LoopThread(f"telegram-{session.fingerprint}", at_end=self._end)

    def open(self) -> int:
        """Connect and return the id of the account that is signed in; a connection is opened once.

        Raises SessionDead when Telegram refuses the session; TelegramUnavailable, FloodWait or BreakerOpen
        when it cannot be asked; Postponed when it allows no takeout session yet. It is closed then.
        """
        self._thread.start()
        with ExitStack() as undoing:
            undoing.callback(self.close)
            account = self._do(self._open())
            undoing.pop_all()
        return account

    def call(self, request: TL, *, about: str = TELEGRAM) -> TL:
        """Return the answer to a request of telethon.tl.functions.

        `about` is what an error shall name: a channel's reference. Raises TelegramUnavailable, FloodWait,
        BreakerOpen, SessionDead, ChannelUnavailable, or PermanentError for any other refusal.
        """
        return self._do(self._call(request, about))

    def check(self, answered_since: datetime) -> None:
        """See whether Telegram answers, unless it did since then (aware UTC). Raises as `call` does.

        A link can be dead without a word, and so can a session: pushes end, and nothing else tells.
        """
        if self._last_call_at is None or self._last_call_at < answered_since:
            self.call(functions.updates.GetStateRequest())

    def reconnect(self) -> None:
        """Replace the link by a new one; calls under way are made again.

        Raises TelegramUnavailable or SessionDead when that fails; the first is tried again by itself.
        """
        self._do(self._link.renew())

    @property
    def connected(self) -> bool:
        """Tell whether the link is up, as far as is known."""
        return self._thread.running and self._link.up

    @property
    def generation(self) -> int:
        """Return a number that grows with every new link; what happened between two links is never pushed.

        It grows as well when Telegram says that there is too much to push.
        """
        return self._link.generation + self._missed

    def close(self) -> None:
        """Disconnect and end the thread; calls under way raise TelegramUnavailable. Twice is harmless."""
        self._thread.end()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _miss(self) -> None:
        self._missed += 1

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._thread.do(work)
        except LoopEndedError:
            raise TelegramUnavailable(f"{TELEGRAM}: the connection was closed; open a new one") from None

    async def _open(self) -> int:
        await self._guard.call("connect", self._link.open)
        users = await self._call(functions.users.GetUsersRequest([types.InputUserSelf()]), TELEGRAM)
        if not users:
            raise SessionDead("Telegram session: is not signed in; make a new session with `tutordex login`")
        if self._takeout:
            self._takeout_id = await self._begin_takeout()
        return int(users[0].id)

    async def _call(self, request: TL, about: str) -> TL:
        method = type(request).__name__
        generation = self._link.generation

        async def send() -> TL:
            nonlocal generation
            generation = self._link.generation
            return await self._link.send(self._wrapped(request), method, about=about)

        async def renew() -> None:
            await self._link.renew(generation)

        answer = await self._guard.call(method, send, on_stall=renew)
        self._last_call_at = self._clock()
        return answer

    def _wrapped(self, request: TL) -> TL:
        if self._takeout_id is None:
            return request
        return functions.InvokeWithTakeoutRequest(self._takeout_id, request)

    async def _begin_takeout(self) -> int:
        request = functions.account.InitTakeoutSessionRequest(message_megagroups=True, message_channels=True)
        try:
            return int((await self._call(request, TELEGRAM)).id)
        except FloodWait as wait:
            raise Postponed(
                f"{TELEGRAM}: allows no takeout session before {wait.until:%Y-%m-%d %H:%M} UTC; to have it at"
                " once, confirm the export in the Telegram app, or set TELEGRAM_TAKEOUT=0",
                until=wait.until,
            ) from wait

    async def _end(self) -> None:
        """Leave in good order, once no call is under way."""
        await self._end_takeout()
        await self._link.close()
        await self._guard.flush()

    async def _end_takeout(self) -> None:
        """Tell Telegram that the takeout session is over; if that fails, it ends by itself."""
        if self._takeout_id is None:
            return
        request = self._wrapped(functions.account.FinishTakeoutSessionRequest(success=True))
        with suppress(TransientError, PermanentError, TimeoutError):
            async with asyncio.timeout(self._connect_seconds):
                await self._link.send(request, "FinishTakeoutSessionRequest")
