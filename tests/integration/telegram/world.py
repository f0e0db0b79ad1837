"""What the tests of Telegram share: when history begins, a guard that waits for nothing, time that flies."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar

from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.capture.contract import Message, Unreadable
from tutordex_dagster.capture.telegram.connection import TelegramConnection
from tutordex_dagster.capture.telegram.resolve import resolve
from tutordex_dagster.capture.telegram.source import TelegramSource
from tutordex_dagster.resilience.guard import CallGuard, build_guard
from tutordex_dagster.resilience.memory import MemoryBreakers, MemoryPaces
from tutordex_dagster.resilience.retry import RetryPolicy

START = datetime(2024, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)
NAME = "somechannel"
REFERENCE = f"t.me/{NAME}"
QUICK = RetryPolicy(max_attempts=6, max_elapsed=60, base=0.02, max=0.2)

Seen = TypeVar("Seen")
Option = Any
"""What an option of the thing made takes."""


class Connect(Protocol):
    """Makes connections; see the fixture."""

    def __call__(
        self, number: int = 0, *, guard: CallGuard | None = None, **options: Option
    ) -> TelegramConnection:
        """Return a connection of this account that is not open yet."""
        ...


def quick_guard(**options: Option) -> CallGuard:
    """Return a guard that paces nothing and tries again within a moment; see build_guard for options."""
    usual: dict[str, Any] = {
        "paces": MemoryPaces(),
        "breakers": MemoryBreakers(),
        "limits": None,
        "breaker": None,
        "retry": QUICK,
        "answer_seconds": 10,
        "patience": 60,
    }
    return build_guard("test", **{**usual, **options})


@dataclass(kw_only=True)
class FlyingTime:
    """Time that passes only when somebody sleeps."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def source_of(telegram: LoopbackTelegram, connection: TelegramConnection, name: str = NAME) -> TelegramSource:
    """Return the source of a channel on the loopback server, looked up by its name."""
    found = resolve(connection, f"t.me/{name}")
    telegram.forget_calls()
    return TelegramSource(connection, found.info, access_hash=found.access_hash)


def ids(found: Iterable[Message | Unreadable]) -> list[int | None]:
    """Return the ids of messages."""
    return [message.message_id for message in found]


def texts(found: Iterable[Message | Unreadable]) -> list[str]:
    """Return the texts of messages, which must all be readable."""
    messages = list(found)
    assert all(isinstance(message, Message) for message in messages)
    return [message.text for message in messages if isinstance(message, Message)]


def wait_for(what: str, look: Callable[[], Seen | None], *, seconds: float = 10) -> Seen:
    """Return what `look` finds as soon as it finds something; fail after the deadline."""
    deadline = monotonic() + seconds
    while not (found := look()):
        assert monotonic() < deadline, f"waited {seconds} s for {what}"
        sleep(0.005)
    return found


def in_background(do: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Start something in a thread; its result, or what it raised, comes into the list."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(do())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results
