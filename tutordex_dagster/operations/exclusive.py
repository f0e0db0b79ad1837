"""What only one process may have at a time: a home folder and a port."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tutordex_dagster.errors import UsageError


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home folder for this process; UsageError when another one has it.

    The kernel drops the lock however the process ends, so nothing has to be cleaned up after a crash.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise UsageError(
                f"TUTORDEX_HOME {home}",
                f"is in use by another `tutordex up` (process {lock.read().strip() or 'unknown'})",
                "stop that one, or set another TUTORDEX_HOME and --port",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def require_free_port(host: str, port: int) -> None:
    """Do nothing if the port can be listened on; UsageError if it is taken or the host is not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise UsageError(f"host {host}", "is no address of this machine", "use --host 127.0.0.1") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(
                f"{host}:{port}", f"cannot be listened on ({reason})", "choose another one with --port"
            ) from None
