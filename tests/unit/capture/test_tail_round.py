"""A round follows every channel once; what is wrong with one stops no other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from tests.unit.capture.channel_model import DAYS, START, Away, ModelSource, World
from tutordex_dagster.capture.contract import CaptureBatch, Message
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.capture.tail_round import PROBLEM_PAUSE, RoundSummary, tail_round
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.resilience.errors import (
    BreakerOpen,
    ChannelUnavailable,
    FloodWait,
    SessionBusy,
    SessionDead,
    SessionParked,
)

NOW = START + timedelta(hours=1)


@dataclass
class Channel:
    """A channel to follow; asking it gives its error, if it has one."""

    channel_id: int
    cursor_at: datetime | None = None
    problem_at: datetime | None = None
    error: Exception | None = None

    @property
    def reference(self) -> str:
        """Return its name."""
        return f"t.me/{self.channel_id}"


@dataclass
class Round:
    """A round over channels with one post each, and everything that came of it."""

    now: datetime = NOW
    visited: list[int] = field(default_factory=list)
    problems: list[tuple[int, str | None]] = field(default_factory=list)
    log: MemoryRawLog = field(default_factory=MemoryRawLog)
    seconds_each: float = 0
    forgotten: int = 0
    tried: dict[int, datetime] = field(default_factory=dict)

    def run(
        self, channels: Sequence[Channel], *, parallel: int = 1, seconds: float = 60, stop_after: int = 99
    ) -> RoundSummary:
        """Follow the channels."""
        return tail_round(
            channels,
            self._source,
            log=self.log,
            clock=lambda: self.now,
            enqueue=(),
            rescan=DAYS,
            parallel=parallel,
            deadline=NOW + timedelta(seconds=seconds),
            tried=self.tried,
            on_problem=self._note_problem,
            should_stop=lambda: len(self.visited) >= stop_after,
        )

    def _note_problem(self, channel: Channel, error: PermanentError | None) -> None:
        self.problems.append((channel.channel_id, None if error is None else str(error)))

    def _source(self, channel: Channel) -> ModelSource:
        self.visited.append(channel.channel_id)
        self.now += timedelta(seconds=self.seconds_each)
        if channel.error:
            raise channel.error
        world = World(now=NOW, channel_id=channel.channel_id, forgotten=self.forgotten)
        world.post()
        return ModelSource(world)


def test_channels_confirmed_longest_ago_come_first_and_those_never_followed_before_them() -> None:
    channels = [
        Channel(1, cursor_at=NOW),
        Channel(2, cursor_at=START),
        Channel(3),
        Channel(4, cursor_at=START + timedelta(minutes=1)),
    ]
    done = (ran := Round()).run(channels)
    assert ran.visited == [3, 2, 4, 1]
    assert sorted(done.followed) == ["t.me/1", "t.me/2", "t.me/3", "t.me/4"]
    assert (done.stored.new, done.unreadable, done.left, done.ended_by) == (4, 0, (), None)
    assert done.rescanned == ()


def test_it_names_the_channels_whose_source_had_forgotten_what_changed() -> None:
    ran = Round()
    ran.run([Channel(1)])
    ran.forgotten = 9
    assert ran.run([Channel(1), Channel(2)]).rescanned == ("t.me/1",)


def test_channels_tried_longest_ago_come_first_whatever_came_of_it() -> None:
    channels = [Channel(1, error=Away("away; again later")), Channel(2), Channel(3, cursor_at=START)]
    ran = Round(seconds_each=4)
    done = ran.run(channels, seconds=5)
    assert (ran.visited, done.left) == ([1, 2], ("t.me/3",))
    assert ran.tried == {1: NOW, 2: NOW + timedelta(seconds=4)}
    ran.visited.clear()
    ran.run(channels)
    assert ran.visited == [3, 1, 2]


def test_the_channel_that_met_the_open_breaker_is_not_the_next_to_probe() -> None:
    refused = BreakerOpen("telegram: no calls; they go on by themselves", until=NOW)
    broken = Channel(1, error=refused)
    others = [Channel(2, cursor_at=START), Channel(3, cursor_at=START)]
    ran = Round()
    assert ran.run([broken, *others]).ended_by is refused
    assert list(ran.run([broken, *others]).followed) == ["t.me/2", "t.me/3"]


def test_after_the_deadline_no_further_channel_is_begun() -> None:
    ran = Round(seconds_each=4)
    done = ran.run([Channel(number) for number in range(1, 6)], seconds=10)
    assert (ran.visited, done.left) == ([1, 2, 3], ("t.me/4", "t.me/5"))


def test_after_the_deadline_a_channel_that_is_read_again_is_left_where_it_is() -> None:
    """Both have 999 posts newer than the one stored, and a page takes a second."""
    ran = Round()
    worlds = {number: World(now=NOW, channel_id=number) for number in (1, 2)}
    for number, world in worlds.items():
        first = world.shown(world.post())
        assert isinstance(first, Message)
        ran.log.store(CaptureBatch(channel_id=number, source="telegram", observed_at=NOW, messages=[first]))
        for _ in range(999):
            world.post()

    def page_arrives() -> None:
        ran.now += timedelta(seconds=0.5)  # asked and answered

    done = tail_round(
        [Channel(1), Channel(2)],
        lambda channel: ModelSource(worlds[channel.channel_id], [page_arrives] * 9999),
        log=ran.log,
        clock=lambda: ran.now,
        enqueue=(),
        rescan=DAYS,
        parallel=1,
        deadline=NOW + timedelta(seconds=20),
        tried=ran.tried,
        on_problem=lambda *_: None,
    )
    assert (done.stopped, done.rescanned, done.left) == (("t.me/1",), (), ("t.me/2",))
    assert (done.stored.new, ran.now - NOW) == (100, timedelta(seconds=35))


def test_told_to_stop_it_begins_no_further_channel() -> None:
    ran = Round()
    done = ran.run([Channel(number) for number in range(1, 6)], stop_after=2)
    assert (ran.visited, done.left) == ([1, 2], ("t.me/3", "t.me/4", "t.me/5"))


def test_a_channel_that_cannot_be_read_or_fails_stops_no_other() -> None:
    private = ChannelUnavailable("t.me/1: is private; join it")
    away = Away("away; again later")
    done = (ran := Round()).run([Channel(1, error=private), Channel(2, error=away), Channel(3)])
    assert (done.problems, done.failed, list(done.followed)) == (
        {"t.me/1": private},
        {"t.me/2": away},
        ["t.me/3"],
    )
    assert ran.problems == [(1, "t.me/1: is private; join it")]


@pytest.mark.parametrize(
    ("ago", "visited"), [(PROBLEM_PAUSE - timedelta(seconds=1), []), (PROBLEM_PAUSE, [1])]
)
def test_a_channel_with_a_problem_is_left_alone_for_a_while(ago: timedelta, visited: list[int]) -> None:
    done = (ran := Round()).run([Channel(1, problem_at=NOW - ago)])
    assert (ran.visited, done.left) == (visited, ())


def test_a_channel_that_can_be_read_again_is_told_once() -> None:
    ran = Round()
    ran.run([Channel(1, problem_at=START), Channel(2)])
    assert ran.problems == [(1, None)]


@pytest.mark.parametrize(
    "error",
    [
        FloodWait(method="GetChannelDifferenceRequest", until=NOW),
        FloodWait(method="connect", until=NOW),
        BreakerOpen("telegram: no calls; they go on by themselves", until=NOW),
        SessionBusy("session tail: is used by host:1; wait"),
        SessionDead("session tail: is banned; log in again"),
        SessionParked("session tail: is parked; log in again"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_concerns_every_channel_ends_the_round(error: TransientError | PermanentError) -> None:
    done = (ran := Round()).run([Channel(1), Channel(2, error=error), Channel(3)])
    assert (ran.visited, ran.problems) == ([1, 2], [])
    assert (done.ended_by, done.left, list(done.followed)) == (error, ("t.me/2", "t.me/3"), ["t.me/1"])


@pytest.mark.parametrize("method", ["ResolveUsernameRequest", "GetFullChannelRequest", "GetHistoryRequest"])
def test_a_flood_wait_for_what_only_some_channels_need_stops_no_other(method: str) -> None:
    flood = FloodWait(method=method, until=NOW + timedelta(hours=5))
    done = Round().run([Channel(1), Channel(2, error=flood), Channel(3)])
    assert (done.ended_by, done.left, done.failed) == (None, (), {"t.me/2": flood})
    assert list(done.followed) == ["t.me/1", "t.me/3"]


def test_an_unexpected_error_is_raised_once_the_others_are_done() -> None:
    ran = Round()
    with pytest.raises(KeyError):
        ran.run([Channel(1, error=KeyError("boom")), Channel(2)], parallel=2)


def test_channels_are_followed_side_by_side() -> None:
    """Each waits until the other has begun."""
    both = Barrier(2)
    sources: list[int] = []

    def source(channel: Channel) -> ModelSource:
        both.wait(10)
        sources.append(channel.channel_id)
        return ModelSource(World(now=NOW, channel_id=channel.channel_id))

    done = tail_round(
        [Channel(1), Channel(2)],
        source,
        log=MemoryRawLog(),
        clock=lambda: NOW,
        enqueue=(),
        rescan=DAYS,
        parallel=2,
        deadline=NOW + timedelta(seconds=1),
        tried={},
        on_problem=lambda *_: None,
    )
    assert (sorted(sources), len(done.followed)) == ([1, 2], 2)
