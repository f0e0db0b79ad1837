"""Ctrl-C, SIGTERM and a closed terminal as an event, for programs that finish what they hold and then end."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, current_thread, main_thread
from types import FrameType

_OUTPUTS = (1, 2)
"""Standard output and standard error."""


@contextmanager
def stop_signals() -> Iterator[Event]:
    """Yield an event that these signals set instead of breaking in; the handlers before come back afterwards.

    Only a main thread hears signals: elsewhere nothing sets the event. A program started in the background of
    a script inherits an ignored SIGINT; this makes it count again, for the program and for the children it
    starts. An ignored SIGHUP stays ignored, as `nohup` wants it.
    """
    stop = Event()
    if current_thread() is not main_thread():
        yield stop
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    terminals = [output for output in _OUTPUTS if os.isatty(output)]

    def hear(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _leave(terminals)
        stop.set()

    before = {number: signal.signal(number, hear) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(terminals: Sequence[int]) -> None:
    """Let what is still said go nowhere where a terminal is gone: writing to it would break the clean-up."""
    gone = [output for output in terminals if not os.isatty(output)]
    with Path(os.devnull).open("wb") as nowhere:
        for output in gone:
            os.dup2(nowhere.fileno(), output)
