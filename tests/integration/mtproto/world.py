"""A small world for the tests of the loopback server: it, one channel, and an unmodified client."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ParamSpec

from telethon import TelegramClient, events
from telethon.sessions import Session
from telethon.tl import TLObject
from telethon.tl.functions.messages import GetHistoryRequest

from tests.mtproto.channels import Channel
from tests.mtproto.server import MTServer

HISTORY = GetHistoryRequest
START = datetime(2024, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)
NAME = "SomeChannel"

P = ParamSpec("P")


def in_a_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test in an event loop of its own; it fails after a minute."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


@dataclass(kw_only=True)
class World:
    """The server, its channel, and a connected client that has looked the channel up."""

    server: MTServer
    channel: Channel
    client: TelegramClient
    peer: TLObject

    async def ids(self, **options: object) -> list[int]:
        """Return the ids that iter_messages yields."""
        return [each.id async for each in self.client.iter_messages(self.peer, wait_time=0, **options)]


@asynccontextmanager
async def connected(session: Session) -> AsyncIterator[TelegramClient]:
    """Connect a client that hands out updates in order."""
    client = TelegramClient(session, 1, "x", sequential_updates=True)
    try:
        await client.connect()
        yield client
    finally:
        await client.disconnect()


@asynccontextmanager
async def small_world(messages: int = 1000) -> AsyncIterator[World]:
    """Open a channel with so many messages, ten seconds apart; calls are counted from here on."""
    async with MTServer() as server:
        channel = server.add_channel(NAME).fill(messages, START, STEP)
        async with connected(server.session()) as client:
            peer = await client.get_input_entity(NAME)
            server.calls.clear()
            yield World(server=server, channel=channel, client=client, peer=peer)


async def until(what: str, look: Callable[[], object], seconds: float = 10) -> None:
    """Return as soon as `look` finds something; fail after the deadline."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.005)


def heard_by(client: TelegramClient) -> list[tuple[object, ...]]:
    """Return the list that the client's events go into: ("new" | "edit", id, text), ("gone", *ids)."""
    heard: list[tuple[object, ...]] = []

    async def new(event: TLObject) -> None:
        heard.append(("new", event.id, event.raw_text))

    async def edited(event: TLObject) -> None:
        heard.append(("edit", event.id, event.raw_text))

    async def gone(event: TLObject) -> None:
        heard.append(("gone", *event.deleted_ids))

    client.add_event_handler(new, events.NewMessage)
    client.add_event_handler(edited, events.MessageEdited)
    client.add_event_handler(gone, events.MessageDeleted)
    return heard
