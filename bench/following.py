"""How long a new post takes to its row and to its assignment, with the real programs and a loopback Telegram.

    python bench/following.py [--pushed 100] [--posts 80] [--minutes 4]

Three ways to follow three channels, one after the other on one database: `tutordex tail` alone, with
`--pushed` posts within a minute; `tutordex up`, whose sensor asks every TAIL_CHECK_INTERVAL_SECONDS (the
default); and the two side by side. The last two get `--posts` posts each within `--minutes`. Posts come at
random times; every 20 ms the database is asked for what came of them. Targets at the 95th percentile: a row
within 1 s where posts are pushed and within one interval of the sensor where not, an assignment within 30 s.
"""

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import LiteralString

import telegram_world  # noqa: F401 - `tests` is found once this is imported

from tests.acceptance.harness import POST, TUTORDEX, System, free_port, settings_of, wait_for
from tests.acceptance.life import stored_differs
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.database import Connection, connect
from tutordex_dagster.store.embedded import start_embedded
from tutordex_dagster.windows import HOUR, utc_now

NAMES = ("alpha_agency", "beta_agency", "gamma_agency")
PUSHED_SECONDS, ASSIGNMENT_SECONDS = 1.0, 30.0
TICK_SECONDS = float(Settings.model_fields["tail_check_interval_seconds"].default)
LOOK_SECONDS, GIVE_UP_SECONDS = 0.02, 120.0

FOUND: Mapping[str, LiteralString] = {
    "row": "SELECT channel_id, message_id FROM telegram_messages_raw WHERE message_id = ANY(%s)",
    "assignment": "SELECT channel_id, message_id FROM assignments WHERE message_id = ANY(%s)",
}
FOLLOWING = """
SELECT true FROM heartbeats WHERE component = 'tail' AND detail->>'state' = 'following' AND holder LIKE %s
"""
ASKED = "SELECT true FROM channels HAVING count(*) = %s AND min(cursor_at) > %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A Telegram with these channels (ids by name), and one home folder whose programs follow them."""

    telegram: LoopbackTelegram
    channels: Mapping[str, int]
    system: System
    database: Connection
    random: Random


