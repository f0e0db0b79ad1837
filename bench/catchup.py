"""How much of what Telegram allows is used for reading history, and what reading two channels at once gains.

    python bench/catchup.py [--seconds 135] [--rounds 5]

Pacing: a server that serves ten pages of history in any 30 seconds and refuses more with a flood wait. One
long history is read with the default settings for `--seconds`, and on from there for a minute by a second
process, which knows only what the first left in Postgres. The share is the time that ten pages should take
against the time they took, from the first page on; a perfect pacer provokes no flood wait. Targets: a share
of 90 %, and flood waits for at most 5 % of the calls.

Parallelism: the same day of 8 channels, 50 ms from every question to its answer, read as a run reads it with
PARALLELISM_MAX 1 and 2 in turns, without pacing. Every read is of a day nobody has read before. Target: the
median of two at once takes at most 0.6 of the median of one after the other.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing import get_context
from statistics import median

from tail_ticks import register_all
from telegram_world import Served, served, services_reading
from telethon.tl.functions.messages import GetHistoryRequest

from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.assets.reading import Order, read_channels
from tutordex_dagster.capture.contract import Message
from tutordex_dagster.resources.services import open_services
from tutordex_dagster.settings import Settings
from tutordex_dagster.windows import Window

SHARE, FLOODS, RATIO = 0.9, 0.05, 0.6
CALLS, SECONDS = 10, 30.0
SECOND_PROCESS_SECONDS = 60.0
PAGE = 100
NAME = "long_history"
START, STEP = datetime(2025, 1, 1, tzinfo=UTC), timedelta(seconds=10)
CHANNELS, LATENCY_MS = 8, 50
DAY, MINUTES_A_DAY = timedelta(days=1), 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a process read: when each page came, monotonic, and when the newest message was posted."""

    pages: Sequence[float]
    newest_at: datetime


def main() -> None:
    """Measure both, print, and exit with 1 when a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=135)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    paced = pacing(options.seconds)
    parallel = parallelism(options.rounds)
    sys.exit(not (paced and parallel))


def pacing(seconds: float) -> bool:
    """Read in two processes, one after the other; return whether both targets were met."""
    pages = int((seconds + SECOND_PROCESS_SECONDS + 3 * SECONDS) / SECONDS * CALLS)
    history = Window(START, START + pages * PAGE * STEP)
    with LoopbackTelegram() as telegram:
        telegram.channel(NAME)
        telegram.fill(NAME, pages * PAGE, START, STEP)
        telegram.flood(GetHistoryRequest, CALLS, SECONDS)
        with services_reading(place(telegram, history)) as services:
            register_all(services, 1)
            first = in_process(services.settings, history, seconds)
            asked = telegram.count(GetHistoryRequest.__name__)
            rest = Window(first.newest_at + STEP, history.until)
            second = in_process(services.settings, rest, SECOND_PROCESS_SECONDS)
        asked_in_all = telegram.count(GetHistoryRequest.__name__)
    print(f"a server that serves {CALLS} pages in any {SECONDS:.0f} s, read with the default settings")
    met = [
        told("one process", first.pages, asked),
        told("a second one", second.pages, asked_in_all - asked),
        told("both together", [*first.pages, *second.pages], asked_in_all),
    ]
    return all(met)


def place(telegram: LoopbackTelegram, history: Window) -> Served:
    """Describe a server of this process as one that runs on its own does."""
    return Served(
        session=telegram.session_string(),
        channels=[NAME],
        start=history.since.isoformat(),
        end=history.until.isoformat(),
    )


def in_process(settings: Settings, window: Window, seconds: float) -> Read:
    """Read in a new process and return once it has ended."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(read_for, settings, window, seconds).result()


def read_for(settings: Settings, window: Window, seconds: float) -> Read:
    """Read the only channel for so long, and whole pages."""
    pages, newest_at, until = [], window.since, time.monotonic() + seconds
    with open_services(settings) as services:
        (channel,) = services.channels.all()
        for number, message in enumerate(services.source_for(channel).read(window)):
            assert isinstance(message, Message)
            newest_at = message.posted_at
            if number % PAGE == 0:
                pages.append(time.monotonic())
            if number % PAGE == PAGE - 1 and time.monotonic() > until:
                break
    return Read(pages=pages, newest_at=newest_at)


def told(who: str, pages: Sequence[float], asked: int) -> bool:
    """Print how a reader kept to the limit; return whether it met the targets."""
    floods = asked - len(pages)
    windows = (len(pages) - 1) // CALLS
    took = pages[windows * CALLS] - pages[0]
    share = windows * SECONDS / took
    print(
        f"  {who:14} {len(pages):4} pages, {windows} times {CALLS} in {took:.1f} s: {share:.1%} of what is"
        f" allowed (target {SHARE:.0%}); {floods} flood waits (at most {FLOODS:.0%} of the calls, perfect 0)"
    )
    return share >= SHARE and floods <= FLOODS * asked


def parallelism(rounds: int) -> bool:
    """Read days one channel at a time and two at a time in turns; return whether the target was met."""
    times: dict[int, list[float]] = {1: [], 2: []}
    with (
        served(
            *("--channels", str(CHANNELS), "--messages", str(2 * rounds * MINUTES_A_DAY)),
            *("--step-seconds", "60", "--latency-ms", str(LATENCY_MS)),
        ) as server,
        services_reading(server, resilience_pacing=False) as services,
    ):
        register_all(services, CHANNELS)
        days = (datetime.fromisoformat(server.start) + number * DAY for number in count())
        for number in range(rounds):
            for parallel in (1, 2) if number % 2 else (2, 1):
                day = next(days)
                times[parallel].append(seconds_to_read(services.settings, parallel, Window(day, day + DAY)))
    ratio = median(times[2]) / median(times[1])
    print(
        f"{CHANNELS} channels, {LATENCY_MS} ms an answer, {MINUTES_A_DAY} messages each, medians of {rounds}"
    )
    print(f"  one at a time {median(times[1]):.2f} s, two at a time {median(times[2]):.2f} s")
    print(f"  ratio {ratio:.2f} (target {RATIO})")
    return ratio <= RATIO


def seconds_to_read(settings: Settings, parallel: int, window: Window) -> float:
    """Read the window of every channel as a run does; connecting is not counted."""
    with open_services(settings.model_copy(update={"parallelism_max": parallel})) as services:
        channels = services.channels.all()
        services.source_for(channels[0])
        began = time.perf_counter()
        parts = list(read_channels(services, [(each, [window]) for each in channels], Order(lane="catchup")))
        took = time.perf_counter() - began
    assert [part.failed for part in parts] == [{}] * len(channels)
    assert sum(part.swept.messages for part in parts if part.swept) == len(channels) * MINUTES_A_DAY
    return took


if __name__ == "__main__":
    main()
