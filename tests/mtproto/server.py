"""A Telegram of our own on 127.0.0.1, which an unmodified Telethon client talks to over TCP.

There is no key exchange: the session string carries a key that the server knows, so it can decrypt at once.
Layer, framing ("full"), containers, gzip, acknowledgements, pings and salts are those of MTProto 2.0.
Channels keep a log of what happened, push live updates and answer differences from it. Faults are asked for
by request. What only the real servers know is a switch: see `Habits`.

Not here: the exchange of keys, and with it other data centres; private chats and small groups.
"""

import asyncio
import hashlib
import os
import time
from datetime import UTC, datetime
from typing import Self

from telethon.crypto import AuthKey
from telethon.sessions import StringSession
from telethon.tl import TLObject
from telethon.tl import types as t

from tests.mtproto.accounts import BANNED, DUPLICATED, REVOKED, UNREGISTERED, Account, new_account
from tests.mtproto.channels import Channel, Clock
from tests.mtproto.connection import Call, Connection
from tests.mtproto.faults import Faults
from tests.mtproto.handlers import READING
from tests.mtproto.login import LOGIN, OPEN
from tests.mtproto.pages import Habits
from tests.mtproto.wire import RpcFail


def now_utc() -> datetime:
    """Return the real time."""
    return datetime.now(UTC)


