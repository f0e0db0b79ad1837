"""Following a channel: what happens is stored with the cursor that ends it, whoever overtakes whom."""

from datetime import timedelta

import pytest
from typing_extensions import override

from tests.unit.capture.channel_model import (
    DAYS,
    ID,
    LIVE,
    START,
    Away,
    Held,
    ModelLog,
    ModelSource,
    World,
    away,
    followed_world,
    follows,
    gets,
    nothing,
    sweeps,
    texts,
    truth,
)
from tutordex_dagster.capture.contract import (
    Changes,
    StoreResult,
    Unreadable,
)
from tutordex_dagster.capture.tail import Followed, Pushed, follow, store_newest
from tutordex_dagster.errors import TransientError
from tutordex_dagster.windows import HOUR, Window, hour_of, hour_window


def test_what_happened_after_the_cursor_is_stored_with_the_cursor_that_ends_it() -> None:
    world, log = followed_world(posts=3)
    world.edit(1)
    world.delete(2)
    for _ in range(3):
        world.post()
    done = follows(world, log)
    assert texts(log.memory) == truth(world)
    assert (done.cursor, done.stored.new, done.stored.edited, done.stored.deleted) == (8, 3, 1, 1)
    assert [batch.cursor for batch in log.batches] == [6, 8]
    assert (done.rescanned, done.unreadable) == (False, 0)
    assert log.position(ID).cursor == 8


def test_a_channel_in_which_nothing_happened_is_confirmed() -> None:
    world, log = followed_world()
    before = log.position(ID).cursor_at
    world.now += HOUR
    done = follows(world, log)
    assert (done.cursor, done.stored, done.newest_at) == (3, StoreResult(), None)
    assert before
    assert (log.position(ID).cursor_at or before) >= before + HOUR


def test_the_newest_instant_is_that_of_the_latest_post_or_edit() -> None:
    world, log = followed_world()
    world.post()
    world.now += timedelta(minutes=5)
    world.edit(1)
    world.now += timedelta(minutes=5)
    world.delete(2)
    assert follows(world, log).newest_at == world.messages[1].edited_at


def test_of_a_channel_never_seen_only_the_running_hour_is_read() -> None:
    world = World()
    log = ModelLog(world)
    world.post()
    world.now += HOUR
    world.post()
    done = follows(world, log)
    assert list(texts(log.memory)) == [2]
    assert (done.cursor, done.rescanned) == (2, False)
    assert log.memory.rereads(ID) == {}
    assert [row.state for row in log.memory.hours(ID, Window(START - HOUR, world.now))] == ["open"]


def test_a_channel_that_was_read_but_never_followed_goes_on_after_its_newest_message() -> None:
    world = World()
    log = ModelLog(world)
    world.post()
    world.now += HOUR
    sweeps(world, log, hour_window(hour_of(START)))
    world.edit(1)
    for _ in range(5):
        world.post()
    log.batches.clear()
    done = follows(world, log)
    assert list(texts(log.memory)) == [1, 2, 3, 4, 5, 6]
    assert [len(batch.messages) for batch in log.batches] == [4, 1, 5, 0]  # the running hour twice
    assert (done.cursor, done.rescanned) == (7, True)
    assert log.memory.rereads(ID)[hour_of(START)] <= world.now


def test_when_the_source_forgot_what_changed_the_last_days_become_due_for_a_reread() -> None:
    world, log = followed_world()
    world.edit(1)
    world.post()
    world.forgotten = len(world.events)
    done = follows(world, log)
    assert (done.rescanned, done.cursor, set(texts(log.memory).values())) == (True, 5, {"new"})
    reread = log.batches[-1].reread
    assert reread
    assert (reread.until - reread.since, reread.until > START + HOUR) == (DAYS, True)
    assert log.memory.rereads(ID)[hour_of(START)] <= world.now


def test_the_cursor_is_asked_for_before_what_is_newer() -> None:
    world, log = followed_world()
    world.forgotten = len(world.events) + 1
    source = ModelSource(world)
    follow(source, log.position(ID), log=log, clock=world.clock, enqueue=(), rescan=DAYS)
    assert source.calls == ["changes 3", "cursor", "newer 3", "read"]


def test_what_a_source_forgot_of_the_running_hour_is_found_at_once() -> None:
    """Nobody else reads that hour before it is over."""
    world, log = followed_world()
    kept, gone = world.post(), world.post()
    follows(world, log)
    world.edit(kept)
    world.delete(gone)
    world.forgotten = len(world.events)
    follows(world, log)
    assert texts(log.memory) == truth(world)


