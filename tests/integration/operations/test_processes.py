"""Real child processes: started in a group, stopped with everything they started, killed when they refuse."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tutordex_dagster.operations.processes import Child, Program, stop_all, tail
from tutordex_dagster.settings import PROJECT

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
            name="x",
            arguments=[sys.executable, "-c", "print('first'); print('\\x1b[31mwhy\\x1b[0m it died\\n')"],
            log=log,
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


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")


@ON_LINUX
def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Otherwise the programs of a killed `tutordex up` would go on beside those of the next one."""
    starts_one = (
        "import os, sys, time; from pathlib import Path;"
        "from tutordex_dagster.operations.processes import Child, Program;"
        "child = Child(Program(name='x', arguments=['sleep', '300'], log=Path(sys.argv[1])), os.environ);"
        "print(child.pid, flush=True); time.sleep(300)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starts_one, str(tmp_path / "x.log")], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        until(lambda: _command(child) == "sleep")
        parent.kill()
    until(lambda: not _alive(child))


@ON_LINUX
def test_a_child_whose_parent_is_gone_already_does_not_begin(tmp_path: Path) -> None:
    told = tmp_path / "told"
    leash = [sys.executable, str(PROJECT / "tutordex_dagster/operations/leash.py")]
    ended = subprocess.run([*leash, "1", "touch", str(told)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "the parent ended before this began\n")
    assert not told.exists()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()


def _alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
