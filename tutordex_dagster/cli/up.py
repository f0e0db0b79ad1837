"""`tutordex up`: one command from nothing to a running system, and one Ctrl-C back."""

import os
import shutil
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from urllib.error import URLError

import click
from rich.markup import escape
from rich.panel import Panel

from tutordex_dagster.cli.console import say, stdout
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.operations.exclusive import only_one, require_free_port
from tutordex_dagster.operations.processes import Child, Program, stop_all
from tutordex_dagster.operations.stopping import stop_signals
from tutordex_dagster.operations.supervision import Supervised, ended
from tutordex_dagster.settings import PROJECT

if TYPE_CHECKING:
    from tutordex_dagster.resources.databases import Urls
    from tutordex_dagster.settings import Settings

_LOOK_SECONDS = 0.25
_ANSWER_SECONDS = 2.0
_STORAGE_SECONDS = 120.0  # seconds at most; a new Dagster release may have to change large tables

FIRST_FILL = "first fill"


@click.command()
@click.option("--host", help="Address the UI listens on. Default: TUTORDEX_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the UI. Default: TUTORDEX_PORT.")
@click.option("--browser/--no-browser", default=False, help="Open the UI in a browser once it answers.")
def up(host: str | None, port: int | None, *, browser: bool) -> None:
    """Start everything on this machine and keep it running until Ctrl-C.

    Database (embedded unless TUTORDEX_DATABASE_URL is set), Dagster UI and automation; the first time, the
    last days of every channel are read and extracted. The next start continues where this one ended.
    """
    from tutordex_dagster.cli.code_server import code_server
    from tutordex_dagster.cli.environment import dagster_environment
    from tutordex_dagster.settings import load_settings

    settings = load_settings()
    host, port = host or settings.tutordex_host, port or settings.tutordex_port
    with stop_signals() as stop, only_one(settings.tutordex_home):
        require_free_port(host, port)
        urls = _prepare(settings)
        environment = {**os.environ, **dagster_environment(settings, urls)}
        logs, url = settings.tutordex_home / "logs", f"http://{host}:{port}"
        stdout().print(_welcome(url, logs))
        with code_server(settings, logs) as code:
            keep_running(
                [code.program, *_programs(logs, host, port, code.workspace)],
                environment,
                url,
                stop,
                max_restarts=settings.max_restarts,
                prepare=partial(prepare_dagster_storage, environment, logs),
                on_answer=partial(webbrowser.open, url) if browser else lambda: None,
            )


def _prepare(settings: "Settings") -> "Urls":
    """Make databases, tables, channels and Dagster's folder ready; all of it may exist already."""
    from tutordex_dagster.cli.environment import prepare_dagster_home
    from tutordex_dagster.resources.channels import sync_channels
    from tutordex_dagster.resources.databases import database_urls
    from tutordex_dagster.resources.pipelines import load_versions
    from tutordex_dagster.resources.services import check_setting, open_services
    from tutordex_dagster.store.migrate import ensure_database, migrate

    pipelines = load_versions(settings)
    check_setting(pipelines, settings)
    urls = database_urls(settings)
    ensure_database(urls.tutordex)
    ensure_database(urls.dagster)
    with open_services(settings) as services:
        migrate(services.database)
        for spec in (services.live, *pipelines):  # the live one may have lost its file
            services.registered(spec)
        for reference, reason in sync_channels(services).waiting.items():
            say(f"{reference} waits: {reason}")
    prepare_dagster_home(settings)
    return urls


def prepare_dagster_storage(environment: Mapping[str, str], logs: Path) -> None:
    """Make Dagster's own tables, or bring them up to date; raises PermanentError when that fails."""
    migrate = [sys.executable, "-m", "dagster", "instance", "migrate"]
    program = Program(name="Dagster storage", arguments=migrate, log=logs / "storage.log")
    child = Child(program, environment)
    if child.wait(_STORAGE_SECONDS) == 0:
        return
    stop_all([child])
    raise PermanentError(
        f"{program.name}: could not be prepared ({child.last_line()}); read {program.log}, then start again"
    )


