"""Fifty processes killed, one after the other and at random points, while channels live on (`make soak`)."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from threading import Event, Thread
from time import monotonic

from tests.acceptance.following import NAMES, equal, going_on, settled, system, telegram
from tests.acceptance.harness import TUTORDEX, System, wait_for
from tests.acceptance.life import Life, channel_ids, stored_differs
from tests.acceptance.processes import kill_code_server, kill_daemon, kill_run_worker, kill_tail
from tests.mtproto.loopback import LoopbackTelegram

__all__ = ["system", "telegram"]

KILLS = 50
LONGEST_PAUSE = 8.0
VICTIMS: dict[str, Callable[[System], bool]] = {
    "tail": kill_tail,
    "run worker": kill_run_worker,
    "daemon": kill_daemon,
    "code server": kill_code_server,
}


@contextmanager
def kept_running(system: System) -> Iterator[None]:
    """Start `tutordex tail` and start it again whenever it is gone, as compose or systemd do."""
    over = Event()

    def keep() -> None:
        with (system.folder / "tail.out").open("ab") as out:
            while not over.is_set():
                service = subprocess.Popen(
                    [TUTORDEX, "tail"], env=system.environment(), stdout=out, stderr=out
                )
                while service.poll() is None and not over.wait(0.2):
                    pass
                service.terminate()
                service.wait(30)

    thread = Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_fifty_kills_lose_and_double_nothing(system: System, telegram: LoopbackTelegram) -> None:
    """The loss this prevents: any crash at any moment, of any part."""
    random = Random(50)  # noqa: S311 - a different rhythm every time is not wanted
    killed: Counter[str] = Counter()
    began = monotonic()
    wait_for("the channels", lambda: len(channel_ids(system, NAMES)) == len(NAMES))
    wait_for("history", equal(lambda: stored_differs(system, telegram, NAMES)), seconds=90)
    with kept_running(system), going_on(Life(telegram=telegram, names=NAMES, seed=50), 0.2):
        while killed.total() < KILLS:
            Event().wait(random.uniform(0.5, LONGEST_PAUSE))
            name = random.choice(sorted(VICTIMS))
            wait_for(f"a {name} to kill", lambda: VICTIMS[name](system), seconds=120)  # noqa: B023 - called at once
            killed[name] += 1
    settled(system, telegram, seconds=240)
    lived = sum(len(telegram.truth(name)) for name in NAMES)
    said = f"{dict(killed)} killed in {monotonic() - began:.0f} s, {lived} posts in the end"
    print(f"\n{said}")  # noqa: T201 - the soak states its time
