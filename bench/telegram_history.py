"""Reading history through Telethon: processor time and speed of our source against Telethon's own loops.

Usage:

    python bench/telegram_history.py [--messages 100000] [--rounds 3]

The loopback Telegram serves one channel of plain messages from another process, without a flood limit, and
nothing is paced: on the real Telegram a client mostly waits for its next ten calls in 30 seconds. Each round
reads the whole channel once in every way; the processor time is that of this process, all threads:

    iter      client.iter_messages(wait_time=0), newest first: the yardstick
    reverse   the same, oldest first
    raw       a bare loop of messages.getHistory, newest first
    source    TelegramSource.read: oldest first, through connection and guard, every message a record of ours

A ratio of 2.0 means twice the processor time of the yardstick per message, best round against best round.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from telethon import TelegramClient
from telethon.sessions import StringSession
from telethon.tl import functions

from tutordex_dagster.capture.contract import Message
from tutordex_dagster.capture.telegram.connection import TelegramConnection
from tutordex_dagster.capture.telegram.resolve import resolve
from tutordex_dagster.capture.telegram.session import parse_session
from tutordex_dagster.capture.telegram.source import TelegramSource
from tutordex_dagster.resilience.breaker import BreakerPolicy
from tutordex_dagster.resilience.guard import build_guard
from tutordex_dagster.resilience.memory import MemoryBreakers, MemoryPaces
from tutordex_dagster.resilience.retry import RetryPolicy
from tutordex_dagster.windows import Window

PROJECT = Path(__file__).resolve().parents[1]
TARGET = 2.0
BREAKER = BreakerPolicy(window=timedelta(seconds=30), threshold=5, open_timeout=timedelta(seconds=60))
RETRY = RetryPolicy(max_attempts=5, max_elapsed=120, base=0.5, max=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the server told of itself."""

    session: str
    channel: str
    window: Window


@dataclass(slots=True)
class Best:
    """The best of several rounds: processor and wall seconds."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@contextmanager
def serving(messages: int) -> Iterator[Served]:
    """Run the loopback Telegram with one channel."""
    command = [sys.executable, "-m", "tests.mtproto.serve", "--channels", "1", "--messages", str(messages)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdin
        ready = json.loads(server.stdout.readline())
        start, end = (datetime.fromisoformat(ready[name]) for name in ("start", "end"))
        try:
            yield Served(session=ready["session"], channel=ready["channels"][0], window=Window(start, end))
        finally:
            server.stdin.close()


def with_client(served: Served, read: Callable[[TelegramClient, Any], Any]) -> tuple[int, float, float]:
    """Read with a bare Telethon client; return messages, processor and wall seconds."""

    async def run() -> tuple[int, float, float]:
        client = TelegramClient(StringSession(served.session), 1, "x", receive_updates=False)
        await client.connect()
        try:
            peer = await client.get_input_entity(served.channel)
            processor, wall = time.process_time(), time.perf_counter()
            count = await read(client, peer)
            return count, time.process_time() - processor, time.perf_counter() - wall
        finally:
            await client.disconnect()

    return asyncio.run(run())


async def by_iter(client: TelegramClient, peer: Any) -> int:  # noqa: ANN401 - Telethon is untyped
    """Count what iter_messages yields."""
    return sum([1 async for _ in client.iter_messages(peer, wait_time=0)])


async def by_reverse(client: TelegramClient, peer: Any) -> int:  # noqa: ANN401 - as above
    """Count what it yields oldest first."""
    return sum([1 async for _ in client.iter_messages(peer, wait_time=0, reverse=True)])


async def by_raw(client: TelegramClient, peer: Any) -> int:  # noqa: ANN401 - as above
    """Count the messages of all pages."""
    count = offset = 0
    while True:
        request = functions.messages.GetHistoryRequest(peer, offset, None, 0, 100, 0, 0, 0)
        page = await client(request)
        if not page.messages:
            return count
        count += len(page.messages)
        offset = page.messages[-1].id


def by_source(served: Served) -> tuple[int, float, float]:
    """Read with our source; return messages, processor and wall seconds."""
    session = parse_session(served.session, where="the server")
    guard = build_guard(
        session.fingerprint,
        paces=MemoryPaces(),
        breakers=MemoryBreakers(),
        limits=None,
        breaker=BREAKER,
        retry=RETRY,
        answer_seconds=30,
        patience=0,
    )
    with TelegramConnection(session, api_id=1, api_hash="x", guard=guard) as connection:
        found = resolve(connection, f"t.me/{served.channel}")
        source = TelegramSource(connection, found.info, access_hash=found.access_hash)
        processor, wall = time.process_time(), time.perf_counter()
        count = sum(isinstance(message, Message) for message in source.read(served.window))
        return count, time.process_time() - processor, time.perf_counter() - wall


WAYS: Mapping[str, Callable[[Served], tuple[int, float, float]]] = {
    "iter": lambda served: with_client(served, by_iter),
    "reverse": lambda served: with_client(served, by_reverse),
    "raw": lambda served: with_client(served, by_raw),
    "source": by_source,
}


def main() -> None:
    """Read in every way, round by round, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    results = {way: Best() for way in WAYS}
    with serving(options.messages) as served:
        for _ in range(options.rounds):
            for way, read in WAYS.items():
                count, processor, wall = read(served)
                assert count == options.messages, f"{way} read {count}"
                results[way].processor.append(processor)
                results[way].wall.append(wall)
    report(results, options.messages)


def report(results: Mapping[str, Best], messages: int) -> None:
    """Print the best round of every way, and how the source compares."""
    print(f"{messages:,} plain messages")
    yardstick = min(results["iter"].processor)
    for way, best in results.items():
        processor, wall = min(best.processor), min(best.wall)
        print(
            f"{way:8} {processor / messages * 1e6:6.1f} us processor/msg  {messages / wall:8,.0f} msg/s"
            f"  ratio {processor / yardstick:.2f}"
        )
    ratio = min(results["source"].processor) / yardstick
    print(f"source against iter: {ratio:.2f} (target: at most {TARGET})")


if __name__ == "__main__":
    main()
