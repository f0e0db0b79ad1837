"""The tail service opens connections for as long as that makes sense, and ends when it cannot."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from itertools import pairwise
from threading import Event

import pytest
from typing_extensions import override

from tests.unit.capture.channel_model import START, Away
from tests.unit.operations.tail_stage import OPTIONS, Stage, StageFeed, channel
from tutordex_dagster.capture.contract import StoreResult
from tutordex_dagster.capture.tail import Followed, Pushed
from tutordex_dagster.errors import PermanentError, TransientError, UsageError
from tutordex_dagster.operations.tail_parts import measure
from tutordex_dagster.operations.tail_service import Inbox, TailService
from tutordex_dagster.resilience.errors import BreakerOpen, SessionBusy, SessionDead, SessionParked
from tutordex_dagster.resilience.metrics import NoMetrics
from tutordex_dagster.windows import HOUR

AWAY = TransientError("Telegram: does not answer; check the network")
BUSY = SessionBusy("session tail: is used by host:7 until 10:00; stop that one")
MINUTE = timedelta(minutes=1)


class Openings:
    """Opens the stage's feed, or fails as the script says: an error, or None for a feed."""

    def __init__(self, stage: Stage, *script: Exception | None) -> None:
        self._stage = stage
        self._script = iter(script)
        self.at: list[float] = []
        self.closed = 0

    @contextmanager
    def __call__(self) -> Iterator[StageFeed]:
        """Open the feed."""
        self.at.append((self._stage.now - START).total_seconds())
        if error := next(self._script, None):
            raise error
        try:
            yield self._stage.feed
        finally:
            self.closed += 1


def service(
    stage: Stage, open_feed: Callable[[], AbstractContextManager[StageFeed]], *, max_restarts: int = 3
) -> TailService:
    return TailService(
        open_feed,
        stage.tools(),
        OPTIONS,
        pause=stage.pass_time,
        max_restarts=max_restarts,
        busy_seconds=5,
        grace_seconds=0,
    )


@pytest.fixture
def stage() -> Stage:
    """Give a stage with one channel that is polled."""
    stage = Stage()
    stage.feed.add(1)
    stage.end = START + MINUTE
    return stage


def test_it_follows_until_it_is_told_to_stop_and_gives_the_session_back(stage: Stage) -> None:
    openings = Openings(stage)
    stage.at(timedelta(seconds=5), lambda: stage.feed.world(1).post())
    service(stage, openings).run()
    assert (stage.ids(1), openings.at, openings.closed) == ([1], [0], 1)


def test_a_connection_that_cannot_be_opened_is_tried_with_growing_delays(stage: Stage) -> None:
    stage.end = START + HOUR
    openings = Openings(stage, *[AWAY] * 9)
    service(stage, openings).run()
    gaps = [later - earlier for earlier, later in pairwise(openings.at)]
    assert gaps == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert openings.closed == 1


def test_after_a_success_the_delays_begin_anew(stage: Stage) -> None:
    stage.end = START + 10 * MINUTE

    def lost() -> None:
        stage.feed.errors[1] = Away("away; again later")

    stage.at(timedelta(seconds=36), lost)
    stage.at(timedelta(seconds=46), stage.feed.errors.clear)
    openings = Openings(stage, AWAY, AWAY, AWAY)
    service(stage, openings).run()
    assert openings.at == [0, 5, 15, 35, 50]


