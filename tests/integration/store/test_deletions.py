"""Deletions that a source names by id, and messages that come late after their deletion."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.capture.contract import StoreResult

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

TEXT = "P5 Maths at Bedok"


def unseen(world: "World") -> dict[int, datetime]:
    """Return the deletions of messages that were never stored."""
    rows = world.rows("SELECT message_id, observed_at FROM unseen_deletions ORDER BY message_id")
    return {row["message_id"]: row["observed_at"] for row in rows}


def test_a_deleted_id_gets_a_tombstone_and_its_hour_is_counted_again(world: "World") -> None:
    world.store(world.message(1), world.message(2), sweep="sealed", seen=60)
    before = world.hour()
    world.clock.forward(minutes=1)
    assert world.tail(seen=70, deleted=[1]) == StoreResult(deleted=1)
    assert world.revisions() == [(1, 1, TEXT), (1, 2, "-"), (2, 1, TEXT)]
    after = world.hour()
    assert (after["messages"], after["first_message_id"], after["state"]) == (1, 2, "sealed")
    assert (after["digest"] != before["digest"], after["changed_at"]) == (True, world.clock())
    assert after["swept_at"] == before["swept_at"]


def test_a_deletion_told_again_or_twice_changes_nothing(world: "World") -> None:
    world.store(world.message(1))
    assert world.tail(seen=70, deleted=[1, 1]) == StoreResult(deleted=1)
    assert world.tail(seen=80, deleted=[1]) == StoreResult()
    assert (world.revisions(), unseen(world)) == ([(1, 1, TEXT), (1, 2, "-")], {})


@pytest.mark.parametrize(("seen", "deleted"), [(59, 0), (60, 1), (61, 1)])
def test_a_deletion_is_not_older_than_what_it_deletes(world: "World", seen: float, deleted: int) -> None:
    world.store(world.message(1), seen=60)
    assert world.tail(seen=seen, deleted=[1]).deleted == deleted


def test_a_deletion_supersedes_jobs_and_closes_assignments(world: "World") -> None:
    world.store(world.message(1), world.message(2), enqueue="v1")
    world.extract({1: ["A1"], 2: ["A2"]})
    world.queue.enqueue("v2", [world.raw_id(1), world.raw_id(2)], lane="backfill")
    world.assignments.project("v1")
    world.tail(seen=70, deleted=[1])
    assert world.jobs("v2") == {(1, 1): ("skipped", "deleted"), (2, 1): ("pending", None)}
    assert world.shown() == {(1, 0): ("A1", "closed", "deleted"), (2, 0): ("A2", "open", None)}


def test_a_known_message_both_edited_and_deleted_keeps_its_last_text_and_ends_deleted(world: "World") -> None:
    world.store(world.message(1, "old"), enqueue="v1")
    result = world.tail(world.message(1, "new", edited=65), seen=70, deleted=[1], enqueue="v1")
    assert result == StoreResult(edited=1, deleted=1)
    assert world.revisions() == [(1, 1, "old"), (1, 2, "new"), (1, 3, "-")]
    assert world.jobs() == {(1, 1): ("skipped", "superseded")}


def test_an_unknown_message_both_posted_and_deleted_is_never_stored(world: "World") -> None:
    result = world.tail(world.message(1), world.message(2), seen=70, deleted=[1], enqueue="v1")
    assert result == StoreResult(new=1, known=1, enqueued=1)
    assert (world.live(), unseen(world)) == ({2: TEXT}, {1: world.at(70)})
    assert world.hour()["messages"] == 1


def test_a_deleted_message_that_is_found_and_deleted_again_stays_as_it_is(world: "World") -> None:
    world.store(world.message(1))
    world.tail(seen=70, deleted=[1])
    assert world.tail(world.message(1), seen=80, deleted=[1]) == StoreResult(known=1)
    assert world.revisions() == [(1, 1, TEXT), (1, 2, "-")]


def test_a_read_that_began_before_an_unseen_deletion_does_not_bring_the_message(world: "World") -> None:
    assert world.tail(seen=70, deleted=[1, 2]) == StoreResult()
    world.tail(seen=65, deleted=[1])
    world.tail(seen=75, deleted=[2])
    assert unseen(world) == {1: world.at(70), 2: world.at(75)}
    assert world.store(world.message(1), world.message(2), seen=70, sweep="sealed") == StoreResult(known=2)
    assert (world.live(), world.hour()["messages"]) == ({}, 0)
    assert world.store(world.message(1), world.message(2), seen=71) == StoreResult(new=1, known=1)
    assert world.live() == {1: TEXT}


def test_an_unseen_deletion_belongs_to_its_channel(world: "World") -> None:
    world.register(6)
    world.tail(seen=70, deleted=[1])
    assert world.store(world.message(1), seen=60, channel_id=6) == StoreResult(new=1)


def test_a_message_that_a_later_read_of_its_hour_did_not_show_is_kept_and_ends_deleted(
    world: "World",
) -> None:
    """A read that began earlier and is stored later, or an old export, brings what was deleted since."""
    world.store(world.message(2), seen=90, sweep="sealed")
    result = world.store(world.message(1), world.message(2), seen=80, enqueue="v1")
    assert result == StoreResult(new=1, deleted=1, known=1)
    assert world.revisions() == [(1, 1, TEXT), (1, 2, "-"), (2, 1, TEXT)]
    observed = world.rows(
        "SELECT observed_at FROM telegram_messages_raw WHERE message_id = 1 ORDER BY revision"
    )
    assert [row["observed_at"] for row in observed] == [world.at(80), world.at(90)]
    assert (world.hour()["messages"], world.jobs()) == (1, {})
    assert world.store(world.message(1), seen=80) == StoreResult(known=1)
    assert world.store(world.message(1), seen=91) == StoreResult(edited=1)


@pytest.mark.parametrize("sweep", ["failed", "export", "an earlier one"])
def test_only_a_later_whole_read_of_a_source_that_shows_all_can_have_missed_a_message(
    world: "World", sweep: str
) -> None:
    batch = world.batch(seen=70 if sweep == "an earlier one" else 90, sweep="open")
    if sweep == "failed":
        batch = world.batch(seen=90, sweep="failed")
    world.log.store(replace(batch, tombstones=sweep != "export"))
    assert world.store(world.message(1), seen=70) == StoreResult(new=1)
    assert world.live() == {1: TEXT}


def test_an_older_whole_read_does_not_hide_that_a_newer_one_was_made(world: "World") -> None:
    world.store(seen=90, sweep="sealed")
    world.store(seen=70, sweep="sealed")
    assert world.store(world.message(1), seen=80) == StoreResult(new=1, deleted=1)


def test_deletions_of_several_hours_and_a_sweep_come_in_one_batch(world: "World") -> None:
    world.store(world.message(1), world.message(2), world.message(61), seen=90)
    batch = replace(world.batch(world.message(2), seen=120, sweep="sealed"), deleted=[61, 1])
    assert world.log.store(batch) == StoreResult(known=1, deleted=2)
    assert world.live() == {2: TEXT}
    assert [count.messages for count in world.log.counts_per_hour([5], world.day)] == [1, 0]
