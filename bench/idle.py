"""What a system with nothing to do costs: processor time and connections while `tutordex up` stands by.

    python bench/idle.py

The demo's channels go on posting, so the tail, sealing and extraction do their small work. Prints processor
time by process, in percent of one core, and how many connections a second were opened to the databases.
Target: 12 % of a core, all together.
"""

import os
import sys
import time
from pathlib import Path

import psycopg
from running import running

SECONDS, SETTLING = 120, 30
TARGET = 0.12
NAMES = {
    "postgres": "PostgreSQL",
    "dagster._daemon": "daemon",
    "dagster api grpc": "code server, sensors",
    "dagster_webserver": "web server",
}
OTHERS = "runs and `up` itself"


def main() -> None:
    """Start, wait until the first fill is over, measure; exit code 1 when the target is missed."""
    with running() as up:
        up.said("First fill:")
        time.sleep(SETTLING)
        before, opened = seconds(up.home), sessions(up.home)
        time.sleep(SECONDS)
        after, opened = seconds(up.home), sessions(up.home) - opened
    shares = {name: (after[name] - before.get(name, 0)) / SECONDS for name in after}
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        print(f"{name:24} {share:6.1%} of a core")
    whole = sum(shares.values())
    print(f"{'all':24} {whole:6.1%} of a core (target {TARGET:.0%})")
    print(f"{opened / SECONDS:.1f} connections opened a second")
    sys.exit(whole > TARGET)


def seconds(home: Path) -> dict[str, float]:
    """Return the processor time of this home's processes until now, with that of children that ended."""
    ticks = os.sysconf("SC_CLK_TCK")
    found: dict[str, float] = {}
    for process in Path("/proc").iterdir():
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            ours = str(home) in line or os.fsencode(home) in (process / "environ").read_bytes()
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # no process, ended while we looked, or another user's
        if ours:
            name = next((name for mark, name in NAMES.items() if mark in line), OTHERS)
            found[name] = found.get(name, 0) + sum(map(int, fields[11:15])) / ticks
    return found


def sessions(home: Path) -> int:
    """Return how many connections were opened to all databases of this home until now."""
    where = f"postgresql://postgres:@/postgres?host={home / 'postgres'}"
    with psycopg.connect(where) as connection:
        row = connection.execute("SELECT sum(sessions)::bigint FROM pg_stat_database").fetchone()
        assert row
        return int(row[0])


if __name__ == "__main__":
    main()
