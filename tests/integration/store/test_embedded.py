"""The embedded server: shared by processes, gone with the last one, at home in any folder."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import psycopg
import pytest
import sqlalchemy

from tutordex_dagster.errors import PermanentError
from tutordex_dagster.store.embedded import EmbeddedServer, start_embedded

JOIN_AND_WAIT = """
import sys
from pathlib import Path
from time import monotonic
from tutordex_dagster.store.embedded import start_embedded
server = start_embedded(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Give a data folder with a long path and a space in it; not pytest's: only its owner may enter that."""
    base = Path(tempfile.mkdtemp(prefix="tutordex "))
    yield base / ("a long name " * 8) / "postgres"
    shutil.rmtree(base)


def answers(server: EmbeddedServer) -> bool:
    """Ask the server for a sign of life."""
    try:
        with psycopg.connect(server.url("postgres")) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except (psycopg.OperationalError, FileNotFoundError):
        return False


def join(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that uses the server until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", JOIN_AND_WAIT, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_share_a_server_until_the_last_one_leaves(folder: Path) -> None:
    server = start_embedded(folder)
    killed = join(folder)
    killed.kill()
    killed.communicate()
    other = join(folder)
    assert server.stop() is False
    assert answers(server)
    other.communicate("")
    assert other.returncode == 0
    assert not answers(server)


def test_a_server_comes_back_with_its_data_and_its_settings(folder: Path) -> None:
    first = start_embedded(folder, settings={"application_name": "first"})
    with psycopg.connect(first.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)
    assert first.stop() is True
    assert first.stop() is False
    second = start_embedded(folder)
    with psycopg.connect(second.url("postgres"), autocommit=True) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        connection.execute("DROP TABLE kept")
    second.stop()


def test_a_crash_whose_pid_was_reused_does_not_keep_the_server_down(folder: Path) -> None:
    server = start_embedded(folder)
    left_over = (folder / "postmaster.pid").read_text().splitlines()
    server.stop()
    owner = folder.stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None) as someone_else:
        (folder / "postmaster.pid").write_text("\n".join([str(someone_else.pid), *left_over[1:]]))
        server = start_embedded(folder)
        assert answers(server)
        server.stop()
        someone_else.kill()


def test_a_first_start_that_was_killed_halfway_is_made_good() -> None:
    base = Path(tempfile.mkdtemp(prefix="tutordex-"))
    (base / "postgres.draft").mkdir()
    (base / "postgres.draft" / "PG_VERSION").write_text("18")
    server = start_embedded(base / "postgres", settings={"fsync": "off"})
    assert answers(server)
    assert server.stop() is True
    shutil.rmtree(base)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(PermanentError, match="holds files but no database; choose an empty folder"):
        start_embedded(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_the_url_serves_sqlalchemy_as_well(folder: Path) -> None:
    server = start_embedded(folder)
    engine = sqlalchemy.create_engine(server.url("postgres"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
    engine.dispose()
    server.stop()


def test_only_the_owner_may_read_the_data(folder: Path) -> None:
    start_embedded(folder).stop()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_server_that_cannot_start_names_its_log(folder: Path) -> None:
    with pytest.raises(PermanentError, match=r"the embedded PostgreSQL did not start; read .*postgres/log"):
        start_embedded(folder, settings={"shared_buffers": "nonsense"})
    start_embedded(folder).stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to someone else")
def test_a_socket_folder_of_someone_else_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_embedded(folder)
    socket_folder = tmp_path / Path(server.url("x").partition("host=")[2]).name
    server.stop()
    socket_folder.mkdir()
    os.chown(socket_folder, 4242, 4242)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(PermanentError, match="belongs to another user"):
        start_embedded(folder)


def test_leaving_after_the_folder_is_gone_is_harmless() -> None:
    base = Path(tempfile.mkdtemp(prefix="tutordex-"))
    server = start_embedded(base / "postgres", settings={"fsync": "off"})
    shutil.rmtree(base)
    assert server.stop() is False


def test_leaving_a_server_that_died_is_harmless(folder: Path) -> None:
    server = start_embedded(folder)
    pid_file = folder / "postmaster.pid"
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGQUIT)
    deadline = monotonic() + 10
    while pid_file.exists():
        assert monotonic() < deadline
    assert server.stop() is True
