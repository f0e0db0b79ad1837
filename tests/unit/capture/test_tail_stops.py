"""Following a channel part by part: what was stored is kept, and the next look goes on from there."""

import pytest

from tests.unit.capture.channel_model import (
    ID,
    START,
    Away,
    away,
    followed_world,
    follows,
    nothing,
    texts,
)
from tutordex_dagster.windows import hour_of


def test_told_to_stop_it_ends_between_two_parts_and_keeps_their_cursor() -> None:
    world, log = followed_world()
    for _ in range(5):
        world.post()
    done = follows(world, log, should_stop=lambda: True)
    assert (done.cursor, log.position(ID).cursor, done.stored.new, done.stopped) == (6, 6, 3, True)
    done = follows(world, log, should_stop=lambda: True)
    assert (done.cursor, done.stored.new, done.stopped) == (8, 2, False)


def test_told_to_stop_while_reading_again_it_keeps_the_old_cursor() -> None:
    world, log = followed_world()
    for _ in range(5):
        world.post()
    world.forgotten = len(world.events)
    done = follows(world, log, batch_size=2, should_stop=lambda: True)
    assert (done.cursor, log.position(ID).cursor, done.stored.new) == (3, 3, 2)
    assert (done.stopped, done.rescanned) == (True, False)


def test_a_channel_read_again_in_many_looks_becomes_right_and_its_hours_due_with_the_last() -> None:
    world, log = followed_world()
    world.edit(1)
    for _ in range(7):
        world.post()
    world.forgotten = len(world.events)
    looks = [follows(world, log, batch_size=2, should_stop=lambda: True) for _ in range(3)]
    assert [(look.cursor, look.stored.new, look.stopped) for look in looks] == [(3, 2, True)] * 3
    assert [batch.reread for batch in log.batches] == [None] * 3
    world.edit(4)
    world.post()
    last = follows(world, log)
    assert (last.cursor, last.stopped, last.rescanned) == (len(world.events), False, True)
    assert log.memory.rereads(ID)[hour_of(START)] <= world.now
    assert (list(texts(log.memory)), texts(log.memory)[4]) == (list(range(1, 12)), "edited at step 11")


def test_told_to_stop_it_gets_past_messages_that_cannot_be_read() -> None:
    world, log = followed_world()
    world.garbled = {world.post() for _ in range(5)}
    world.post()
    world.post()
    world.forgotten = len(world.events)
    done = follows(world, log, batch_size=2, should_stop=lambda: True)
    assert (done.stopped, done.unreadable, list(texts(log.memory))) == (True, 5, [1, 2, 3, 9])


def test_what_was_read_before_the_source_went_away_is_kept() -> None:
    """The first page of three arrives, the next one does not."""
    world, log = followed_world()
    for _ in range(5):
        world.post()
    world.forgotten = len(world.events)
    with pytest.raises(Away):
        follows(world, log, *[nothing] * 6, away, batch_size=100)
    assert (list(texts(log.memory)), log.position(ID).cursor) == ([1, 2, 3, 4, 5, 6], 3)