def test_a_deletion_outlives_the_sweep_that_still_saw_the_message() -> None:
    """The sweep begins after the question and reads the message, which is deleted before the answer."""
    world, log = followed_world()
    late = Held()

    def overtaken() -> None:
        sweeps(world, log, hour_window(hour_of(START)))
        sweeps(world, late, hour_window(hour_of(START)))
        world.delete(2)

    follows(world, log, overtaken)
    assert list(texts(log.memory)) == [1, 3]
    for batch in late.batches:
        log.store(batch)
    assert list(texts(log.memory)) == [1, 3]


def test_a_post_is_not_buried_by_a_sweep_that_looked_before_it_came() -> None:
    world, log = followed_world()
    late = Held()

    def overtaken() -> None:
        sweeps(world, late, hour_window(hour_of(world.now)))
        world.post()

    follows(world, log, overtaken)
    for batch in late.batches:
        log.store(batch)
    assert list(texts(log.memory)) == [1, 2, 3, 4]


def test_an_unreadable_message_makes_its_hour_due_and_stops_nothing() -> None:
    world, log = followed_world()
    world.edit(2)
    world.post()
    world.garbled.add(2)
    done = follows(world, log)
    assert (done.unreadable, done.cursor, list(texts(log.memory))) == (1, 5, [1, 2, 3, 4])
    assert log.memory.rereads(ID)[hour_of(START)] <= world.now


def test_an_unreadable_message_of_unknown_time_makes_the_running_hour_due() -> None:
    world, log = followed_world()
    world.post()
    follows(world, log)
    hidden = Pushed(channel_id=ID, pts=5, pts_count=1, found=[Unreadable(reason="garbled")])
    assert gets(world, log, hidden).unreadable == 1
    assert log.memory.rereads(ID)[hour_of(world.now)] <= world.now


def test_a_source_that_announces_more_but_tells_nothing_is_not_asked_for_ever() -> None:
    class Stuck(ModelSource):
        @override
        def changes(self, since: int) -> Changes:
            return Changes(found=(), deleted=(), cursor=since, final=False)

    world, log = followed_world()
    with pytest.raises(TransientError, match="announces more changes after 3 but tells none"):
        follow(Stuck(world), log.position(ID), log=log, clock=world.clock, enqueue=(), rescan=DAYS)


def test_a_source_that_is_away_leaves_a_channel_never_followed_as_it_was() -> None:
    world = World()
    log = ModelLog(world)
    world.post()
    with pytest.raises(Away):
        follows(world, log, *[nothing] * 2, away)
    assert log.position(ID).cursor is None


def test_a_push_that_continues_the_cursor_is_stored_without_a_question() -> None:
    world, log = followed_world()
    world.post()
    world.edit(1)
    world.delete(2)
    source = ModelSource(world)
    for pushed in world.pushes:
        gets(world, log, pushed, source)
    assert (texts(log.memory), log.position(ID).cursor, source.calls) == (truth(world), 6, [])


def test_a_push_at_or_before_the_cursor_is_known() -> None:
    world, log = followed_world()
    world.post()
    follows(world, log)
    log.batches.clear()
    source = ModelSource(world)
    assert gets(world, log, world.pushes[0], source) == Followed(cursor=4)
    assert (log.batches, source.calls) == ([], [])


@pytest.mark.parametrize(
    "pushed",
    [
        Pushed(channel_id=ID, pts=5, pts_count=1),
        Pushed(channel_id=ID, pts=None),
    ],
    ids=["after a gap", "without a cursor"],
)
def test_a_push_that_does_not_continue_the_cursor_has_the_source_asked(pushed: Pushed) -> None:
    world, log = followed_world()
    world.post()
    world.edit(1)
    source = ModelSource(world)
    gets(world, log, pushed, source)
    assert (texts(log.memory), source.calls) == (truth(world), ["changes 3"])


def test_a_push_of_a_channel_never_followed_has_the_source_asked() -> None:
    world = World()
    log = ModelLog(world)
    world.post()
    source = ModelSource(world)
    gets(world, log, world.pushes[0], source)
    assert (log.position(ID).cursor, source.calls[0]) == (1, "cursor")


def test_the_newest_messages_are_stored_and_the_cursor_stays() -> None:
    world, log = followed_world(posts=1)
    for _ in range(4):
        world.post()
    done = store_newest(ModelSource(world), 3, log=log, clock=world.clock, enqueue=LIVE)
    assert (list(texts(log.memory)), done.stored.new, log.position(ID).cursor) == ([1, 3, 4, 5], 3, 1)
