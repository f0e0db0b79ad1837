"""One holder of a home folder, one listener on a port, signals as an event."""

import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.exclusive import only_one, require_free_port
from tutordex_dagster.operations.stopping import stop_signals


def test_a_second_holder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(UsageError, match=f"process {os.getpid()}"), only_one(tmp_path):
        pytest.fail("two held it")


def test_the_folder_is_free_again_after_the_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with only_one(tmp_path / "home"):
            assert (tmp_path / "home" / "up.lock").read_text() == str(os.getpid())


def test_a_taken_port_is_refused_and_a_free_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: cannot be listened on"):
            require_free_port("127.0.0.1", port)
    require_free_port("127.0.0.1", port)


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="is no address of this machine; use --host"):
        require_free_port("no-such-host.invalid", 80)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_sets_the_event_and_the_old_handler_comes_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(5)
    assert signal.getsignal(number) is before


def test_a_hangup_that_was_ignored_stays_ignored() -> None:
    """`nohup` asks for that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


IN_A_TERMINAL = """
import fcntl, sys, termios
from pathlib import Path
from tutordex_dagster.operations.stopping import stop_signals

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
with stop_signals() as stop:
    print("ready", flush=True)
    stop.wait()
    print("stopping", flush=True)
    print("stopping", file=sys.stderr, flush=True)
    Path(sys.argv[1]).write_text("cleaned up")
"""


def test_a_terminal_that_is_closed_ends_the_work_and_does_not_break_its_clean_up(tmp_path: Path) -> None:
    """What is said on the way out goes nowhere: a write to a closed terminal fails."""
    terminal, inside = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, tmp_path / "end"],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        assert screen.read(5) == b"ready"
    assert program.wait(30) == 0
    assert (tmp_path / "end").read_text() == "cleaned up"