@dataclass(slots=True, kw_only=True)
class Waiting:
    """Posts (channel and message) whose row or assignment is not there yet, by when they were posted."""

    posts: dict[tuple[int, int], float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def look(self, database: Connection, query: LiteralString) -> None:
        """Note the seconds of each that has come."""
        if self.posts:
            found = database.execute(query, [[message_id for _, message_id in self.posts]]).fetchall()
            now = time.monotonic()
            self.took += [now - self.posts.pop(key) for key in found if key in self.posts]

    def seconds(self) -> list[float]:
        """Return the seconds of all in order; what never came took for ever."""
        return sorted(self.took) + [math.inf] * len(self.posts)


def main() -> None:
    """Follow in every way, print, and exit with 1 when a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pushed", type=int, default=100)
    parser.add_argument("--posts", type=int, default=80)
    parser.add_argument("--minutes", type=float, default=4)
    options = parser.parse_args()
    spread = 60 * options.minutes
    with world() as made:
        with service(made):
            alone = follow(made, options.pushed, 60, {"row": PUSHED_SECONDS}, "`tutordex tail`")
        with up(made):
            by_sensor = {"row": TICK_SECONDS, "assignment": ASSIGNMENT_SECONDS}
            asking = follow(made, options.posts, spread, by_sensor, "`tutordex up`")
            with service(made):
                pushed = {"row": PUSHED_SECONDS, "assignment": ASSIGNMENT_SECONDS}
                both = follow(made, options.posts, spread, pushed, "`tutordex tail` beside `tutordex up`")
    sys.exit(not (alone and asking and both))


@contextmanager
def world() -> Iterator[World]:
    """Open three channels with some history, and make the databases."""
    with ExitStack() as stack:
        folder = Path(mkdtemp(prefix="tutordex-bench-"))
        stack.callback(rmtree, folder, ignore_errors=True)
        telegram = stack.enter_context(LoopbackTelegram())
        channels = {name: telegram.channel(name) for name in NAMES}
        for name in NAMES:
            telegram.fill(name, 30, utc_now() - 2.5 * HOUR, HOUR / 12)
        settings = {
            "TELEGRAM_API_ID": "1",
            "TELEGRAM_API_HASH": "0" * 32,
            "SESSION_STRING": telegram.session_string(0),
            "SESSION_STRING_RECOVERY": telegram.session_string(1),
            "CHANNEL_LIST": ",".join(f"@{name}" for name in NAMES),
            "INITIAL_HISTORY_HOURS": "3",
        }
        system = System(folder=folder, port=free_port(), settings=settings_of(folder, settings))
        server = start_embedded(system.home / "postgres")
        stack.callback(server.stop)
        system.run("db", "migrate")
        database = stack.enter_context(connect(server.url("tutordex"), autocommit=True))
        yield World(
            telegram=telegram,
            channels=channels,
            system=system,
            database=database,
            random=Random(1),  # noqa: S311 - nobody has to be surprised
        )


@contextmanager
def service(made: World) -> Iterator[None]:
    """Run `tutordex tail`; enters once it has asked every channel."""
    with (made.system.folder / "tail.out").open("ab") as out:
        program = subprocess.Popen([TUTORDEX, "tail"], env=made.system.environment(), stdout=out, stderr=out)
    began, mine = utc_now(), [f"%:{program.pid}"]
    try:
        wait_for("the service", lambda: made.database.execute(FOLLOWING, mine).fetchone())
        wait_until_asked(made, began)
        yield
    finally:
        program.terminate()
        program.wait(30)


@contextmanager
def up(made: World) -> Iterator[None]:
    """Run `tutordex up`; enters once history is read and the sensor has asked every channel."""
    began, system = utc_now(), made.system
    try:
        system.start()
        read = lambda: stored_differs(system, made.telegram, NAMES) is None  # noqa: E731
        wait_for("the history", read, seconds=180)
        wait_until_asked(made, began)
        yield
    finally:
        system.stop()


def wait_until_asked(made: World, since: datetime) -> None:
    """Return once every channel is known and was asked what happened."""
    asked = [len(NAMES), since]
    wait_for("all channels", lambda: made.database.execute(ASKED, asked).fetchone())


def follow(made: World, posts: int, seconds: float, targets: Mapping[str, float], who: str) -> bool:
    """Post at random times and wait for all that comes of it; return whether the targets were met."""
    waiting = {what: Waiting() for what in targets}
    began = time.monotonic()
    due = sorted((began + made.random.uniform(0, seconds) for _ in range(posts)), reverse=True)
    give_up = began + seconds + GIVE_UP_SECONDS
    while (due or any(each.posts for each in waiting.values())) and time.monotonic() < give_up:
        looked = time.monotonic()
        if due and due[-1] <= looked:
            due.pop()
            post(made, waiting.values())
        for what, each in waiting.items():
            each.look(made.database, FOUND[what])
        time.sleep(max(0.0, looked + LOOK_SECONDS - time.monotonic()))
    print(f"{who}: {posts} posts within {seconds:.0f} s")
    met = [told(what, waiting[what].seconds(), target) for what, target in targets.items()]
    return all(met)


def post(made: World, waiting: Iterable[Waiting]) -> None:
    """Publish an assignment in one of the channels; everyone waits for what comes of it."""
    name, posted = made.random.choice(NAMES), time.monotonic()
    message_id = made.telegram.post(name, POST.format(code=f"B{made.random.getrandbits(40):012x}", place=1))
    for each in waiting:
        each.posts[made.channels[name], message_id] = posted


def told(what: str, seconds: Sequence[float], target: float) -> bool:
    """Print how long it took; return whether the target was met."""
    middle, slow = (seconds[math.ceil(share * len(seconds)) - 1] for share in (0.5, 0.95))
    print(
        f"  post → {what:10} p50 {middle:.2f} s, p95 {slow:.2f} s, max {seconds[-1]:.2f} s"
        f" (target p95 below {target:.0f} s)"
    )
    return slow < target


if __name__ == "__main__":
    main()
