"""The service behind `tutordex tail`: one loop after the other, each on a connection of its own.

A lost connection or database, a session in other hands and a crash of the loop all end the same way: the
connection is closed, and a while later a new one is opened. Nothing is lost meanwhile: the cursors are in
the database. What ends the service is a session that was refused for good, a setting that cannot be used, or
crash after crash.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from tutordex_dagster.capture.tail import Pushed
from tutordex_dagster.errors import PermanentError, TransientError, TutorDexError
from tutordex_dagster.operations.supervision import Restarts
from tutordex_dagster.operations.tail_loop import TailLoop
from tutordex_dagster.operations.tail_parts import Feed, Progress, State, TailOptions, TailTools, Timer
from tutordex_dagster.resilience.errors import Postponed, SessionBusy

log = logging.getLogger(__name__)

OpenFeed = Callable[[], AbstractContextManager[Feed]]
"""Takes the session and connects; raises TransientError or PermanentError. Leaving gives the session back."""

Pause = Callable[[float], object]
"""Waits so many seconds, or until the service is told to stop."""

FIRST_DELAY, LONGEST_DELAY = 5.0, 300.0
"""Seconds before a new connection: they double from the one to the other, and begin anew after a success."""

GRACE_SECONDS = 8.0
"""How long the loop may finish what it holds after a signal; then its connection is closed under it."""

_LOOK_SECONDS = 0.5
_BUSY_LINES_EVERY = timedelta(minutes=1)


class Inbox:
    """Pushed updates on their way from the connection's thread to the loop's."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Pushed] = SimpleQueue()

    def put(self, pushed: Pushed) -> None:
        """Hand an update over; never waits."""
        self._queue.put(pushed)

    def take(self, seconds: float) -> Pushed | None:
        """Return the next update, or None when none comes within so many seconds."""
        try:
            return self._queue.get(timeout=seconds)
        except Empty:
            return None


class TailService:
    """Opens connections and runs a loop on each; `busy_seconds` lie between two tries for a held session."""

    def __init__(
        self,
        open_feed: OpenFeed,
        tools: TailTools,
        options: TailOptions,
        *,
        pause: Pause,
        max_restarts: int,
        busy_seconds: float,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._open_feed = open_feed
        self._tools = tools
        self._options = options
        self._pause = pause
        self._restarts = Restarts(limit=max_restarts)
        self._busy_seconds = busy_seconds
        self._grace_seconds = grace_seconds
        self._busy_lines = Timer(_BUSY_LINES_EVERY)
        self._progress = Progress()
        self._delay = FIRST_DELAY

    def run(self) -> None:
        """Follow all channels until told to stop.

        Raises PermanentError when going on cannot help: the session was refused for good (the attempt that
        showed it is the last), a setting cannot be used, or the loop crashed too often in a row.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tail-loop") as threads:
            while not self._tools.stopping():
                began = self._tools.clock()
                error = self._follow(threads)
                if error is not None:
                    self._recover(error, began)
        log.info("event=tail_stopped")

    def _follow(self, threads: ThreadPoolExecutor) -> BaseException | None:
        """Run one loop on one connection; return what ended it, None when it was told to stop."""
        with ExitStack() as stack:
            opening = threads.submit(stack.enter_context, self._open_feed())
            if error := opening.exception():
                return error
            loop = TailLoop(opening.result(), self._tools, self._options, self._progress)
            log.info("event=tail_following pushes=%s", "yes" if opening.result().live else "no")
            running = threads.submit(loop.run)
            self._let_run(running)
        error = running.exception()
        if loop.worked:
            self._delay = FIRST_DELAY
        return error

    def _let_run(self, running: "Future[None]") -> None:
        """Wait for the end of the loop; after a signal only for as long as it gets to finish."""
        while not wait([running], timeout=_LOOK_SECONDS).done:
            if self._tools.stopping():
                wait([running], timeout=self._grace_seconds)
                return

    def _recover(self, error: BaseException, began: datetime) -> None:
        """Wait until a new connection makes sense; raise what no connection can help against."""
        match error:
            case TransientError() if self._tools.stopping():
                return  # the connection was closed under the loop
            case SessionBusy():
                if self._busy_lines.due(self._tools.clock()):
                    log.warning("event=session_busy reason=%s", error)
                self._wait(self._busy_seconds, "waiting")
            case Postponed():
                log.warning("event=postponed reason=%s", error)
                seconds = (error.until - self._tools.clock()).total_seconds()
                self._wait(max(seconds, FIRST_DELAY), "retrying")
            case TransientError():
                log.warning("event=connection_lost retry_in=%.0f reason=%s", self._delay, error)
                self._wait(self._delay, "retrying")
                self._delay = min(2 * self._delay, LONGEST_DELAY)
            case Exception() if not isinstance(error, TutorDexError):
                self._restart(error, began)
            case _:
                raise error

    def _restart(self, crash: Exception, began: datetime) -> None:
        lived = (self._tools.clock() - began).total_seconds()
        pause = self._restarts.pause_after(lived)
        log.error("event=tail_crashed lived=%.0f error=%s", lived, type(crash).__name__, exc_info=crash)
        if pause is None:
            raise PermanentError(
                f"tutordex tail: crashed {self._restarts.limit + 1} times in a row, at last with "
                f"{type(crash).__name__}; read the lines above, then start it again"
            ) from crash
        self._wait(pause, "retrying")

    def _wait(self, seconds: float, state: State) -> None:
        """Wait, and say all the while that the service lives."""
        longest = self._options.heartbeat_every.total_seconds()
        while seconds > 0 and not self._tools.stopping():
            self._beat(state)
            self._pause(min(seconds, longest))
            seconds -= longest

    def _beat(self, state: State) -> None:
        try:
            self._tools.beat(state, self._progress.counts)
        except TransientError as error:
            log.warning("event=heartbeat_lost reason=%s", error)
