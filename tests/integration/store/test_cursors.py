"""Cursors: how far every channel is followed, moved with what is stored, and forward only."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.capture.contract import Position
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.database import Database

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


def position(world: "World") -> tuple[int | None, datetime | None, int]:
    """Return (cursor, when it was confirmed, last message id)."""
    found = world.log.position(5)
    return found.cursor, found.cursor_at, found.last_message_id


def test_a_channel_nobody_follows_has_no_cursor(world: "World") -> None:
    assert world.log.position(5) == Position(cursor=None, cursor_at=None, last_message_id=0)
    world.store(world.message(3), world.message(7))
    assert world.log.position(5) == Position(cursor=None, cursor_at=None, last_message_id=7)


def test_the_cursor_moves_forward_only_and_is_confirmed_by_standing_still(world: "World") -> None:
    world.tail(world.message(3), cursor=100, seen=60)
    assert position(world) == (100, world.at(60), 3)
    world.tail(world.message(4), cursor=90, seen=70)
    assert position(world) == (100, world.at(60), 4)
    world.tail(cursor=100, seen=80)
    assert position(world) == (100, world.at(80), 4)
    world.tail(cursor=100, seen=75)
    assert position(world) == (100, world.at(80), 4)
    world.tail(cursor=101, seen=79)
    assert position(world) == (101, world.at(80), 4)


def test_a_batch_without_a_cursor_leaves_it_alone(world: "World") -> None:
    world.tail(cursor=100, seen=60)
    world.store(world.message(1), seen=70, sweep="sealed")
    assert position(world) == (100, world.at(60), 1)


def test_a_deleted_message_still_counts_as_the_last_one(world: "World") -> None:
    world.store(world.message(1), world.message(9))
    world.tail(seen=70, deleted=[9])
    assert position(world)[2] == 9


def test_a_cursor_is_not_moved_when_its_batch_fails(world: "World") -> None:
    bad = replace(world.message(1), payload=b"no json")
    with pytest.raises(Exception, match="invalid input syntax for type json"):
        world.tail(bad, cursor=100)
    assert position(world) == (None, None, 0)


def test_the_positions_of_all_channels_come_together(world: "World") -> None:
    world.register(6)
    world.tail(world.message(3), cursor=100, seen=60)
    assert world.log.positions() == {
        5: Position(cursor=100, cursor_at=world.at(60), last_message_id=3),
        6: Position(cursor=None, cursor_at=None, last_message_id=0),
    }


def test_the_cursors_of_many_quiet_channels_are_confirmed_together(world: "World") -> None:
    world.register(6)
    world.tail(cursor=100, seen=60)
    world.log.confirm({5: 100, 6: 7}, world.at(70))
    assert [(p.cursor, p.cursor_at) for p in world.log.positions().values()] == [
        (100, world.at(70)),
        (7, world.at(70)),
    ]
    world.log.confirm({}, world.at(80))
    assert position(world) == (100, world.at(70), 0)


def test_cursors_and_positions_of_unregistered_channels_are_refused(world: "World") -> None:
    with pytest.raises(UsageError, match="77: is not a registered channel"):
        world.log.confirm({5: 100, 77: 1}, world.at(70))
    with pytest.raises(UsageError, match="77: is not a registered channel"):
        world.log.store(replace(world.batch(channel_id=77), cursor=1))
    with pytest.raises(UsageError, match="77: is not a registered channel"):
        world.log.position(77)
    assert position(world) == (None, None, 0)


def test_confirmations_that_waited_for_each_other_do_not_deadlock_beside_a_batch(world: "World") -> None:
    """A batch leaves a key share lock on its channel's row until the end of its transaction."""
    others = Database(world.db.url)
    with closing(others), ThreadPoolExecutor(2) as pool, others.connection() as batch:
        batch.execute("SELECT FROM channels FOR KEY SHARE")
        with others.connection() as blocker:
            blocker.execute("UPDATE channels SET title = 'renamed'")
            first = pool.submit(world.log.confirm, {5: 1}, world.at(1))
            world.wait_for_blocked(1)
            second = pool.submit(world.log.confirm, {5: 2}, world.at(2))
            world.wait_for_blocked(2)
        first.result()
        second.result()
    assert position(world) == (2, world.at(2), 0)


def test_storing_and_confirming_many_channels_at_once_ends_at_the_highest_cursors(world: "World") -> None:
    world.register(6)

    def follow(number: int) -> None:
        pair = (5, 6) if number % 2 else (6, 5)
        world.log.confirm(dict.fromkeys(pair, number), world.at(number))
        for channel_id in pair:
            batch = world.batch(world.message(number + 1), seen=number, channel_id=channel_id)
            world.log.store(replace(batch, cursor=number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(follow, range(40)))
    assert world.log.positions() == dict.fromkeys(
        (5, 6), Position(cursor=39, cursor_at=world.at(39), last_message_id=40)
    )
