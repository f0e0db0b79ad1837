"""How long `tutordex up` takes on a warm environment: until the UI answers, and until the first assignments.

    python bench/startup.py

Targets: 20 s for the UI, 40 s for the first assignments. The home folder is new, so this includes making the
database; the machine should be idle otherwise.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import IO

UI_SECONDS, ASSIGNMENTS_SECONDS = 20, 40


def main() -> None:
    """Start, read what `up` says, stop; exit code 1 when a target is missed."""
    home = Path(mkdtemp(prefix="tutordex-bench-"))
    environment = {**os.environ, "TUTORDEX_HOME": str(home / "home"), "TUTORDEX_PORT": str(_free_port())}
    command = [str(Path(sys.executable).with_name("tutordex")), "up"]
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        seen = _times(process.stdout, began, {"ui": "The UI answers", "assignments": "First assignments:"})
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    rmtree(home)
    print(f"UI answering after {seen['ui']:.1f} s (target {UI_SECONDS} s)")
    print(f"first assignments after {seen['assignments']:.1f} s (target {ASSIGNMENTS_SECONDS} s)")
    sys.exit(seen["ui"] > UI_SECONDS or seen["assignments"] > ASSIGNMENTS_SECONDS)


def _times(lines: IO[str], began: float, wanted: dict[str, str]) -> dict[str, float]:
    """Read lines until every wanted beginning was seen; return the seconds each took."""
    seen: dict[str, float] = {}
    for line in lines:
        seen |= {name: time.monotonic() - began for name, start in wanted.items() if line.startswith(start)}
        if len(seen) == len(wanted):
            return seen
    sys.exit("`tutordex up` ended before it was ready")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
