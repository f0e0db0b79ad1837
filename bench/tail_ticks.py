"""What a look at quiet channels costs: wall time of a tick, and whether memory grows over thousands of them.

    python bench/tail_ticks.py [--ticks 10000] [--channels 50]

A tick holds the session that stayed connected, asks every channel what changed and confirms its cursor. The
loopback server runs in a process of its own. Targets: a tick below 2 s; growth below 60 MB over 10,000 ticks.
"""

import argparse
import sys
import time
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

from telegram_world import served, services_reading

from tutordex_dagster.capture.tail_round import tail_round
from tutordex_dagster.resources.services import Services

TICK_SECONDS, GROWTH_MB = 2.0, 60.0
_WARM_UP = 50


def main() -> None:
    """Tick, print, and exit with 1 when a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ticks", type=int, default=500)
    parser.add_argument("--channels", type=int, default=50)
    options = parser.parse_args()
    with (
        served("--channels", str(options.channels), "--messages", "20") as server,
        services_reading(server, resilience_pacing=False) as services,
    ):
        register_all(services, options.channels)
        for _ in range(_WARM_UP):
            tick(services)
        before, times = resident_mb(), []
        for _ in range(options.ticks):
            began = time.perf_counter()
            assert tick(services) == options.channels
            times.append(time.perf_counter() - began)
        growth = resident_mb() - before
    slow = quantiles(times, n=20)[-1]
    print(f"{options.channels} quiet channels, {options.ticks} ticks")
    print(f"a tick: median {median(times):.3f} s, p95 {slow:.3f} s, max {max(times):.3f} s (p95 below 2 s)")
    print(
        f"resident memory: {before:.0f} MB, grew by {growth:.1f} MB (target {GROWTH_MB} MB over 10,000 ticks)"
    )
    sys.exit(slow > TICK_SECONDS or growth > GROWTH_MB)


def register_all(services: Services, channels: int) -> None:
    """Look up every channel, a few at a time as the tail does."""
    while len(services.channels.all()) < channels:
        with services.tail() as feed:
            feed.sync()


def tick(services: Services) -> int:
    """Follow every channel once, as the sensor does; return how many were reached."""
    with services.tail() as feed:
        done = tail_round(
            feed.channels(),
            feed.source_for,
            log=services.raw_log,
            clock=services.clock,
            enqueue=services.enqueue_for("live"),
            rescan=timedelta(days=1),
            parallel=services.settings.parallelism_max,
            deadline=services.clock() + timedelta(seconds=20),
            tried={},
            on_problem=lambda *_: None,
        )
    return len(done.followed)


def resident_mb() -> float:
    """Return this process's resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
