"""Programs that die: when they are started again, and when that is given up."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import TypeVar

import pytest

from tutordex_dagster.errors import PermanentError
from tutordex_dagster.operations.processes import Program, stop_all
from tutordex_dagster.operations.supervision import Restarts, Supervised

DIES = "print('the reason'); raise SystemExit(3)"
LASTS = "import signal; signal.pause()"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


Start = Callable[..., Supervised]
Seen = TypeVar("Seen")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(tmp_path: Path, clock: Clock) -> Iterator[Start]:
    """Give a function that supervises a Python program, whose processes are gone after the test."""
    started: list[Supervised] = []

    def supervise(code: str, *, max_restarts: int = 2) -> Supervised:
        program = Program(name="daemon", arguments=[sys.executable, "-c", code], log=tmp_path / "daemon.log")
        started.append(Supervised(program, os.environ, max_restarts=max_restarts, monotonic=clock))
        return started[-1]

    yield supervise
    stop_all([child for each in started for child in each.children], grace_seconds=0.5)


def news(supervised: Supervised) -> str:
    """Look until there is something to tell."""
    return until(supervised.look)


def until(look: Callable[[], Seen | None]) -> Seen:
    """Return what there is to see; a test that gets here late fails instead of hanging."""
    deadline = monotonic() + 10
    while not (seen := look()):
        assert monotonic() < deadline, "waited too long"
    return seen


def test_the_pauses_double_up_to_five_minutes() -> None:
    restarts = Restarts(limit=8)
    assert [restarts.pause_after(1) for _ in range(9)] == [5, 10, 20, 40, 80, 160, 300, 300, None]


def test_a_program_that_lived_a_minute_is_counted_anew() -> None:
    restarts = Restarts(limit=1)
    assert [restarts.pause_after(lived) for lived in (1, 60, 61, 59)] == [5, 5, 5, None]


def test_a_program_that_dies_is_named_with_its_last_words_and_started_again(
    start: Start, clock: Clock
) -> None:
    daemon = start(DIES)
    line = news(daemon)
    assert line.startswith("daemon: ended with exit code 3 (the reason); read ")
    assert line.endswith("daemon.log. It starts again in 5 s.")
    clock.seconds += 4.9
    assert daemon.look() is None
    clock.seconds += 0.2
    assert daemon.look() == "daemon: started again"
    assert news(daemon).endswith("It starts again in 10 s.")


def test_a_program_that_dies_too_often_ends_it_all(start: Start, clock: Clock) -> None:
    daemon = start(DIES, max_restarts=1)
    news(daemon)
    clock.seconds += 5
    news(daemon)
    with pytest.raises(PermanentError, match=r"^daemon: ended with exit code 3 .*, then start again$"):
        news(daemon)


def test_a_program_that_lives_is_left_alone(start: Start, clock: Clock) -> None:
    daemon = start(LASTS)
    clock.seconds += 1000
    assert daemon.look() is None
    assert len(daemon.children) == 1


def test_what_a_dead_program_started_is_kept_in_sight_until_it_is_gone(start: Start, clock: Clock) -> None:
    """A run whose code server was killed goes on; `up` must still stop it when it ends itself."""
    daemon = start("import subprocess; subprocess.Popen(['sleep', '300'])", max_restarts=5)
    first = daemon.children[0]
    news(daemon)
    clock.seconds += 5
    news(daemon)
    assert first in daemon.children
    assert first.signal_group(signal.SIGKILL)
    until(first.group_is_gone)
    news(daemon)
    clock.seconds += 10
    news(daemon)
    assert first not in daemon.children
