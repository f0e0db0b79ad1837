"""Real child processes: started in a group, stopped with everything they started, killed when they refuse."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tutordex_dagster.operations.processes import Child, Program, stop_all, tail

FAMILY = "import subprocess, sys; print('ready', subprocess.Popen(['sleep', '300']).pid, flush=True); "
OBEDIENT = FAMILY + "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + OBEDIENT


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "child.log"


@pytest.fixture
def family(log: Path, request: pytest.FixtureRequest) -> Iterator[Child]:
    child = Child(
        Program(name="family", arguments=[sys.executable, "-c", request.param], log=log), os.environ
    )
    until(lambda: "ready" in tail(log))
    yield child
    child.signal_group(signal.SIGKILL)
    child.exit_code()


def until(condition: object, seconds: float = 10) -> None:
    """Return as soon as the condition holds; a test that gets here late fails instead of hanging."""
    assert callable(condition)
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "waited too long"


@pytest.mark.parametrize("family", [OBEDIENT], indirect=True)
def test_stopping_takes_the_whole_group_along(family: Child, log: Path) -> None:
    grandchild = int(tail(log).split()[1])
    stop_all([family])
    assert family.exit_code() == -signal.SIGTERM
    until(lambda: not _alive(grandchild))
    assert not family.signal_group(signal.SIGTERM)


@pytest.mark.parametrize("family", [STUBBORN], indirect=True)
def test_one_that_ignores_sigterm_is_killed_after_the_grace_time(family: Child) -> None:
    stop_all([family], grace_seconds=0.2)
    until(lambda: family.exit_code() is not None)
    assert family.exit_code() == -signal.SIGKILL
    until(family.group_is_gone)


def test_what_a_child_wrote_last_is_kept_for_the_message(log: Path) -> None:
    child = Child(
        Program(
            name="x", arguments=[sys.executable, "-c", "print('first'); print('why it died\\n')"], log=log
        ),
        os.environ,
    )
    until(lambda: child.exit_code() is not None)
    assert child.last_line() == "why it died"


def test_a_child_that_wrote_nothing_says_so(log: Path) -> None:
    child = Child(Program(name="x", arguments=["true"], log=log), os.environ)
    until(lambda: child.exit_code() is not None)
    assert child.last_line() == "it wrote nothing"
    assert tail(log.with_name("none.log")) == ""


def _alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
