"""A thread with an event loop: coroutines go in from any thread, and nothing is left running when it ends."""

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable, Coroutine
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")


class LoopEndedError(Exception):
    """The loop is not running: it ended before the work was done, or never began."""


class LoopThread:
    """Runs coroutines for other threads."""

    def __init__(self, name: str, *, at_end: Callable[[], Awaitable[None]]) -> None:
        """Prepare a thread of that name; `at_end` is awaited on the loop once no work is left."""
        self._at_end = at_end
        self._loop: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._ending: asyncio.Event
        self._works: set[asyncio.Task[Any]] = set()
        self._lock = Lock()
        self._open = False
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the loop; a second time raises RuntimeError."""
        self._thread.start()
        self._loop.result()
        self._open = True

    @property
    def running(self) -> bool:
        """Tell whether work is taken."""
        return self._open

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result here; raises LoopEndedError if there is none."""
        with self._lock:  # what is handed over before the end is asked for is begun before it
            if not self._open:
                work.close()
                raise LoopEndedError
            result = asyncio.run_coroutine_threadsafe(self._tracked(work), self._loop.result())
        try:
            return result.result()
        except concurrent.futures.CancelledError:
            raise LoopEndedError from None

    def end(self) -> None:
        """Cancel all work, await `at_end` and join the thread. Twice is harmless, as is before the start."""
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            self._loop.result().call_soon_threadsafe(self._ending.set)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._ending = asyncio.Event()
        self._loop.set_result(asyncio.get_running_loop())
        await self._ending.wait()
        for work in self._works:
            work.cancel()
        if self._works:
            await asyncio.wait(self._works)
        await self._at_end()

    async def _tracked(self, work: Coroutine[Any, Any, T]) -> T:
        if self._ending.is_set():
            work.close()
            raise asyncio.CancelledError
        task = asyncio.ensure_future(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        return await task
