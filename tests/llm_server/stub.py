"""A chat server on a loopback port that behaves as it is told, and remembers what it was asked."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Self

from tests.llm_server.replies import SEGMENT, Mode, Reply, answer_of, reply

Brain = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""What the model says to a request, before the mode spoils it."""


def careful(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer as a careful model would about `replies.POST`."""
    return answer_of(SEGMENT)


class StubServer:
    """Serves `/v1/chat/completions` and `/v1/models`. `mode`, `brain` and `latency` (seconds) may change."""

    def __init__(self, mode: Mode = "valid", *, brain: Brain = careful, latency: float = 0.0) -> None:
        self.mode = mode
        self.brain = brain
        self.latency = latency
        self.models = ["stub-model"]
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.keep_requests = True
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """Return the address for LLM_API_URL."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections[task] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._serve(reader, writer):
                pass
        writer.close()
        del self._connections[task]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection is over."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if head[0].startswith("GET"):
            listed = json.dumps({"data": [{"id": name} for name in self.models]}).encode()
            return await _send(reader, writer, Reply(body=listed))
        request = json.loads(body)
        if self.keep_requests:
            self.requests.append(request)
            self.headers.append(headers)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.latency)
            answer = self.brain(request)
            return await _send(reader, writer, reply(self.mode, request, answer))
        finally:
            self.at_once -= 1


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Reply) -> bool:
    if answer.never:
        await reader.read()  # until the client gives up
    plain = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
    if answer.endless or answer.trickle:
        plain = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    headers = "".join(f"{name}: {value}\r\n" for name, value in {**plain, **answer.headers}.items())
    if answer.cut == 0:
        return False
    writer.write(f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{headers}\r\n".encode())
    if answer.endless or answer.trickle:
        await _for_ever(writer, b" " * (1 if answer.trickle else 65536), 0.01 if answer.trickle else 0)
    writer.write(answer.body if answer.cut is None else answer.body[: answer.cut])
    await writer.drain()
    return answer.cut is None


async def _for_ever(writer: asyncio.StreamWriter, piece: bytes, pause: float) -> None:
    while True:
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
        await asyncio.sleep(pause)