class MTServer:
    """The server; an async context manager that listens while it is entered.

    Everything is called in its event loop; `LoopbackTelegram` is the one for synchronous tests.
    """

    def __init__(self, *, seed: bytes | None = None, clock: Clock = now_utc, dc_id: int = 2) -> None:
        """Make a server that knows nobody.

        Args:
            seed: The keys of accounts follow from it; a random one when absent.
            clock: Gives messages and answers their dates.
            dc_id: The number of the data centre it plays.
        """
        self.clock = clock
        self.dc_id = dc_id
        self.port = 0
        self.salt = 0x1234567890ABCDEF
        self.gzip_above: int | None = 512  # bytes of an answer
        self.latency = 0.0  # seconds before every answer
        self.mute_pings = False
        self.muted = False  # half-open: what comes in is lost, nothing goes out
        self.takeout_delay = 0  # seconds an export is put off
        self.login_code = "12345"
        self.habits = Habits()
        self.faults = Faults()
        self.handlers = {**READING, **LOGIN}
        self.calls: list[Call] = []
        self.bugs: list[BaseException] = []  # of handlers, and of functions that faults were given
        self.channels: dict[int, Channel] = {}
        self.by_name: dict[str, Channel] = {}
        self.users: list[TLObject] = []  # put beside every page
        self.files: dict[int, bytes] = {}
        self.tokens: dict[bytes, Account] = {}
        self.connections: set[Connection] = set()
        self._seed = seed or os.urandom(16)
        self._accounts: dict[int, Account] = {}
        self._keys: dict[bytes, Account] = {}
        self._listener: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._last_msg_id = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self) -> None:
        """Accept connections: at the port of before, or at any free one."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=1 << 22)
        self.port = self._listener.sockets[0].getsockname()[1]

    def stop_listening(self) -> None:
        """Be gone: refuse connections and drop those there are."""
        if self._listener:
            self._listener.close()
        self.drop_all()

    async def close(self) -> None:
        """Be gone, and return when no connection is left; raises what went wrong inside, if anything did."""
        self.stop_listening()
        if self._serving:
            await asyncio.wait(self._serving)
        if self.bugs:
            raise BaseExceptionGroup("the loopback server failed", self.bugs)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, task = Connection(self, reader, writer), asyncio.current_task()
        assert task
        self._serving.add(task)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)
            self._serving.discard(task)

    def drop_all(self) -> None:
        """Drop every connection."""
        for each in list(self.connections):
            each.close()

    def account(self, number: int = 0, *, signed_in: bool = True, password: str | None = None) -> Account:
        """Return the account of this number; the options are for the first time it is named."""
        if number not in self._accounts:
            account = new_account(self._seed, number, signed_in=signed_in, password=password)
            self._accounts[number] = self._keys[account.wire_id] = account
        return self._accounts[number]

    def account_of(self, wire_id: bytes) -> Account | None:
        """Return the account whose packets begin like this."""
        return self._keys.get(wire_id)

    def session(self, account: Account | None = None) -> StringSession:
        """Return a session that leads a client here with the account's key."""
        session = StringSession()
        session.set_dc(self.dc_id, "127.0.0.1", self.port)
        session.auth_key = AuthKey((account or self.account()).key)
        return session

    def revoke(self, account: Account) -> None:
        """Forget a key: the transport answers -404 and closes."""
        self._keys.pop(account.wire_id, None)
        account.refusal = UNREGISTERED

    def duplicate(self, account: Account) -> None:
        """Answer AUTH_KEY_DUPLICATED to whatever this key calls from now on."""
        account.refusal = DUPLICATED

    def ban(self, account: Account) -> None:
        """Answer USER_DEACTIVATED_BAN to this account."""
        account.refusal = BANNED

    def unauthorize(self, account: Account) -> None:
        """Answer SESSION_REVOKED, as after "terminate this session" on another device."""
        account.refusal = REVOKED

    def count_connections(self, account: Account) -> None:
        """Note that one more connection uses this account."""
        account.most_connections = max(account.most_connections, self.connections_of(account))

    def connections_of(self, account: Account) -> int:
        """Return how many connections use this account now."""
        return sum(each.account is account for each in self.connections)

    def most_connections(self, account: Account) -> int:
        """Return how many connections have used this account at once, at most."""
        return account.most_connections

    def new_token(self, account: Account) -> bytes:
        """Return another token to sign in with once `accept_login` has accepted it."""
        token = hashlib.sha256(account.key + bytes([len(self.tokens)])).digest()
        self.tokens[token] = account
        return token

    def accept_login(self, token: bytes) -> None:
        """Do what another device does after scanning the code; raises KeyError for an unknown token."""
        account = self.tokens[token]
        account.token_accepted = True
        for each in self.connections:
            if each.account is account:
                each.send(bytes(t.UpdateShort(t.UpdateLoginToken(), self.clock())), push=True)

    def add_channel(
        self,
        username: str,
        channel_id: int | None = None,
        *,
        title: str | None = None,
        megagroup: bool = False,
        joined: bool = True,
        pts: int = 1,
    ) -> Channel:
        """Open a channel; ids count up from 1500000000 unless given."""
        number = channel_id or 1_500_000_000 + len(self.channels)
        channel = Channel(self, number, username, title=title, megagroup=megagroup, joined=joined, pts=pts)
        self.channels[number] = self.by_name[username.lower()] = channel
        return channel

    def channel_of(self, peer: TLObject) -> Channel:
        """Return the channel a request names; raises RpcFail as Telegram does."""
        channel = self.channels.get(getattr(peer, "channel_id", 0))
        if channel is None or channel.access_hash != peer.access_hash:
            raise RpcFail(400, "CHANNEL_INVALID")
        if channel.private:
            raise RpcFail(400, "CHANNEL_PRIVATE")
        return channel

    def add_photo(self, data: bytes) -> TLObject:
        """Keep a file; return the media of a message that carries it."""
        number = 9000 + len(self.files)
        self.files[number] = data
        sizes = [t.PhotoSize("x", 800, 600, len(data))]
        return t.MessageMediaPhoto(photo=t.Photo(number, number, b"ref", self.clock(), sizes, self.dc_id))

    def handle(self, call: Call) -> object:
        """Return the answer to a call; raises RpcFail."""
        refusal = call.account.refusal
        if refusal and (refusal == DUPLICATED or type(call.request) not in OPEN):
            raise RpcFail(*refusal)
        self.faults.check_flood(call.request)
        if not (handler := self.handlers.get(type(call.request))):
            raise RpcFail(400, "INPUT_METHOD_INVALID")
        return handler(self, call)

    def count(self, name: str) -> int:
        """Return how many requests of this class (`GetHistoryRequest`) have arrived."""
        return sum(call.name == name for call in self.calls)

    def push(self, updates: TLObject) -> None:
        """Send updates to every signed-in client that wants them."""
        for each in self.connections:
            listens = each.session_id is not None and each.wants_updates
            if listens and each.account and each.account.refusal is None:
                each.send(bytes(updates), push=True)

    def msg_id(self, *, push: bool = False) -> int:
        """Return the next message id: real time, strictly growing, 1 mod 4 in answers and 3 in pushes."""
        now = int(time.time() * 2**32) & ~3
        self._last_msg_id = max(now, (self._last_msg_id & ~3) + 4) | (3 if push else 1)
        return self._last_msg_id
