"""A Telegram in a process of its own, and services that read it, for the benchmarks of capture."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tutordex_dagster.resources.databases import database_urls
from tutordex_dagster.resources.feed import forget_warm_session
from tutordex_dagster.resources.services import Services, open_services
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.migrate import ensure_database, migrate

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT))  # whoever imports this module first finds the loopback Telegram in `tests`


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the server said when it was ready: session string, channel names, the messages' [start, end)."""

    session: str
    channels: list[str]
    start: str
    end: str


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """Run the loopback server with these options of its command line."""
    command = [sys.executable, "-m", "tests.mtproto.serve", *options]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        ready = json.loads(server.stdout.readline())
        yield Served(**{name: ready[name] for name in ("session", "channels", "start", "end")})
        server.stdin.close()


@contextmanager
def services_reading(server: Served, **settings: Any) -> Iterator[Services]:  # noqa: ANN401 - as Settings takes them
    """Open services on a new embedded database that follow every channel of the server."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="tutordex-bench-", ignore_cleanup_errors=True))
        values = Settings(
            _env_file=None,
            tutordex_home=Path(folder),
            tutordex_recorded_channels=Path(folder),
            telegram_api_id=1,
            telegram_api_hash="0" * 32,
            session_string=server.session,
            channel_list=",".join(server.channels),
            **settings,
        )
        ensure_database(database_urls(values).tutordex)
        services = stack.enter_context(open_services(values))
        migrate(services.database)
        stack.callback(forget_warm_session)
        yield services
