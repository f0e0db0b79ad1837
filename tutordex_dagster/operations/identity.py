"""Who did something: the person, for the audit, and the process, of which others can tell if it lives."""

import os
import socket
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path

PROCESS_TAG = "tutordex/process"
"""Tag of a run that Dagster has not started: the identity of the process that carries it out."""

_ROUGHLY = timedelta(seconds=2)
"""How far two clocks of one machine may differ: its start is known by the second."""

_START_TIME = 19
"""The place of the start time among the fields of /proc/ID/stat that follow the program's name."""


def os_user() -> str:
    """Return the name the operating system knows the person by, or the number when there is no name."""
    try:
        return getuser()
    except (KeyError, OSError):  # a container without an entry for its user
        return f"uid {os.getuid()}"


def own_identity() -> str:
    """Return this process as host, id and start time: ids are used again, the three together are not."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def is_gone(identity: str) -> bool:
    """Tell whether the process is known to have ended; of another host nothing is known."""
    host, pid, started = identity.split()
    return host == socket.gethostname() and not (_lives(int(pid)) and _started(int(pid)) == started)


def lives_since(pid: int, at: datetime) -> bool:
    """Tell whether the process that had this id at that instant still lives here."""
    began = _began(pid)
    return _lives(pid) and (began is None or began <= at + _ROUGHLY)


def _began(pid: int) -> datetime | None:
    """Return when a process began; None where there is no /proc that tells."""
    ticks = _started(pid)
    if not ticks.isdigit():
        return None
    lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    boot = next(line for line in lines if line.startswith("btime "))
    seconds = int(boot.split()[1]) + int(ticks) / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(seconds, UTC)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """Return when a process began, in ticks since the machine did; the same word for all without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "unknown"
    return fields[_START_TIME]
