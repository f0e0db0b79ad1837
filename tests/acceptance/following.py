"""A whole system that follows agencies of a loopback Telegram, and how to see that nothing was lost."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Event, Thread

import psycopg
import pytest

from tests.acceptance.harness import TUTORDEX, System, free_port, settings_of, wait_for
from tests.acceptance.life import Life, assignments_differ, broken_promises, stored_differs
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.windows import HOUR, utc_now

NAMES = ("alpha_agency", "beta_agency", "gamma_agency")
API_HASH = "c0ffee0canary0hash0c0ffee0c0ffee"
SETTLE_SECONDS = 120.0
HOLDER = "SELECT holder FROM telegram_sessions WHERE name = 'tail' AND lease_expires_at > now()"


@pytest.fixture(scope="module")
def telegram() -> Iterator[LoopbackTelegram]:
    """Give a Telegram with three agencies that have some history."""
    with LoopbackTelegram() as server:
        for name in NAMES:
            server.channel(name)
            server.fill(name, 30, utc_now() - 2.5 * HOUR, HOUR / 12)
        yield server


@pytest.fixture(scope="module")
def system(telegram: LoopbackTelegram) -> Iterator[System]:
    """Give a running system whose following session lies where `tutordex login` puts it."""
    folder = Path(mkdtemp(prefix="tutordex-"))
    settings = {
        "TELEGRAM_API_ID": "1",
        "TELEGRAM_API_HASH": API_HASH,
        "SESSION_STRING_RECOVERY": telegram.session_string(1),
        "CHANNEL_LIST": ", ".join(f"@{name}" for name in NAMES),
        "INITIAL_HISTORY_HOURS": "3",
        "RECOVERY_CATCHUP_CHECK_INTERVAL_SECONDS": "5",
        "TAIL_CHECK_INTERVAL_SECONDS": "5",
        "SESSION_LEASE_SECS": "5",
        "HEARTBEAT_SECS": "2",
        "TELEGRAM_HISTORY_CALLS_PER_30S": "1000",
        "MAX_RESTARTS": "100",
        "EXTRACTION_LEASE_SECS": "10",
    }
    made = System(folder=folder, port=free_port(), settings=settings_of(folder, settings))
    made.home.mkdir()
    (made.home / "tutordex.session").write_text(telegram.session_string(0))
    assert "is signed in already" in made.run("login").stdout
    made.start()
    yield made
    if made.process and made.process.poll() is None:
        made.stop()
    rmtree(folder)


@contextmanager
def tail_service(system: System, name: str = "tail") -> Iterator[subprocess.Popen[bytes]]:
    """Run `tutordex tail` beside the system; what it says goes to the file of that name."""
    with (system.folder / f"{name}.out").open("ab") as out:
        service = subprocess.Popen([TUTORDEX, "tail"], env=system.environment(), stdout=out, stderr=out)
    try:
        yield service
    finally:
        service.terminate()
        service.wait(30)


@contextmanager
def going_on(life: Life, seconds_between: float) -> Iterator[None]:
    """Let life go on in the background until the block ends."""
    over = Event()

    def live() -> None:
        while not over.wait(seconds_between):
            life.event()

    thread = Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def equal(look: Callable[[], str | None]) -> Callable[[], bool]:
    """Turn a search for differences into a look that succeeds when there is none."""
    return lambda: look() is None


def settled(system: System, telegram: LoopbackTelegram, *, seconds: float = SETTLE_SECONDS) -> None:
    """Wait until log and assignments say what Telegram holds; fail with the difference."""
    try:
        wait_for("the log", equal(lambda: stored_differs(system, telegram, NAMES)), seconds=seconds)
        wait_for("assignments", equal(lambda: assignments_differ(system, telegram, NAMES)), seconds=seconds)
    except AssertionError as error:
        found = stored_differs(system, telegram, NAMES) or assignments_differ(system, telegram, NAMES)
        raise AssertionError(found) from error
    assert broken_promises(system, NAMES) == []


def holder(system: System) -> str:
    """Return who holds the following session, as host and process; nothing when nobody does."""
    rows = system.sql(HOLDER)
    return str(rows[0][0]) if rows else ""


def dump(system: System, database: str) -> str:
    """Return every row of every table of a database of this home as text."""
    where = f"postgresql://postgres:@/{database}?host={system.home / 'postgres'}"
    with psycopg.connect(where) as connection:
        tables = connection.execute(
            "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        rows = [row for (name,) in tables for row in connection.execute(f"TABLE {name}".encode()).fetchall()]
    return "\n".join(str(row) for row in rows)
