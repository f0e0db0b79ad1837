"""One channel that takes long or has to wait holds up neither the loop nor the other channels."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.unit.capture.channel_model import START
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
from tutordex_dagster.resilience.errors import FloodWait, SessionBusy
from tutordex_dagster.windows import HOUR


@pytest.fixture
def stage() -> Stage:
    """Give a stage with a channel that is polled and one that pushes."""
    return two_channels()


def forget_2000_posts(stage: Stage) -> None:
    """Let much happen in the polled channel of which the source tells nothing; a page takes 0.1 s."""
    for _ in range(2000):
        stage.feed.world(POLLED).post()
    stage.feed.world(POLLED).forgotten = 2000
    stage.feed.world(POLLED).pushes.clear()
    stage.feed.on_question = lambda: stage.pass_time(0.1)


def test_a_channel_that_is_read_again_for_long_holds_up_no_push_and_no_heartbeat(stage: Stage) -> None:
    def posted() -> None:
        stage.feed.world(JOINED).post()
        stage.push(JOINED)

    seen: list[tuple[int, list[int]]] = []
    stage.feed.world(POLLED).post()
    stage.at(MINUTE, lambda: forget_2000_posts(stage))
    stage.at(1.5 * MINUTE, posted)
    stage.at(1.5 * MINUTE + 11 * SECOND, lambda: seen.append((len(stage.ids(POLLED)), stage.ids(JOINED))))
    stage.run(4 * MINUTE)
    assert 100 < seen[0][0] < 1900
    assert seen[0][1] == [1]
    assert len(stage.ids(POLLED)) == 2001
    beats = [at for at, _, _ in stage.beats]
    assert max(after - before for before, after in pairwise(beats)) < MINUTE + 10 * SECOND
    assert [followed.rescanned for number, followed in stage.followed if number == POLLED].count(True) == 1


def test_a_push_to_a_channel_that_has_to_be_read_again_does_not_read_all_of_it_at_once(stage: Stage) -> None:
    def posted() -> None:
        forget_2000_posts(stage)
        stage.pushes.extend([Pushed(channel_id=POLLED, pts=None)] * 50)
        stage.feed.is_renewed = False

    stage.feed.world(POLLED).post()
    stage.at(5 * SECOND, posted)
    with pytest.raises(SessionBusy, match="lease was lost"):
        stage.run(HOUR)
    assert 100 < len(stage.ids(POLLED)) < 2000
    assert stage.now - START < MINUTE


def test_the_newest_posts_are_not_stored_over_the_head_of_a_channel_that_is_read_again(stage: Stage) -> None:
    stage.feed.world(POLLED).post()
    stage.run(timedelta(microseconds=1))
    forget_2000_posts(stage)
    loop = stage.loop(replace(OPTIONS, newest=3))
    stage.run(15 * SECOND, loop)
    assert stage.ids(POLLED) == list(range(1, len(stage.ids(POLLED)) + 1))
    assert 100 < len(stage.ids(POLLED)) < 2000


def flooded(stage: Stage, *channel_ids: int) -> None:
    """Let Telegram ask to wait for five minutes with a call that these channels need."""
    flood = FloodWait(method="ResolveUsernameRequest", until=stage.now + 5 * MINUTE)
    stage.feed.errors.update(dict.fromkeys(channel_ids, flood))


def test_a_channel_whose_call_has_to_wait_is_asked_when_that_is_over_and_the_others_as_ever(
    stage: Stage,
) -> None:
    stage.feed.add(3, member=False)
    stage.at(MINUTE, lambda: flooded(stage, POLLED))
    stage.at(6 * MINUTE, stage.feed.errors.clear)
    stage.run(7 * MINUTE - SECOND)
    assert [at for at in asked(stage, POLLED) if at > MINUTE - CHECK] == [
        MINUTE,
        *(6 * MINUTE + n * CHECK for n in range(6)),
    ]
    assert asked(stage, 3) == [n * CHECK for n in range(1, 42)]


def test_calls_that_have_to_wait_end_nothing_even_where_no_channel_is_left(stage: Stage) -> None:
    flooded(stage, POLLED, JOINED)
    stage.at(MINUTE, stage.feed.errors.clear)
    stage.run(6 * MINUTE)
    assert {channel_id for channel_id, _ in stage.followed} == {POLLED, JOINED}
    assert stage.feed.asked[JOINED][:2] == [START, START + 5 * MINUTE]
