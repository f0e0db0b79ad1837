"""What benchmarks of a whole system share: `tutordex up` in a new home."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import IO


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A running system: the folder that is all its own, and what it prints."""

    home: Path
    lines: IO[str]

    def said(self, start: str) -> None:
        """Wait for a line that begins so; ends the benchmark when the system ends before."""
        if not any(line.startswith(start) for line in self.lines):
            sys.exit(f"`tutordex up` ended before it said {start!r}")


@contextmanager
def running() -> Iterator[Up]:
    """Start a system on the recorded channels, and stop it after the block as Ctrl-C does."""
    home = Path(mkdtemp(prefix="tutordex-bench-"))
    environment = {**os.environ, "TUTORDEX_HOME": str(home), "TUTORDEX_PORT": str(_free_port())}
    command = [str(Path(sys.executable).with_name("tutordex")), "up"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Up(home=home, lines=process.stdout)
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
    rmtree(home)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
