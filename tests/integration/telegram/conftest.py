"""A loopback Telegram and connections to it. Whatever a test does, it may leave no thread and no task."""

import gc
import logging
import threading
from collections.abc import Iterator

import pytest

from tests.integration.telegram.world import NAME, START, STEP, Connect, Option, quick_guard, source_of
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.capture.telegram.connection import TelegramConnection
from tutordex_dagster.capture.telegram.session import parse_session
from tutordex_dagster.capture.telegram.source import TelegramSource
from tutordex_dagster.resilience.guard import CallGuard


@pytest.fixture
def telegram() -> Iterator[LoopbackTelegram]:
    """Run a Telegram with one channel of 1,000 messages, ten seconds apart."""
    with LoopbackTelegram(seed=b"test") as server:
        server.channel(NAME)
        server.fill(NAME, 1_000, START, STEP)
        yield server


@pytest.fixture(scope="session", autouse=True)
def little_to_collect() -> Iterator[None]:
    """Spare every collection the thousands of Telethon's types."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that leaves a thread, or of which asyncio complains."""
    caplog.set_level(logging.DEBUG)
    yield
    gc.collect()  # what was forgotten complains when it goes
    assert [each.name for each in threading.enumerate() if each.name.startswith("telegram-")] == []
    complaints = [record for record in caplog.records if record.name == "asyncio"]
    assert [record.message for record in complaints if record.levelno >= logging.WARNING] == []


@pytest.fixture
def connect(telegram: LoopbackTelegram, nothing_left: None) -> Iterator[Connect]:
    """Make connections, and close them after the test."""
    del nothing_left  # it looks after the connections are closed
    made: list[TelegramConnection] = []

    def make(number: int = 0, *, guard: CallGuard | None = None, **options: Option) -> TelegramConnection:
        session = parse_session(telegram.session_string(number), where="the test")
        connection = TelegramConnection(
            session, api_id=1, api_hash="hash-of-the-test", guard=guard or quick_guard(), **options
        )
        made.append(connection)
        return connection

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def connection(connect: Connect) -> TelegramConnection:
    """Open a connection with a quick guard."""
    connection = connect()
    connection.open()
    return connection


@pytest.fixture
def source(telegram: LoopbackTelegram, connection: TelegramConnection) -> TelegramSource:
    """Give the channel as a source."""
    return source_of(telegram, connection)
