"""Ctrl-C and SIGTERM as an event, for programs that finish what they hold before they end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread


@contextmanager
def stop_signals() -> Iterator[Event]:
    """Yield an event that both signals set instead of breaking in; the handlers before come back afterwards.

    Only a main thread hears signals: elsewhere nothing sets the event. A program started in the background of
    a script inherits an ignored SIGINT; this makes it count again, for the program and for the children it
    starts.
    """
    stop = Event()
    if current_thread() is not main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