def keep_running(
    programs: Sequence[Program],
    environment: Mapping[str, str],
    url: str,
    stop: Event,
    *,
    max_restarts: int = 0,
    prepare: Callable[[], object] = lambda: None,
    on_answer: Callable[[], object] = lambda: None,
) -> None:
    """Start the programs, keep them running until told to stop, and stop all of them however it ends.

    `prepare` is called while the first program starts, before the others do; `on_answer` once, when the UI at
    the URL answers. Raises PermanentError when a program died more than `max_restarts` times in a row.
    """
    running: list[Supervised] = []
    try:
        for number, program in enumerate(programs):
            running.append(Supervised(program, environment, max_restarts=max_restarts))
            if number == 0:
                prepare()
        _watch(running, url, stop, on_answer)
    finally:
        try:
            say("Stopping …")
        finally:  # also when nobody can be told
            stop_all([child for each in running for child in each.children])
    say("Stopped. `make up` continues from here.")


def _programs(logs: Path, host: str, port: int, workspace: Path) -> Sequence[Program]:
    python = sys.executable
    ui = [python, "-m", "dagster_webserver", "-h", host, "-p", str(port), "-w", str(workspace)]
    return (
        Program(name="Dagster UI", arguments=ui, log=logs / "webserver.log"),
        Program(
            name=FIRST_FILL,
            arguments=[python, "-m", "tutordex_dagster.cli.first_fill"],
            log=logs / "first_fill.log",
            speaks=True,
        ),
        Program(
            name="Dagster daemon",
            arguments=[python, "-m", "dagster._daemon", "run", "-w", str(workspace)],
            log=logs / "daemon.log",
        ),
    )


def _watch(running: Sequence[Supervised], url: str, stop: Event, on_answer: Callable[[], object]) -> None:
    began, answered = time.monotonic(), False
    fill = next((each.children[-1] for each in running if each.program.name == FIRST_FILL), None)
    lasting = [each for each in running if each.program.name != FIRST_FILL]
    while not stop.wait(_LOOK_SECONDS):
        if fill and fill.exit_code() is not None:
            _note_filled(fill)
            fill = None
        for line in filter(None, [each.look() for each in lasting]):
            say(line)
        if not answered and (answered := _answers(f"{url}/server_info")):
            stdout().print(f"The UI answers at {escape(url)} [dim]({time.monotonic() - began:.0f} s)[/dim]")
            on_answer()


def _note_filled(fill: Child) -> None:
    """Name a first fill that failed; the sensors read what it left."""
    if fill.exit_code() != 0:
        say(f"{ended(fill)}. The sensors read the rest.")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS):  # noqa: S310 - our own http address
            return True
    except (URLError, TimeoutError, ConnectionError):
        return False


def _welcome(url: str, logs: Path) -> Panel:
    shown = logs.relative_to(PROJECT) if logs.is_relative_to(PROJECT) else logs
    tutordex = escape("tutordex" if shutil.which("tutordex") else os.path.relpath(sys.argv[0]))
    return Panel(
        f"[bold]{escape(url)}[/bold]  the Dagster UI (in a few seconds)\n\n"
        "What to look at:\n"
        "  Assets → raw_messages         channels × hours; select a rectangle and materialize it\n"
        "  Assets → extractions/rules    the same grid, one asset per pipeline version\n"
        "  Assets → assignments          what the live version found; its checks beside it\n"
        "  Runs                          what is running now\n\n"
        "In another terminal:\n"
        f"  [bold]{tutordex} status[/bold]\n"
        f"  [bold]{tutordex} import result.json --channel t.me/X[/bold]\n"
        f"Logs: {escape(str(shown))}    Ctrl-C stops everything.",
        title="TutorDex",
        expand=False,
    )
