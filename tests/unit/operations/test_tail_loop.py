"""The loop of the tail: pushes at once, questions when they are due, and what ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.capture.channel_model import START, Away
from tests.unit.operations.tail_stage import (
    CHECK,
    JOINED,
    MINUTE,
    OPTIONS,
    POLLED,
    SECOND,
    Stage,
    asked,
    two_channels,
)
from tutordex_dagster.capture.tail import Pushed
from tutordex_dagster.errors import TransientError, UsageError
from tutordex_dagster.operations.tail_loop import LIST_EVERY, SILENCE
from tutordex_dagster.resilience.errors import (
    BreakerOpen,
    ChannelUnavailable,
    SessionBusy,
    SessionDead,
)
from tutordex_dagster.windows import HOUR

OVER = timedelta(seconds=0.1)


@pytest.fixture
def stage() -> Stage:
    """Give a stage with a channel that is polled and one that pushes."""
    return two_channels()


def test_channels_without_pushes_are_asked_every_few_seconds_the_others_when_silent(stage: Stage) -> None:
    stage.run(2 * SILENCE + MINUTE)
    assert asked(stage, POLLED)[:3] == [CHECK, 2 * CHECK, 3 * CHECK]
    assert asked(stage, JOINED) == [SILENCE, 2 * SILENCE]
    assert stage.feed.asked[JOINED][0] == stage.feed.asked[POLLED][0] == START


def test_without_pushes_every_channel_is_asked_every_few_seconds(stage: Stage) -> None:
    stage.feed.live = False
    stage.run(MINUTE)
    assert asked(stage, JOINED) == asked(stage, POLLED) == [n * CHECK for n in range(1, 6)]


def test_a_push_is_stored_at_once_without_a_question_and_ends_the_silence(stage: Stage) -> None:
    def posted() -> None:
        stage.feed.world(JOINED).post()
        stage.push(JOINED)

    stage.at(10 * MINUTE, posted)
    stage.at(10 * MINUTE + 1 * SECOND, lambda: seen.append(stage.ids(JOINED)))
    seen: list[list[int]] = []
    stage.run(SILENCE + 11 * MINUTE)
    assert seen == [[1]]
    assert asked(stage, JOINED) == [SILENCE + 10 * MINUTE]


def test_a_push_after_a_gap_has_the_channel_asked_at_once(stage: Stage) -> None:
    def posted() -> None:
        stage.feed.world(JOINED).post()
        stage.feed.world(JOINED).pushes.clear()
        stage.feed.world(JOINED).post()
        stage.push(JOINED)

    stage.at(MINUTE, posted)
    stage.run(2 * MINUTE)
    assert (stage.ids(JOINED), asked(stage, JOINED)) == ([1, 2], [MINUTE])


def test_a_push_of_a_channel_that_is_not_followed_is_nobodys(stage: Stage) -> None:
    stage.pushes.append(Pushed(channel_id=99, pts=1, pts_count=1))
    stage.run(MINUTE)
    assert {channel_id for channel_id, _ in stage.followed} == {POLLED, JOINED}


def test_a_burst_of_pushes_is_stored_whole_and_in_order(stage: Stage) -> None:
    def burst() -> None:
        for _ in range(250):
            stage.feed.world(JOINED).post()
        stage.push(JOINED)

    stage.at(SECOND, burst)
    stage.run(2 * SECOND)
    assert (stage.ids(JOINED), asked(stage, JOINED)) == (list(range(1, 251)), [])


def test_a_push_that_cannot_be_stored_has_its_channel_asked(stage: Stage) -> None:
    """The push names a gap, asking for it fails once, and the next round succeeds."""

    def posted() -> None:
        stage.feed.world(JOINED).post()
        stage.pushes.append(Pushed(channel_id=JOINED, pts=None))
        stage.feed.errors[JOINED] = Away("away; again later")

    stage.at(MINUTE, posted)
    stage.at(MINUTE + 1 * SECOND, stage.feed.errors.clear)
    stage.run(2 * MINUTE)
    assert stage.ids(JOINED) == [1]


def test_pushes_that_fail_slowly_hold_up_no_look_at_the_lease(stage: Stage) -> None:
    """The database is away: every attempt takes ten seconds, and the lease runs out meanwhile."""

    def burst() -> None:
        stage.pushes.extend([Pushed(channel_id=JOINED, pts=None)] * 50)
        stage.feed.errors[JOINED] = Away("away; again later")
        stage.feed.on_question = lambda: stage.pass_time(10)
        stage.feed.is_renewed = False

    stage.at(MINUTE, burst)
    with pytest.raises(SessionBusy, match="lease was lost"):
        stage.run(HOUR)
    assert stage.now - START < 2 * MINUTE


def test_a_signal_ends_the_loop_between_two_pushes(stage: Stage) -> None:
    def burst() -> None:
        stage.pushes.extend([Pushed(channel_id=JOINED, pts=None)] * 50)
        stage.feed.on_question = lambda: stage.pass_time(10)

    stage.at(SECOND, burst)
    stage.run(5 * SECOND)
    assert len(stage.pushes) == 49


def test_a_newly_listed_channel_is_followed_within_a_minute(stage: Stage) -> None:
    stage.at(1.5 * LIST_EVERY, lambda: stage.feed.add(3))
    stage.run(4 * LIST_EVERY)
    assert stage.feed.asked[3][0] == START + 2 * LIST_EVERY


@pytest.mark.parametrize(
    "error", [Away("away; again later"), UsageError("CHANNEL_LIST", "is odd", "mend it")]
)
def test_channels_that_cannot_be_listed_stop_none_that_are_known(stage: Stage, error: Exception) -> None:
    stage.feed.sync_error = error
    stage.run(MINUTE)
    assert len(asked(stage, POLLED)) == 5


def test_a_lost_connection_is_opened_again_and_every_channel_asked(stage: Stage) -> None:
    def lost() -> None:
        stage.feed.is_connected = False

    stage.at(31 * SECOND, lost)
    stage.run(2 * MINUTE)
    assert (stage.feed.links, asked(stage, JOINED)) == (2, [MINUTE])
    assert stage.beats[-1][2]["reconnects"] == 1


def test_after_a_connection_that_came_back_by_itself_every_channel_is_asked_too(stage: Stage) -> None:
    def lost() -> None:
        stage.feed.links += 1
        stage.feed.is_connected = False

    def back() -> None:
        stage.feed.is_connected = True

    stage.at(31 * SECOND, lost)
    stage.at(36 * SECOND, back)
    stage.run(2 * MINUTE)
    assert (stage.feed.links, asked(stage, JOINED)) == (2, [36 * SECOND])


def test_a_lost_lease_ends_the_loop(stage: Stage) -> None:
    stage.feed.is_renewed = False
    with pytest.raises(SessionBusy, match="lease was lost"):
        stage.run(MINUTE)


def test_the_connection_is_checked_every_so_often_and_one_that_does_not_answer_ends_the_loop(
    stage: Stage,
) -> None:
    every = OPTIONS.connection_check_every
    stage.run(2 * every + OVER)
    assert stage.feed.checks == [(stage.feed.checks[0][0] + number * every, every) for number in range(3)]
    stage.feed.check_error = Away("no answer; again later")
    with pytest.raises(Away):
        stage.run(2 * every)


def test_a_check_that_has_to_wait_ends_nothing(stage: Stage) -> None:
    stage.feed.check_error = BreakerOpen("too many failures; it goes on by itself", until=START + HOUR)
    stage.run(2 * MINUTE)
    assert stage.feed.checks


def test_a_channel_that_cannot_be_read_is_left_alone_for_a_while_and_stops_no_other(stage: Stage) -> None:
    stage.feed.errors[POLLED] = ChannelUnavailable("t.me/channel1: is private; join it")
    stage.at(15 * MINUTE, stage.feed.errors.clear)
    stage.run(30 * MINUTE)
    assert [(at - START, channel_id) for at, channel_id, _ in stage.problems] == [
        (timedelta(), POLLED),
        (10 * MINUTE, POLLED),
        (20 * MINUTE, POLLED),
    ]
    assert [problem for _, _, problem in stage.problems] == ["t.me/channel1: is private; join it"] * 2 + [
        None
    ]
    assert asked(stage, JOINED) == [SILENCE]


def test_a_postponed_call_holds_the_questions_back_but_no_pushes(stage: Stage) -> None:
    def postponed() -> None:
        until = stage.now + 5 * MINUTE
        stage.feed.errors[POLLED] = BreakerOpen("telegram: the breaker is open; wait", until=until)

    def posted() -> None:
        stage.feed.errors.clear()
        stage.feed.world(JOINED).post()
        stage.push(JOINED)

    stage.at(61 * SECOND, postponed)
    stage.at(2 * MINUTE, posted)
    stage.run(7 * MINUTE)
    assert [at for at in asked(stage, POLLED) if 2 * MINUTE < at <= 6 * MINUTE] == []
    assert len([at for at in asked(stage, POLLED) if at > 6 * MINUTE]) > 1
    assert stage.ids(JOINED) == [1]


def test_when_every_channel_fails_the_loop_ends(stage: Stage) -> None:
    stage.feed.errors = {POLLED: Away("away; again later"), JOINED: Away("away; again later")}
    with pytest.raises(Away):
        stage.run(MINUTE)


def test_the_only_channel_that_fails_ends_the_loop() -> None:
    stage = Stage()
    stage.feed.add(POLLED)
    stage.feed.errors[POLLED] = Away("away; again later")
    with pytest.raises(Away):
        stage.run(MINUTE)


def test_a_channel_that_fails_alone_is_asked_again_and_stops_no_other(stage: Stage) -> None:
    stage.feed.errors[POLLED] = Away("away; again later")
    stage.run(MINUTE)
    assert asked(stage, POLLED) == [n * CHECK for n in range(1, 6)]
    assert [channel_id for channel_id, _ in stage.followed] == [JOINED]


def test_a_refused_session_ends_the_loop_with_the_one_question_that_showed_it(stage: Stage) -> None:
    dead = SessionDead("session tail: AUTH_KEY_DUPLICATED; log in again")
    stage.at(MINUTE, lambda: stage.feed.errors.update({POLLED: dead, JOINED: dead}))
    stage.at(MINUTE, lambda: stage.pushes.append(Pushed(channel_id=JOINED, pts=None)))
    with pytest.raises(SessionDead):
        stage.run(2 * MINUTE)
    assert [at for channel_id in (POLLED, JOINED) for at in asked(stage, channel_id) if at >= MINUTE] == [
        MINUTE
    ]


def test_a_heartbeat_tells_what_was_done_since_the_start(stage: Stage) -> None:
    def posted() -> None:
        stage.feed.world(JOINED).post()
        stage.feed.world(POLLED).post()
        stage.push(JOINED)

    stage.at(5 * SECOND, posted)
    stage.run(2 * MINUTE)
    assert [(at - START, state) for at, state, _ in stage.beats] == [
        (timedelta(), "following"),
        (MINUTE, "following"),
    ]
    assert stage.beats[1][2] == {"channels": 2, "pushes": 1, "new": 2, "edited": 0, "deleted": 0}


def test_a_database_that_takes_no_heartbeat_ends_the_loop(stage: Stage) -> None:
    stage.beat_error = TransientError("db:5432: went away; check it")
    with pytest.raises(TransientError, match="went away"):
        stage.run(2 * MINUTE)


@pytest.fixture
def old_posts(stage: Stage) -> None:
    """Let both channels have five posts that are too old for a first round."""
    for channel_id in (POLLED, JOINED):
        for _ in range(5):
            stage.feed.world(channel_id).post()
    stage.now += 2 * HOUR


@pytest.mark.usefixtures("old_posts")
def test_the_newest_posts_of_every_channel_are_stored_once_after_it_was_followed(stage: Stage) -> None:
    loop = stage.loop(replace(OPTIONS, newest=3))
    stage.run(MINUTE, loop)
    assert (stage.ids(POLLED), stage.ids(JOINED)) == ([3, 4, 5], [3, 4, 5])
    assert [call for call in stage.feed.calls if "newest" in call] == ["newest 3"] * 2
    assert "newest" not in stage.feed.calls[0]


@pytest.mark.usefixtures("old_posts")
def test_newest_posts_that_cannot_be_read_are_left_to_the_catchup(stage: Stage) -> None:
    loop = stage.loop(replace(OPTIONS, newest=3))
    stage.run(timedelta(microseconds=1), loop)
    stage.feed.errors[JOINED] = Away("away; again later")
    stage.run(MINUTE, loop)
    assert (stage.ids(POLLED), stage.ids(JOINED)) == ([3, 4, 5], [])
    assert [call for call in stage.feed.calls if "newest" in call] == ["newest 3"] * 2
