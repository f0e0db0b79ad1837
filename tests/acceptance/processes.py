"""Killing parts of a running system, as the kernel does when memory runs out: without a last word."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.harness import System


def kill_daemon(system: System) -> bool:
    """Kill the Dagster daemon; False when there is none now."""
    return _kill(system, "dagster._daemon")


def kill_code_server(system: System) -> bool:
    """Kill the process that serves the code and evaluates sensors; False when there is none now."""
    return _kill(system, "dagster api grpc")


def kill_run_worker(system: System) -> bool:
    """Kill a process that works on a run; False when no run is being worked on."""
    return _kill(system, "spawn_main")


def kill_tail(system: System) -> bool:
    """Kill the service that follows Telegram; False when there is none now."""
    return _kill(system, "tutordex tail")


def _kill(system: System, mark: str) -> bool:
    victims = sorted(_pids(system, mark))
    if not victims:
        return False
    os.kill(victims[0], signal.SIGKILL)
    return True


def _pids(system: System, mark: str) -> Iterator[int]:
    """Yield the processes of this home whose command line holds the mark."""
    home = os.fsencode(system.home)
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if mark in line and home in (process / "environ").read_bytes():
                yield int(process.name)
        except OSError:
            continue  # ended while we looked, or another user's
