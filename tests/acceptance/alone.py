"""`tutordex tail` as a process between a loopback Telegram and a Postgres that may both go away."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import psycopg

from tests.acceptance.following import API_HASH, equal, going_on
from tests.acceptance.harness import TUTORDEX, wait_for
from tests.acceptance.life import Life, broken_promises, stored_differs
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.capture.contract import ChannelInfo
from tutordex_dagster.store.channels import Channels
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.embedded import EmbeddedServer, start_embedded
from tutordex_dagster.windows import hour_of, utc_now

JOINED = ("alpha_agency", "beta_agency")
ASKED = "gamma_agency"
"""A channel that was not joined: it is asked every five seconds, and pushes nothing."""

NAMES = (*JOINED, ASKED)
PACE = 0.03
"""Seconds between two events of life."""

SOAK = "TUTORDEX_SOAK" in os.environ
OUTAGE_SECONDS = 30.0 if SOAK else 3.0
SETTLE_SECONDS = 60.0
STOP_SECONDS = 25.0
FOLLOWED = "SELECT count(*) FROM channels WHERE cursor IS NOT NULL"
UNSAFE = {"fsync": "off"}
"""The machine does not crash; and stopping a server that is sure of its files takes seconds."""

QUICK = {
    "TELEGRAM_ANSWER_SECS": "1",
    "TELEGRAM_HISTORY_CALLS_PER_30S": "1000",
    "SESSION_LEASE_SECS": "3",
    "TAIL_CHECK_INTERVAL_SECONDS": "5",
    "HEARTBEAT_SECS": "1",
    "CONNECTION_CHECK_SECS": "1",
    "CIRCUIT_BREAKER_OPEN_TIMEOUT_SECONDS": "1",
    "BACKOFF_MAX_SECONDS": "1",
}


@dataclass(kw_only=True)
class Tail:
    """A process of `tutordex tail` and the file that gets what it says."""

    process: subprocess.Popen[bytes]
    out: Path

    def said(self) -> str:
        """Return what it has said; fails when it has ended."""
        text = self.out.read_text()
        assert self.process.poll() is None, text
        return text

    def follows(self) -> bool:
        """Tell whether it has asked every channel once."""
        return "event=heartbeat" in self.said()

    def ended(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        """Stop it as systemd and Docker do; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()


@dataclass(kw_only=True)
class Alone:
    """Telegram and database, and every service that was started between them, the present one last."""

    folder: Path
    telegram: LoopbackTelegram
    server: EmbeddedServer
    tails: list[Tail] = field(default_factory=list)

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask our database."""
        with psycopg.connect(self._url) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def environment(self, session: str | None = None) -> dict[str, str]:
        """Return what a command sees, with this session or that of account 0."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV_CORE_")}
        return {
            **inherited,
            **QUICK,
            "TUTORDEX_HOME": str(self.folder / "home"),
            "TUTORDEX_RECORDED_CHANNELS": str(self.folder / "recordings"),
            "TUTORDEX_DATABASE_URL": self._url,
            "TELEGRAM_API_ID": "1",
            "TELEGRAM_API_HASH": API_HASH,
            "SESSION_STRING": session or self.telegram.session_string(0),
            "CHANNEL_LIST": ", ".join(f"@{name}" for name in NAMES),
        }

    def run(self, *arguments: str, session: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [TUTORDEX, *arguments],
            env=self.environment(session),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, session: str | None = None) -> Tail:
        """Start a service; do not wait for anything."""
        out = self.folder / f"tail{len(self.tails)}.out"
        with out.open("wb") as file:
            process = subprocess.Popen(
                [TUTORDEX, "tail"], env=self.environment(session), stdout=file, stderr=file
            )
        self.tails.append(Tail(process=process, out=out))
        return self.tails[-1]

    def follow(self) -> Tail:
        """Return the service that runs, or a new one, as soon as it follows."""
        running = [tail for tail in self.tails if tail.process.poll() is None]
        tail = running[0] if running else self.start()
        wait_for("the service to follow", tail.follows)
        return tail

    def stop_database(self) -> None:
        """Stop Postgres under whoever uses it."""
        assert self.server.stop()

    @contextmanager
    def hanging_database(self) -> Iterator[None]:
        """Let Postgres stand still until the block ends: it answers nobody, and refuses nobody."""
        processes = self._database_processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def _database_processes(self) -> list[int]:
        first = int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]

    def start_database(self) -> None:
        """Start Postgres again, at the same place."""
        self.server = start_embedded(self.folder / "postgres", settings=UNSAFE)

    def settled(self, tail: Tail, *, told: bool = True) -> None:
        """Wait until what is stored is what Telegram holds, and check what must hold of this service.

        Not `told` by a push that something is missing, it has to find that out by itself.
        """
        for name in JOINED if told else ():
            self.telegram.post(name, "The end")
        try:
            wait_for("the log", equal(self._differs), seconds=SETTLE_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{self._differs()}\n{tail.out.read_text()[-5000:]}") from error
        assert broken_promises(self, NAMES) == []
        assert self.telegram.most_connections(0) == 1
        assert "event=tail_crashed" not in tail.said(), tail.said()

    def _differs(self) -> str | None:
        return stored_differs(self, self.telegram, NAMES)

    @property
    def _url(self) -> str:
        return self.server.url("tutordex")


@contextmanager
def alone() -> Iterator[Alone]:
    """Give a migrated database and a Telegram whose channels are empty; end every service afterwards."""
    folder = Path(mkdtemp(prefix="tutordex-"))  # not pytest's: PostgreSQL's user may not enter that
    server = start_embedded(folder / "postgres", settings=UNSAFE)
    with LoopbackTelegram() as telegram:
        telegram.habits.diff_too_long = False  # what was too much to tell is the catchup's, which is not here
        made = Alone(folder=folder, telegram=telegram, server=server)
        assert made.run("db", "migrate").returncode == 0
        open_channels(made)
        try:
            # A channel is followed from the hour on in which it was asked first: none may end before that.
            made.follow()
            wait_for("all to be followed", lambda: made.sql(FOLLOWED) == [(len(NAMES),)])
            yield made
        finally:
            for tail in made.tails:
                tail.process.kill()
                tail.process.wait()
    made.server.stop()
    rmtree(folder)


def open_channels(world: Alone) -> None:
    """Open and register every channel: the service by itself looks up two new names a minute."""
    database = Database(world.server.url("tutordex"))
    for name in NAMES:
        channel_id = world.telegram.channel(name, joined=name in JOINED)
        info = ChannelInfo(channel_id=channel_id, reference=f"t.me/{name}", title=name)
        Channels(database).register(info, source="telegram", collect_since=hour_of(utc_now()))
        Channels(database).note_member(channel_id, member=name in JOINED)
    database.close()


@contextmanager
def living(world: Alone, seed: int, names: Sequence[str] = JOINED) -> Iterator[Life]:
    """Let channels live until the block ends; Telegram tells of every second event at most."""
    life = Life(telegram=world.telegram, names=names, seed=seed, told=0.5)
    with going_on(life, PACE):
        lived(life, 10)
        yield life


def lived(life: Life, events: int) -> None:
    """Wait until so many more things have happened."""
    until = life.happened + events
    wait_for(f"{events} events", lambda: life.happened >= until, seconds=60 + 10 * events * PACE)
