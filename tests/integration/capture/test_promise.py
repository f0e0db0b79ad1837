"""The promise: whoever reads what when, once everything is covered the log is what the channel is.

Sweeps show the channel as it was when they began and may be stored any time later, in any order. Following
tells what happened since the cursor, and its answers may arrive late. Both logs, the database's and the one
in memory, keep the promise.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.capture.history import EVER, LAST, History, at, histories, swept
from tests.integration.capture.kept import InDatabase, InMemory, Kept
from tutordex_dagster.capture.contract import CaptureBatch
from tutordex_dagster.windows import HOUR, Window

HOURS = list(EVER.hours())
EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


Make = Callable[[], Kept]


@pytest.fixture(params=["memory", "database"])
def make(request: pytest.FixtureRequest) -> Make:
    """Give a maker of empty logs, either kind."""
    if request.param == "memory":
        return InMemory
    database = request.getfixturevalue("database")
    return lambda: InDatabase(database)


@dataclass(frozen=True)
class Sweep:
    """A sweep of so many hours that begins at a tick and is stored so many ticks later."""

    tick: int
    delay: int
    first: int
    hours: int

    @property
    def window(self) -> Window:
        return Window(HOURS[self.first], HOURS[self.first] + self.hours * HOUR)


@dataclass(frozen=True)
class Look:
    """A look of the tail: asked at a tick, answered so many ticks later.

    The answer comes in parts of so many ticks, or (`lost`) the source no longer can tell what happened.
    """

    tick: int
    delay: int
    part: int
    as_of_now: bool
    lost: bool = False


ticks = st.integers(0, LAST)
COVERING = Sweep(tick=3 * LAST, delay=0, first=0, hours=4)
SWEEPS = st.lists(
    st.builds(Sweep, ticks, st.integers(0, 12), st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=6
)
LOOKS = st.lists(st.builds(Look, ticks, st.integers(0, 3), st.integers(1, LAST), st.booleans()), max_size=6)
LOSSES = st.lists(
    st.builds(Look, ticks, st.integers(0, 3), st.integers(1, LAST), st.booleans(), st.booleans()),
    min_size=1,
    max_size=6,
)
FINAL = Look(tick=LAST + 1, delay=1, part=LAST, as_of_now=True)

Timed = tuple[float, Callable[[Kept], CaptureBatch]]
"""A tick, and what is stored then."""


def sweeping(history: History, sweeps: Iterable[Sweep], channel_id: int) -> list[Timed]:
    """Return what sweeps store."""
    return [
        (each.tick + each.delay + 0.5, partial(_known, batch))
        for each in sweeps
        for batch in swept(history, each.tick, each.window, channel_id)
    ]


def following(history: History, looks: Iterable[Look]) -> list[Timed]:
    """Return what a tail stores that has followed from the beginning."""
    found: list[Timed] = []
    cursor, answered = 0, 0.0
    for look in sorted(looks, key=lambda look: look.tick):
        asked = max(look.tick, math.ceil(answered))
        now = min(asked, LAST)
        for until in [now] if look.lost else [*range(cursor + look.part, now, look.part), now]:
            answered = max(answered, asked + look.delay) + 0.01
            found.append((answered, partial(_told, history, look, answered, range(cursor, until))))
            cursor = until
    return found


def _known(batch: CaptureBatch, _kept: Kept) -> CaptureBatch:
    return batch


def _told(history: History, look: Look, answered: float, span: range, kept: Kept) -> CaptureBatch:
    batch = CaptureBatch(
        channel_id=kept.channel_id,
        source="telegram",
        observed_at=at(answered),
        messages=(),
        cursor=span.stop,
    )
    if look.lost:
        last = kept.log.position(kept.channel_id).last_message_id
        newer = [message for number, message in history.state(span.stop).items() if number > last]
        return replace(batch, messages=newer, reread=EVER)
    messages, deleted = history.told(span.start, span.stop, as_of_now=look.as_of_now)
    return replace(batch, messages=messages, deleted=deleted)


def store(kept: Kept, timed: Iterable[Timed]) -> None:
    """Store in the order of time."""
    for tick, make_batch in sorted(timed, key=lambda each: each[0]):
        kept.now = at(tick)
        kept.log.store(make_batch(kept))


def check(kept: Kept, history: History) -> None:
    """Compare with the truth: what lives, what is gone, and no revision that says nothing."""
    latest = {row.message_id: row.content for row in kept.rows()}
    truth = {message_id: message.content_hash() for message_id, message in history.state(LAST).items()}
    assert {message_id: content for message_id, content in latest.items() if content} == truth
    ever = {event.message_id for event in history.events}
    assert latest.keys() <= ever
    for before, after in pairwise(kept.rows()):
        assert before != after, "a revision that repeats the one before it"


@EXAMPLES
@given(history=histories(), sweeps=SWEEPS, looks=LOOKS)
def test_following_to_the_end_ends_in_the_truth_whatever_is_swept_in_between(
    make: Make, history: History, sweeps: list[Sweep], looks: list[Look]
) -> None:
    kept = make()
    followed = following(history, [*looks, FINAL])
    store(kept, [*followed, *sweeping(history, sweeps, kept.channel_id)])
    check(kept, history)
    assert kept.log.position(kept.channel_id).cursor == LAST


@EXAMPLES
@given(history=histories(), sweeps=SWEEPS, looks=LOOKS, stored_at=st.integers(0, LAST + 12))
def test_one_sweep_of_everything_ends_in_the_truth_however_much_older_is_stored_after_it(
    make: Make, history: History, sweeps: list[Sweep], looks: list[Look], stored_at: int
) -> None:
    kept = make()
    everything = [(stored_at, batch) for _, batch in sweeping(history, [COVERING], kept.channel_id)]
    reads = [*sweeping(history, sweeps, kept.channel_id), *everything]
    store(kept, [*following(history, looks), *reads])
    check(kept, history)
    before = kept.rows()
    store(kept, reads)
    assert kept.rows() == before, "stored again, older and newer reads alike change nothing"


@EXAMPLES
@given(history=histories(), sweeps=SWEEPS, looks=LOSSES)
def test_what_a_tail_could_not_learn_is_found_in_the_hours_it_makes_due(
    make: Make, history: History, sweeps: list[Sweep], looks: list[Look]
) -> None:
    """A first read of an hour that is under way during the loss is none that the ledger could make due."""
    kept, never_read = make(), set[datetime]()

    def lose(known: Timed) -> Timed:
        tick, make_batch = known

        def noting(kept: Kept) -> CaptureBatch:
            batch = make_batch(kept)
            if batch.reread:
                never_read.update(set(HOURS) - kept.known())
            return batch

        return tick, noting

    followed = [lose(each) for each in following(history, [*looks, FINAL])]
    store(kept, [*followed, *sweeping(history, sweeps, kept.channel_id)])
    for hour in sorted((set(HOURS) - kept.settled()) | never_read):
        again = Sweep(COVERING.tick, 0, HOURS.index(hour), 1)
        store(kept, sweeping(history, [again], kept.channel_id))
    check(kept, history)
