"""A link to Telegram that comes back by itself, however long it was gone. Lives on one event loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final

from telethon import TelegramClient

from tutordex_dagster.capture.telegram.errors import RAISED_BY_TELETHON, TELEGRAM, translate
from tutordex_dagster.capture.telegram.messages import TL
from tutordex_dagster.resilience.errors import Flooded, FloodWait, SessionDead, TelegramUnavailable
from tutordex_dagster.windows import Clock, utc_now

log = logging.getLogger(__name__)

WAITS: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each attempt to reconnect; the last for ever."""

PATIENCE: Final = 2.0
"""Seconds a call waits for a link that was up a moment ago to be tried again."""

LASTING: Final = 30.0
"""Seconds after which a link counts as a good one: when it is lost, the waits begin anew."""


class Link:
    """Connects, and connects again: by one task, and with a new client each time.

    So there is never more than one Telethon at work, and none is left with calls of an earlier link. A call
    made during the first attempt to reconnect, at once, waits for its outcome; while the link stays down,
    calls fail at once. A session that Telegram refused is not tried again.
    """

    def __init__(
        self,
        make_client: Callable[[], TelegramClient],
        *,
        name: str,
        connect_seconds: float,
        waits: Sequence[float] = WAITS,
        clock: Clock = utc_now,
    ) -> None:
        """Prepare a link; `name` is what the log calls its session."""
        self._make_client = make_client
        self._client: TelegramClient | None = None
        self._name = name
        self._connect_seconds = connect_seconds
        self._waits = waits
        self._clock = clock
        self._trouble: Exception | None = TelegramUnavailable(f"{TELEGRAM}: not connected yet; open it")
        self._settled = asyncio.Event()
        self._wanted = asyncio.Event()  # a new link
        self._keeper: asyncio.Task[None] | None = None
        self._attempts = 0  # since there was a lasting link
        self._up_since = 0.0
        self._sending: set[asyncio.Future[TL]] = set()
        self.generation = 0

    @property
    def up(self) -> bool:
        """Tell whether calls get through, as far as is known."""
        return self._trouble is None and self._settled.is_set() and self._is_connected()

    async def open(self) -> None:
        """Connect once and keep the link from then on; raises what the attempt ended with."""
        await self._connect()
        if self._trouble:
            raise self._trouble
        self._keeper = self._keeper or asyncio.create_task(self._keep())

    async def send(self, request: TL, method: str, *, about: str = TELEGRAM) -> TL:
        """Send a request once and return the answer.

        Raises TelegramUnavailable, Flooded, SessionDead and what else `translate` makes of Telethon's errors.
        """
        client = await self._ready()
        sending = asyncio.ensure_future(client(request))
        self._sending.add(sending)
        sending.add_done_callback(self._forget)
        try:
            return await sending
        except RAISED_BY_TELETHON as error:
            client._flood_waited_requests.clear()  # noqa: SLF001 - remembering flood waits is the guard's work
            trouble = translate(error, method, about=about)
            if isinstance(trouble, SessionDead):
                self._give_up(trouble)
            raise trouble from error
        except asyncio.CancelledError as error:
            if _was_cancelled():
                raise
            raise translate(error, method) from error

    async def renew(self, generation: int | None = None) -> None:
        """Replace the link, unless it is no longer that of this generation, and wait for the attempt.

        Raises what the attempt ended with.
        """
        if generation in {None, self.generation}:
            self._attempts = 0
            self._notice()
        await self._settled.wait()
        if self._trouble:
            raise self._trouble.with_traceback(None)

    async def close(self) -> None:
        """Disconnect for good; raises what the reconnecting broke down with, if it did."""
        try:
            if self._keeper:
                self._keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await self._keeper
        finally:
            self.generation += 1
            self._trouble = TelegramUnavailable(f"{TELEGRAM}: the connection was closed; open a new one")
            self._settled.set()
            await self._disconnect()

    def _is_connected(self) -> bool:
        return self._client is not None and bool(self._client.is_connected())

    async def _ready(self) -> TelegramClient:
        """Return the client once calls get through; raises why they do not."""
        if self._trouble is None and not self._is_connected():
            self._notice()  # Telethon has not told yet
        await self._settled.wait()
        if self._trouble:
            raise self._trouble.with_traceback(None)
        return self._client

    def _notice(self) -> None:
        """Note that the link is gone, or of no use, and have it replaced; its calls get no answer.

        Nothing if that is under way already, or if Telegram does not want to hear of it (yet).
        """
        if self._settled.is_set() and not isinstance(self._trouble, SessionDead | FloodWait):
            self._settled.clear()
            self._wanted.set()
            for sending in self._sending:
                sending.cancel()

    def _forget(self, sending: asyncio.Future[TL]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # whoever waited for it may have been cancelled meanwhile

    def _give_up(self, trouble: SessionDead) -> None:
        self._trouble = trouble
        self._settled.set()
        self._wanted.set()

    async def _keep(self) -> None:
        """Connect again whenever that is wanted, until the session is refused."""
        try:
            while not isinstance(self._trouble, SessionDead):
                await self._wanted.wait()
                await self._reconnect()
            await self._disconnect()
        finally:
            if self._trouble is None:
                self._trouble = TelegramUnavailable(f"{TELEGRAM}: nobody reconnects any more; open a new one")
            self._settled.set()

    async def _reconnect(self) -> None:
        """Connect again, the sooner the better the link was; what fails is wanted again."""
        self._wanted.clear()
        if asyncio.get_running_loop().time() - self._up_since > LASTING:
            self._attempts = 0
        await self._wait(max(self._flood_wait(), self._waits[min(self._attempts, len(self._waits) - 1)]))
        if isinstance(self._trouble, SessionDead):
            return
        self._attempts += 1
        await self._connect()
        if self._trouble:
            log.warning("event=telegram_link_down session=%s reason=%s", self._name, self._trouble)
            self._wanted.set()
        else:
            log.info("event=telegram_link_back session=%s", self._name)

    async def _wait(self, seconds: float) -> None:
        """Wait before an attempt, unless it is wanted at once; calls are not kept waiting for long."""
        if seconds > PATIENCE:
            lost = TelegramUnavailable(f"{TELEGRAM}: the link was lost again; it comes back by itself")
            self._trouble = self._trouble or lost
            self._settled.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        self._wanted.clear()

    def _flood_wait(self) -> float:
        """Return the seconds for which Telegram wants no attempt to connect, and tell callers until when."""
        if not isinstance(self._trouble, Flooded):
            return 0.0
        flood, until = self._trouble, self._clock() + timedelta(seconds=self._trouble.seconds)
        self._trouble = FloodWait(method=flood.method, until=until)
        return flood.seconds

    async def _disconnect(self) -> None:
        if self._client is not None:
            await self._client.disconnect()

    async def _connect(self) -> None:
        """Try to connect once. The old client has left before: a key in two places is a dead key."""
        self.generation += 1
        await self._disconnect()
        self._client = self._make_client()
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._client.connect()
        except RAISED_BY_TELETHON as error:
            self._trouble = translate(error, "connect")
        except asyncio.CancelledError as error:
            if _was_cancelled():
                raise
            self._trouble = translate(error, "connect")
        else:
            self._trouble = None
            self._wanted.clear()  # whoever wanted a new link meanwhile has it
            self._up_since = asyncio.get_running_loop().time()
        self._client.disconnected.add_done_callback(partial(self._lost, self.generation))
        self._settled.set()

    def _lost(self, generation: int, gone: asyncio.Future[None]) -> None:
        reason = None if gone.cancelled() else gone.exception()
        if generation == self.generation and self._trouble is None:
            log.info("event=telegram_link_lost session=%s reason=%s", self._name, type(reason).__name__)
            self._notice()


def _was_cancelled() -> bool:
    """Tell whether this task was cancelled; disconnecting, Telethon cancels what others wait for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
