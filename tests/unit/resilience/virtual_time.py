"""An event loop in which waiting takes no time: when nothing is left to do now, its clock jumps ahead."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class _Jumping(selectors.SelectSelector):
    """Waits for nothing, and moves the time on by what it was asked to wait."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        assert ready or timeout is not None, "every task waits for something that never comes"
        self.now += 0 if ready else (timeout or 0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop that is never idle."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now


def clock() -> datetime:
    """Tell the time of the running loop: START when it began to run."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def seconds() -> float:
    """Tell the time of the running loop in seconds."""
    return asyncio.get_running_loop().time()


async def at_once(call: Callable[..., T], *arguments: object) -> T:
    """Call a function that does not block: what `asyncio.to_thread` is in real life."""
    return call(*arguments)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time and return the result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
