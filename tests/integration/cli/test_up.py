"""`tutordex up` in parts: what it refuses before anything starts, how it watches, and how it stops."""

import errno
import http.server
import io
import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from typing_extensions import override

from tests.acceptance.harness import wait_for
from tutordex_dagster.cli.environment import dagster_environment, prepare_dagster_home
from tutordex_dagster.cli.up import FIRST_FILL, keep_running, prepare_dagster_storage
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.operations import supervision
from tutordex_dagster.operations.processes import Program
from tutordex_dagster.resources.databases import Urls
from tutordex_dagster.resources.services import Services
from tutordex_dagster.settings import load_settings
from tutordex_dagster.store.database import connect

Command = Callable[..., Result]

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def tutordex_up(tutordex: Command, empty_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Give a function that runs `up`, expects a refusal, and returns its one line."""
    monkeypatch.setenv("TUTORDEX_DAGSTER_DATABASE_URL", empty_url)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("TUTORDEX_PORT", str(server.getsockname()[1]))

    def run() -> str:
        result = tutordex("up", exit_code=2)
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        return result.stderr

    return run


def test_a_home_that_cannot_be_made_is_one_line(
    tutordex: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUTORDEX_HOME", str(tmp_path / "file" / "home"))
    result = tutordex("up", exit_code=1)
    assert (result.stdout, result.stderr) == ("", f"tutordex: {tmp_path}/file/home: Not a directory\n")


def test_a_taken_port_is_refused_before_anything_starts(
    tutordex_up: Callable[[], str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("TUTORDEX_PORT", str(port))
        assert f"127.0.0.1:{port}: cannot be listened on" in tutordex_up()
    assert [each.name for each in home.iterdir()] == ["up.lock"]


def test_a_version_that_changed_under_its_name_is_refused(
    tutordex_up: Callable[[], str], services: Services
) -> None:
    services.versions.register("rules", "0" * 64, {})
    assert "rules: is registered with fingerprint 000000000000" in tutordex_up()
    assert services.channels.all() == []


def test_it_starts_without_the_file_of_the_first_version_once_another_one_is_live(
    tutordex_up: Callable[[], str], services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it refuses here comes after the versions were looked at."""
    (tmp_path / "pipelines").mkdir()
    shutil.copy(services.settings.tutordex_pipelines / "rules-strict.yaml", tmp_path / "pipelines")
    monkeypatch.setenv("TUTORDEX_PIPELINES", str(tmp_path / "pipelines"))
    monkeypatch.setenv("CHANNEL_LIST", "not a channel")
    assert "'rules': is no pipeline version; choose one of rules-strict" in tutordex_up()
    services.assignments.begin_with("rules-strict")
    assert "'not a channel': is no channel name" in tutordex_up()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("CHANNEL_LIST", "t.me/fine_one, not a channel", "not a channel': is no channel name"),
        ("EXTRACTION_PIPELINE_VERSION", "rulez", "'rulez': is no pipeline version; choose one of rules"),
        ("TUTORDEX_PIPELINES", "/nowhere", "/nowhere: holds no pipeline version;"),
        ("TUTORDEX_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/none", "127.0.0.1:1/"),
        ("GRID_START", "2026-01-01T00:00:00", "GRID_START: 2026-01-01T00:00:00 has no time zone;"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(  # noqa: PLR0917 - fixtures
    tutordex_up: Callable[[], str],
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    line: str,
) -> None:
    assert services.channels.all() == []
    monkeypatch.setenv(name, value)
    refusal = tutordex_up()
    assert line in refusal
    assert "hunter2" not in refusal
    assert services.channels.all() == []


def program(folder: Path, code: str, *, name: str = "worker") -> Program:
    return Program(name=name, arguments=[sys.executable, "-c", code], log=folder / f"{name}.log")


@pytest.fixture
def ui() -> Iterator[str]:
    """Give the address of something that answers as a UI would."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


def test_it_says_when_the_ui_answers_and_stops_everything_when_told_to(
    tmp_path: Path, ui: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = threading.Event()
    programs = [
        program(tmp_path, "print('filled')", name=FIRST_FILL),
        program(tmp_path, "import signal; signal.pause()"),
    ]
    keep_running(programs, os.environ, ui, stop, on_answer=stop.set)
    output = capsys.readouterr().out
    assert f"The UI answers at {ui}" in output
    assert output.endswith("Stopped. `make up` continues from here.\n")


def test_everything_is_stopped_even_when_nobody_can_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal is gone, or the program that `up` was piped into."""
    started = tmp_path / "pid"
    code = f"import os, signal; open({str(started)!r}, 'w').write(str(os.getpid())); signal.pause()"
    prepare = partial(wait_for, "the program", lambda: started.is_file() and started.read_text())
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(sys, "stdout", _Gone())
    with pytest.raises(OSError, match="Input/output error"):
        keep_running([program(tmp_path, code)], os.environ, NOWHERE, stop, prepare=prepare)
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


class _Gone(io.StringIO):
    @override
    def write(self, text: str, /) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_program_that_dies_ends_everything_and_is_named_with_its_last_words(tmp_path: Path) -> None:
    other = program(tmp_path, "import signal; signal.pause()", name="other")
    dying = program(tmp_path, "print('the reason'); raise SystemExit(3)", name="daemon")
    with pytest.raises(PermanentError, match=r"^daemon: ended with exit code 3 \(the reason\); read "):
        keep_running([other, dying], os.environ, NOWHERE, threading.Event())


def test_a_first_fill_that_fails_is_named_and_everything_else_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sensors read what it left; only the end of the daemon, after it, ends this test."""
    held = tmp_path / "held"
    os.mkfifo(held)
    fill = program(tmp_path, f"held = open({str(held)!r}, 'w'); raise SystemExit(3)", name=FIRST_FILL)
    daemon = program(tmp_path, f"open({str(held)!r}).read(); raise SystemExit(4)", name="daemon")
    with pytest.raises(PermanentError, match=r"^daemon: ended with exit code 4 "):
        keep_running([fill, daemon], os.environ, NOWHERE, threading.Event())
    assert "first fill: ended with exit code 3" in capsys.readouterr().out


def test_a_program_that_dies_is_started_again_while_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_SECONDS", 0.1)
    other = program(tmp_path, "import signal; signal.pause()", name="other")
    dying = program(tmp_path, "raise SystemExit(3)", name="daemon")
    with pytest.raises(PermanentError, match=r"^daemon: ended with exit code 3 "):
        keep_running([other, dying], os.environ, NOWHERE, threading.Event(), max_restarts=2)
    output = capsys.readouterr().out
    assert output.count("daemon: started again") == 2
    assert "other: " not in output


def test_what_the_others_need_is_prepared_while_the_first_one_starts(tmp_path: Path) -> None:
    order = tmp_path / "order"
    order.touch()

    def prepare() -> None:
        wait_for("the first one", order.read_text)
        with order.open("a") as told:
            told.write("prepared ")

    append = f"open({str(order)!r}, 'a').write"
    first = program(tmp_path, f"{append}('first '); import signal; signal.pause()", name="first")
    second = program(tmp_path, f"{append}('second'); raise SystemExit(1)", name="second")
    with pytest.raises(PermanentError, match=r"^second: "):
        keep_running([first, second], os.environ, NOWHERE, threading.Event(), prepare=prepare)
    assert order.read_text() == "first prepared second"


def test_preparations_that_fail_stop_what_runs_already(tmp_path: Path) -> None:
    first = program(tmp_path, "import signal; signal.pause()")
    second = program(tmp_path, "", name="second")

    def prepare() -> None:
        raise PermanentError("storage: is broken; repair it")

    with pytest.raises(PermanentError, match=r"^storage: is broken"):
        keep_running([first, second], os.environ, NOWHERE, threading.Event(), prepare=prepare)
    assert not second.log.exists()


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    missing = Program(name="missing", arguments=["/no/such/program"], log=tmp_path / "missing.log")
    with pytest.raises(PermanentError, match=r"^missing: ended with exit code 1 \(FileNotFoundError: "):
        keep_running([missing], os.environ, NOWHERE, threading.Event())


def test_the_storage_of_dagster_is_ready_before_its_programs_start(home: Path, empty_url: str) -> None:
    """Two programs that make the same tables at once fail, and the very first `up` with them."""
    settings = load_settings()
    prepare_dagster_home(settings)
    urls = Urls(tutordex=empty_url, dagster=empty_url)
    environment = {**os.environ, **dagster_environment(settings, urls)}
    prepare_dagster_storage(environment, home / "logs")
    with connect(empty_url) as connection:
        tables = connection.execute(
            "SELECT to_regclass('runs')::text, to_regclass('instigators')::text"
        ).fetchone()
    assert tables == ("runs", "instigators")