def test_while_another_process_has_the_session_it_waits_and_says_so(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    openings = Openings(stage, *[BUSY] * 4)
    with caplog.at_level(logging.INFO):
        service(stage, openings).run()
    assert openings.at == [0, 5, 10, 15, 20]
    assert [state for _, state, _ in stage.beats] == ["waiting"] * 4 + ["following"]
    assert caplog.text.count("event=session_busy reason=session tail: is used by host:7") == 1


def test_a_lease_that_was_lost_is_taken_again(stage: Stage) -> None:
    def lost() -> None:
        stage.feed.is_renewed = False

    def free() -> None:
        stage.feed.is_renewed = True

    stage.at(timedelta(seconds=20), lost)
    stage.at(timedelta(seconds=32), free)
    openings = Openings(stage)
    service(stage, openings).run()
    assert (len(openings.at), openings.closed) == (2, 2)


def test_a_postponed_connection_is_opened_when_its_time_has_come(stage: Stage) -> None:
    stage.end = START + 10 * MINUTE
    postponed = BreakerOpen("telegram: the breaker is open; wait", until=START + 5 * MINUTE)
    openings = Openings(stage, postponed)
    service(stage, openings).run()
    assert openings.at == [0, 300]


@pytest.mark.parametrize(
    "error",
    [
        SessionDead("session tail: AUTH_KEY_DUPLICATED; log in again"),
        SessionParked("session tail: is parked; log in again"),
        UsageError("SESSION_STRING", "is no session", "log in"),
    ],
)
def test_what_no_connection_can_help_against_ends_it_after_one_attempt(
    stage: Stage, error: PermanentError
) -> None:
    openings = Openings(stage, error)
    with pytest.raises(type(error)) as raised:
        service(stage, openings).run()
    assert (raised.value, openings.at) == (error, [0])


def test_a_session_refused_while_following_ends_it_after_one_attempt(stage: Stage) -> None:
    dead = SessionDead("session tail: AUTH_KEY_DUPLICATED; log in again")
    stage.at(timedelta(seconds=15), lambda: stage.feed.errors.update({1: dead}))
    openings = Openings(stage)
    with pytest.raises(SessionDead):
        service(stage, openings).run()
    assert (openings.at, openings.closed) == ([0], 1)


def test_a_crash_is_followed_by_a_restart(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.at(timedelta(seconds=15), lambda: stage.feed.errors.update({1: KeyError("boom")}))
    stage.at(timedelta(seconds=22), stage.feed.errors.clear)
    stage.at(timedelta(seconds=30), lambda: stage.feed.world(1).post())
    openings = Openings(stage)
    service(stage, openings).run()
    assert (len(openings.at), openings.closed, stage.ids(1)) == (2, 2, [1])
    assert "event=tail_crashed" in caplog.text
    assert "Traceback" in caplog.text


def test_crash_after_crash_ends_it(stage: Stage) -> None:
    stage.end = START + HOUR
    openings = Openings(stage, *[KeyError("boom")] * 9)
    with pytest.raises(PermanentError, match="crashed 4 times in a row, at last with KeyError"):
        service(stage, openings, max_restarts=3).run()
    assert openings.at == [0, 5, 15, 35]


def test_without_a_database_for_its_heartbeat_it_waits_all_the_same(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.beat_error = TransientError("db:5432: went away; check it")
    stage.at(timedelta(seconds=2), lambda: setattr(stage, "beat_error", None))
    service(stage, Openings(stage, AWAY)).run()
    assert "event=heartbeat_lost reason=db:5432: went away" in caplog.text
    assert stage.beats[-1][1] == "following"


def test_a_long_wait_says_all_the_while_that_it_lives(stage: Stage) -> None:
    stage.end = START + 4 * MINUTE
    postponed = BreakerOpen("telegram: the breaker is open; wait", until=START + 5 * MINUTE)
    service(stage, Openings(stage, postponed)).run()
    assert [((at - START) / MINUTE, state) for at, state, _ in stage.beats] == [
        (minute, "retrying") for minute in range(4)
    ]


def test_told_to_stop_while_a_question_hangs_it_closes_the_connection_and_ends(stage: Stage) -> None:
    """The question is answered with an error only once the connection is closed."""
    closed = Event()

    @contextmanager
    def open_feed() -> Iterator[StageFeed]:
        try:
            yield stage.feed
        finally:
            closed.set()

    def hangs() -> None:
        stage.pass_time(HOUR.total_seconds())
        assert closed.wait(10)
        raise AWAY

    stage.feed.on_question = hangs
    service(stage, open_feed).run()
    assert closed.is_set()


def test_the_inbox_gives_updates_in_order_and_none_when_it_is_empty() -> None:
    inbox = Inbox()
    for pts in (1, 2):
        inbox.put(Pushed(channel_id=1, pts=pts))
    taken = [inbox.take(0) for _ in range(3)]
    assert [pushed and pushed.pts for pushed in taken] == [1, 2, None]


class Gauges(NoMetrics):
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, dict[str, str]]] = []

    @override
    def count(self, name: str, by: float = 1, **labels: str) -> None:
        self.seen.append((name, by, labels))

    @override
    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.seen.append((name, value, labels))


def test_the_lag_behind_a_channel_is_measured_by_its_latest_message() -> None:
    metrics = Gauges()
    followed = Followed(cursor=5, stored=StoreResult(new=1, known=2), newest_at=START)
    measure(metrics, channel(1), followed, START + MINUTE)
    measure(metrics, channel(1), Followed(cursor=5), START + MINUTE)
    assert metrics.seen == [
        ("deduplicated_messages_total", 2, {"source": "telegram"}),
        ("fetch_lag_seconds", 60.0, {"chat": "t.me/channel1"}),
    ]
