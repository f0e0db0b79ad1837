"""One TCP connection of the loopback server: framing, encryption, and the envelope of every call."""

import asyncio
import functools
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telethon.extensions import BinaryReader
from telethon.tl import TLObject, TLRequest
from telethon.tl import functions as f
from telethon.tl import types as t
from telethon.tl.core import GzipPacked, MessageContainer

from tests.mtproto.accounts import Account
from tests.mtproto.faults import Action
from tests.mtproto.wire import RpcFail, encode, seal, unseal

if TYPE_CHECKING:
    from tests.mtproto.server import MTServer

_RPC_RESULT = 0xF35C6D01
_WRONG_SALT = 48
_UNKNOWN_KEY = -404
_ENVELOPES = (
    f.InvokeWithLayerRequest,
    f.InitConnectionRequest,
    f.InvokeAfterMsgRequest,
    f.InvokeWithoutUpdatesRequest,
    f.InvokeWithTakeoutRequest,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that reached the server; `at` is monotonic, `takeout` the id of an export it belongs to."""

    at: float
    account: Account
    request: TLRequest
    takeout: int | None

    @property
    def name(self) -> str:
        """The class of the request, such as GetHistoryRequest."""
        return type(self.request).__name__


class Connection:
    """A connection; it belongs to an account from its first packet on."""

    def __init__(
        self, server: "MTServer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.account: Account | None = None
        self.session_id: int | None = None
        self.wants_updates = True
        self.muted = False  # as MTServer.muted, for this one alone
        self.cut_next: int | None = None
        self._reader = reader
        self._writer = writer
        self._packets_sent = 0
        self._content_sent = 0
        self._answers: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Drop the connection at once, with whatever is not sent yet."""
        self._writer.transport.abort()

    async def run(self) -> None:
        """Serve until either side closes."""
        try:
            while packet := await self._packet():
                if not (self.muted or self.server.muted):
                    self._open(packet)
                    await self._writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client left
        finally:
            for task in self._answers:
                task.cancel()
            self.close()

    async def _packet(self) -> bytes | None:
        """Read one frame of the "full" transport; None when its checksum is wrong."""
        head = await self._reader.readexactly(8)
        (length,) = struct.unpack_from("<i", head)
        body = await self._reader.readexactly(length - 8)
        (checksum,) = struct.unpack("<I", body[-4:])
        return body[:-4] if checksum == zlib.crc32(head + body[:-4]) else None

    def _write(self, payload: bytes) -> None:
        if self.muted or self.server.muted:
            return
        frame = struct.pack("<ii", len(payload) + 12, self._packets_sent) + payload
        frame += struct.pack("<I", zlib.crc32(frame))
        self._packets_sent += 1
        self._writer.write(frame[: self.cut_next])
        if self.cut_next is not None:
            self.cut_next = None
            self._writer.close()

    def send(self, body: bytes, *, push: bool = False, content: bool = True) -> None:
        """Send one message to the client; `content` messages are acknowledged and count in its seqno."""
        assert self.account
        assert self.session_id is not None
        seqno = self._content_sent * 2 + int(content)
        self._content_sent += content
        head = struct.pack(
            "<qqqii", self.server.salt, self.session_id, self.server.msg_id(push=push), seqno, len(body)
        )
        self._write(seal(self.account.key, self.account.key_id, head + body))

    def result(self, msg_id: int, body: bytes) -> None:
        """Answer a request; long answers are gzipped, as the real servers do."""
        if self.server.gzip_above is not None and len(body) > self.server.gzip_above:
            body = bytes(GzipPacked(body))
        self.send(struct.pack("<Iq", _RPC_RESULT, msg_id) + body)

    def _open(self, packet: bytes) -> None:
        if not self._enter(packet[:8]):
            return
        assert self.account
        plain = unseal(self.account.key, packet)
        salt, session_id, msg_id, seqno, length = struct.unpack_from("<qqqii", plain)
        knows_salt = salt == self.server.salt
        if session_id != self.session_id:
            self.session_id, self._content_sent = session_id, 0
            if knows_salt:
                unique = self.server.msg_id() >> 2
                self.send(bytes(t.NewSessionCreated(msg_id, unique, self.server.salt)))
        if knows_salt:
            self._message(msg_id, BinaryReader(plain[32 : 32 + length]).tgread_object())
        else:  # a client begins with salt 0, so its first call is always sent twice
            wrong = t.BadServerSalt(msg_id, seqno, _WRONG_SALT, self.server.salt)
            self.send(bytes(wrong), content=False)

    def _enter(self, wire_id: bytes) -> bool:
        """Take the account of this key; refuse an unknown one, which an attempt at a key exchange is too."""
        known = self.server.account_of(wire_id)
        if known is None:
            self._write(struct.pack("<i", _UNKNOWN_KEY))
            self._writer.close()
        elif self.account is not known:
            self.account = known
            self.server.count_connections(known)
        return known is not None

    def _message(self, msg_id: int, message: TLObject) -> None:
        if isinstance(message, MessageContainer):
            for each in message.messages:
                self._message(each.msg_id, each.obj)
        elif isinstance(message, GzipPacked):
            self._message(msg_id, BinaryReader(message.data).tgread_object())
        elif isinstance(message, (f.PingRequest, f.PingDelayDisconnectRequest)):
            if not self.server.mute_pings:
                self.send(bytes(t.Pong(msg_id, message.ping_id)), content=False)
        elif not isinstance(message, (t.MsgsAck, t.MsgsStateInfo, t.HttpWait)):
            self._call(msg_id, message)

    def _call(self, msg_id: int, request: TLRequest) -> None:
        takeout = None
        while isinstance(request, _ENVELOPES):
            if isinstance(request, f.InvokeWithoutUpdatesRequest):
                self.wants_updates = False
            takeout = getattr(request, "takeout_id", takeout)
            request = request.query
        assert self.account
        call = Call(at=time.monotonic(), account=self.account, request=request, takeout=takeout)
        self.server.calls.append(call)
        task = asyncio.create_task(self._answer(msg_id, call, self.server.faults.take(request)))
        self._answers.add(task)
        task.add_done_callback(functools.partial(self._answered, msg_id))

    async def _answer(self, msg_id: int, call: Call, action: Action | None) -> None:
        try:
            if self.server.latency:
                await asyncio.sleep(self.server.latency)
            if action is None or await action(self, msg_id, call.request):
                self.result(msg_id, encode(self.server.handle(call)))
        except RpcFail as fail:
            self._refuse(msg_id, fail)

    def _answered(self, msg_id: int, task: asyncio.Task[None]) -> None:
        """Keep a mistake of a handler for the end of the test; the client is not left waiting for it."""
        self._answers.discard(task)
        if not task.cancelled() and (bug := task.exception()):
            self.server.bugs.append(bug)
            self._refuse(msg_id, RpcFail(400, "LOOPBACK_BUG"))

    def _refuse(self, msg_id: int, fail: RpcFail) -> None:
        error = bytes(t.RpcError(fail.code, fail.text))
        self.send(struct.pack("<Iq", _RPC_RESULT, msg_id) + error)
