"""After any faults of source, process and pushes, the log shows what the channel shows."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from typing_extensions import override

from tests.unit.capture.channel_model import (
    ID,
    START,
    Away,
    Crash,
    Held,
    away,
    followed_world,
    follows,
    gets,
    sweeps,
    texts,
    truth,
)
from tutordex_dagster.windows import HOUR, Window, hour_of, hour_window

_ACTS = st.sampled_from(["post", "edit", "delete", "begin", "end", "sweep", "fail"])


class TailMachine(RuleBasedStateMachine):
    """A channel lives, is followed, pushed and swept with every kind of fault."""

    def __init__(self) -> None:
        super().__init__()
        self.world, self.log = followed_world(posts=4)
        self.held = Held()
        self.demanded: set[datetime] = set()

    @rule(seconds=st.sampled_from([0, 1, 600]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    @rule()
    def hours_end_and_are_sealed(self) -> None:
        self.world.now += HOUR
        for hour in self._due() - self.demanded - {hour_of(self.world.now)}:
            sweeps(self.world, self.log.memory, hour_window(hour))

    @rule(count=st.integers(1, 5))
    def posts_come(self, count: int) -> None:
        for _ in range(count):
            self.world.post()

    @rule(number=st.integers(0, 50))
    def an_edit(self, number: int) -> None:
        if self.world.messages:
            self.world.edit(self._one(number))

    @rule(number=st.integers(0, 50))
    def a_deletion(self, number: int) -> None:
        if self.world.messages:
            self.world.delete(self._one(number))

    @rule(number=st.integers(0, 50))
    def a_message_that_cannot_be_read(self, number: int) -> None:
        if self.world.messages:
            self.world.garbled ^= {self._one(number)}

    @rule()
    def the_source_forgets(self) -> None:
        self.world.forgotten = len(self.world.events)

    @rule(
        plan=st.lists(st.lists(st.tuples(_ACTS, st.integers(0, 50)), max_size=3), max_size=4),
        crash=st.none() | st.tuples(st.integers(0, 3), st.booleans()),
        hurried=st.booleans(),
    )
    def it_is_followed(
        self, plan: Sequence[Sequence[tuple[str, int]]], crash: tuple[int, bool] | None, *, hurried: bool
    ) -> None:
        self.log.crash = crash
        with suppress(Away, Crash):
            follows(
                self.world,
                self.log,
                *(partial(self._interrupt, acts) for acts in plan),
                should_stop=lambda: hurried,
            )
        self.log.crash = None
        self._note_demands()

    @precondition(lambda self: self.world.pushes)
    @rule(
        lost=st.lists(st.booleans(), min_size=1, max_size=5),
        crash=st.none() | st.tuples(st.integers(0, 1), st.booleans()),
    )
    def pushes_arrive(self, lost: list[bool], crash: tuple[int, bool] | None) -> None:
        arrived, self.world.pushes = self.world.pushes[: len(lost)], self.world.pushes[len(lost) :]
        for pushed, is_lost in zip(arrived, lost, strict=False):
            self.log.crash = crash
            with suppress(Crash):
                if not is_lost:
                    gets(self.world, self.log, pushed)
            self.log.crash = None
        self._note_demands()

    @rule(hours_ago=st.integers(0, 3))
    def a_sweep_begins(self, hours_ago: int) -> None:
        sweeps(self.world, self.held, hour_window(hour_of(self.world.now) - hours_ago * HOUR))

    @rule()
    def sweeps_end(self) -> None:
        for batch in self.held.batches:
            self.log.memory.store(batch)
        self.held.batches.clear()

    def _one(self, number: int) -> int:
        return sorted(self.world.messages)[number % len(self.world.messages)]

    def _interrupt(self, acts: Sequence[tuple[str, int]]) -> None:
        """Let things happen while the source is asked, or while its answer is on the way."""
        for what, number in acts:
            match what:
                case "fail":
                    away()
                case "post":
                    self.posts_come(1)
                case "edit":
                    self.an_edit(number)
                case "delete":
                    self.a_deletion(number)
                case "begin":
                    self.a_sweep_begins(number % 3)
                case "end":
                    self.sweeps_end()
                case "sweep":
                    self._sweep_whole(number % 3)

    def _sweep_whole(self, hours_ago: int) -> None:
        self.a_sweep_begins(hours_ago)
        self.sweeps_end()

    def _note_demands(self) -> None:
        """Note which hours were made due again, and drop the sweeps that were reading then.

        One that stores such an hour for the first time afterwards does not know of it; what it missed is
        found when the hour is read again anyway, and this test must not count on that.
        """
        demands = [batch.reread for batch in self.log.batches if batch.reread]
        if demands:
            self.held.batches.clear()
        rows = self.log.memory.rereads(ID)
        self.demanded |= {hour for each in demands for hour in each.hours() if hour in rows}
        self.log.batches.clear()

    @override
    def teardown(self) -> None:
        """Let the faults end, follow, and sweep the hours that are due at once: now the log is right."""
        self.sweeps_end()
        follows(self.world, self.log)
        self.world.garbled.clear()
        self._note_demands()
        for hour in sorted(self._due()):
            sweeps(self.world, self.log.memory, hour_window(hour))
        assert texts(self.log.memory) == truth(self.world)

    def _due(self) -> set[datetime]:
        """Return the hours a catchup reads now, without those whose time for another look has merely come."""
        known = Window(hour_of(START), self.world.now + HOUR)
        sealed = {row.hour for row in self.log.memory.hours(ID, known) if row.state == "sealed"}
        demanded = {
            hour
            for hour, at in self.log.memory.rereads(ID).items()
            if at <= self.world.now and hour in self.demanded
        }
        return (set(known.hours()) - sealed) | demanded


TestWhateverHappensTheLogBecomesRight = TailMachine.TestCase
TestWhateverHappensTheLogBecomesRight.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None
)
