"""Child processes of one command: started together, watched together, stopped together."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 12.0
"""How long children may finish what they hold after SIGTERM; a run worker needs about 2 s to report."""

_POLL_SECONDS = 0.05
_TAIL_BYTES = 8_192
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start: a short name for messages, the command line, and the file that takes its output.

    One that `speaks` writes its standard output to ours; only its errors go to the file.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    speaks: bool = False


class Child:
    """A running program in a process group of its own, so that its own children can be stopped with it.

    On Linux it is asked to end when this process ends in any way. Start it from the main thread: the end of
    the thread that started it counts.
    """

    def __init__(self, program: Program, environment: Mapping[str, str]) -> None:
        self.program = program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        leash = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid())]
        with program.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                [*leash, *program.arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=None if program.speaks else log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Return the process id, which is the id of the group too."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code once the program has ended, else None."""
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        """Wait for the end at most that long; return the exit code, or None when it still runs."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def signal_group(self, number: signal.Signals) -> bool:
        """Send a signal to every process of the group; False when none is left."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def group_is_gone(self) -> bool:
        """Tell whether no process of the group is left."""
        self._process.poll()  # collects the leader, which would otherwise count as a zombie
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def last_line(self) -> str:
        """Return the last line the program wrote that is not empty, for a message about its end."""
        lines = [_COLOURS.sub("", line).strip() for line in tail(self.program.log).splitlines()]
        return next((line for line in reversed(lines) if line), "it wrote nothing")


def stop_all(
    children: Sequence[Child],
    *,
    grace_seconds: float = GRACE_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ask every group to end, wait for all of them at once, and kill what is left after the grace time."""
    for child in children:
        child.signal_group(signal.SIGTERM)
    deadline = monotonic() + grace_seconds
    while monotonic() < deadline and not all(child.group_is_gone() for child in children):
        sleep(_POLL_SECONDS)
    for child in children:
        child.signal_group(signal.SIGKILL)
        child.exit_code()


def tail(log: Path) -> str:
    """Return the end of a log file, at most 8 KiB; empty when there is none."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
