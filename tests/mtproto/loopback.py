"""The loopback Telegram for synchronous tests: the server in a thread of its own."""

import asyncio
import base64
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Self, TypeVar

from telethon.tl import TLObject

from tests.mtproto.accounts import Account
from tests.mtproto.channels import Channel, Clock
from tests.mtproto.connection import Call
from tests.mtproto.faults import Action, When, fault
from tests.mtproto.pages import Habits
from tests.mtproto.server import MTServer, now_utc

__all__ = ["LoopbackTelegram", "fault"]

T = TypeVar("T")
SECONDS_FOR_A_CALL = 60


class LoopbackTelegram:
    """A Telegram on 127.0.0.1 while it is entered; every method may be called from any thread.

    Channels are named as they were opened. Requests are classes of telethon.tl.functions.
    """

    def __init__(self, *, seed: bytes | None = None, clock: Clock = now_utc, port: int = 0) -> None:
        """Make a server; see MTServer. Port 0 is any free one."""
        self.server = MTServer(seed=seed, clock=clock)
        self.server.port = port
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._pool = ThreadPoolExecutor(1, "loopback-telegram")
        self._over: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._ended: Future[None]

    def __enter__(self) -> Self:
        self._ended = self._pool.submit(lambda: asyncio.run(self._serve()))
        self._loop = self._started.result(SECONDS_FOR_A_CALL)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._ended.result(SECONDS_FOR_A_CALL)
        self._pool.shutdown()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        try:
            await self.server.listen()
        except OSError as error:
            self._started.set_exception(error)
            return
        self._started.set_result(asyncio.get_running_loop())
        await self._over.wait()
        await self.server.close()

    def run(self, do: Callable[[MTServer], T]) -> T:
        """Call `do(server)` in the server's thread and return its result."""

        async def call() -> T:
            return do(self.server)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(SECONDS_FOR_A_CALL)

    # Channels

    def channel(
        self,
        name: str,
        *,
        channel_id: int | None = None,
        title: str | None = None,
        megagroup: bool = False,
        joined: bool = True,
        pts: int = 1,
    ) -> int:
        """Open a channel `t.me/name`; return its id."""
        return self.run(
            lambda server: (
                server.add_channel(
                    name, channel_id, title=title, megagroup=megagroup, joined=joined, pts=pts
                ).id
            )
        )

    def fill(self, name: str, count: int, start: datetime, step: timedelta) -> None:
        """Store so many old messages, from `start` on, `step` apart; no update tells of them."""
        self._on(name, lambda channel: channel.fill(count, start, step))

    def post(
        self, name: str, text: str, date: datetime | None = None, *, push: bool = True, **more: object
    ) -> int:
        """Publish a text; return its id. Without `push` nobody is told, as in a gap of updates.

        `more` are other fields of telethon's Message by name, such as `media` or `post_author`.
        """
        return int(self._on(name, lambda channel: channel.post(text, date, push=push, **more).id))

    def edit(self, name: str, message_id: int, text: str, *, push: bool = True, **more: object) -> None:
        """Change a message's text (and other fields); `edit_date` is the server's time unless given."""
        self._on(name, lambda channel: channel.edit(message_id, text, push=push, **more))

    def delete(self, name: str, *message_ids: int, push: bool = True) -> None:
        """Remove messages; raises KeyError for one that does not exist."""
        self._on(name, lambda channel: channel.delete(*message_ids, push=push))

    def truth(self, name: str) -> dict[int, str]:
        """Return id and current text of every message that exists now; service messages are left out."""
        return self._on(name, Channel.texts)

    def private(self, name: str, private: bool = True) -> None:  # noqa: FBT001, FBT002 - a state
        """Shut this account out of a channel, or let it in again."""
        self._on(name, lambda channel: setattr(channel, "private", private))

    def forget_log(self, name: str) -> None:
        """Answer TooLong to a difference from before now."""
        self._on(name, Channel.forget_log)

    def pts(self, name: str) -> int:
        """Return the channel's pts."""
        return self._on(name, lambda channel: channel.pts)

    def photo(self, data: bytes) -> TLObject:
        """Keep a file; return what `post(media=…)` takes."""
        return self.run(lambda server: server.add_photo(data))

    # Accounts

    def account(self, number: int = 0, *, signed_in: bool = True, password: str | None = None) -> Account:
        """Return the account of this number; the options are for the first time it is named."""
        return self.run(lambda server: server.account(number, signed_in=signed_in, password=password))

    def session_string(self, number: int = 0) -> str:
        """Return a session string for Telethon that leads here with this account's key."""
        return str(self.run(lambda server: server.session(server.account(number)).save()))

    def accept_login(self, token: bytes | str | None = None) -> None:
        """Accept a token as a phone does that scanned it: bytes, a tg:// link, or the newest there is."""
        raw = _token_of(token) if isinstance(token, str) else token
        self.run(lambda server: server.accept_login(raw or list(server.tokens)[-1]))

    def revoke(self, number: int = 0) -> None:
        """Forget the account's key (-404)."""
        self.run(lambda server: server.revoke(server.account(number)))

    def duplicate(self, number: int = 0) -> None:
        """Answer AUTH_KEY_DUPLICATED to this account from now on."""
        self.run(lambda server: server.duplicate(server.account(number)))

    def ban(self, number: int = 0) -> None:
        """Answer USER_DEACTIVATED_BAN to this account from now on."""
        self.run(lambda server: server.ban(server.account(number)))

    def unauthorize(self, number: int = 0) -> None:
        """Answer SESSION_REVOKED to this account until it signs in again."""
        self.run(lambda server: server.unauthorize(server.account(number)))

    def most_connections(self, number: int = 0) -> int:
        """Return how many connections have used this account at once, at most."""
        return self.run(lambda server: server.most_connections(server.account(number)))

    def connections(self, number: int = 0) -> int:
        """Return how many connections use this account now."""
        return self.run(lambda server: server.connections_of(server.account(number)))

    # Faults and the network

    def on(self, request: type, action: Action, *, times: float = 1, when: When | None = None) -> None:
        """Let the next such requests meet a `fault(…)`; `math.inf` times: all of them."""
        self.run(lambda server: server.faults.on(request, action, times=times, when=when))

    def flood(self, request: type, calls: int, seconds: float) -> None:
        """Answer FLOOD_WAIT_n to more than `calls` per any `seconds` (0 calls: to all)."""
        self.run(lambda server: server.faults.flood(request, calls, seconds))

    def no_flood(self, request: type) -> None:
        """Lift the limit of this request."""
        self.run(lambda server: server.faults.no_flood(request))

    def clear_faults(self) -> None:
        """Forget all faults and limits."""
        self.run(lambda server: server.faults.clear())

    def latency(self, seconds: float) -> None:
        """Wait so long before every answer."""
        self.run(lambda server: setattr(server, "latency", seconds))

    def drop_all(self) -> None:
        """Drop every connection; the server goes on listening."""
        self.run(MTServer.drop_all)

    def stop_listening(self) -> None:
        """Be gone: drop every connection and refuse new ones."""
        self.run(MTServer.stop_listening)

    def listen_again(self) -> None:
        """Be back, at the same port."""
        asyncio.run_coroutine_threadsafe(self.server.listen(), self._loop).result(SECONDS_FOR_A_CALL)

    def mute(self) -> None:
        """Be a half-open link: what arrives is lost, nothing goes out, connections stay."""
        self.run(lambda server: setattr(server, "muted", True))

    def unmute(self) -> None:
        """Answer again; what was sent meanwhile stays lost."""
        self.run(lambda server: setattr(server, "muted", False))

    def mute_connections(self) -> None:
        """Let the connections there are be half-open for ever; new ones are not."""

        def mute(server: MTServer) -> None:
            for each in server.connections:
                each.muted = True

        self.run(mute)

    @property
    def habits(self) -> Habits:
        """What nobody documents of the real servers; set its fields to choose."""
        return self.server.habits

    # What has happened

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server.port

    def count(self, request_name: str) -> int:
        """Return how many requests of this class name (`GetHistoryRequest`) have arrived."""
        return self.run(lambda server: server.count(request_name))

    def calls(self) -> list[Call]:
        """Return every request that has arrived, oldest first."""
        return self.run(lambda server: list(server.calls))

    def forget_calls(self) -> None:
        """Count requests from nothing again."""
        self.run(lambda server: server.calls.clear())

    def _on(self, name: str, do: Callable[[Channel], T]) -> T:
        return self.run(lambda server: do(server.by_name[name.lower()]))


def _token_of(link: str) -> bytes:
    encoded = link.partition("token=")[2]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
