"""Storing messages: what becomes a row, what is known already, what never changes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from tutordex_dagster.capture.contract import EnqueueFor, StoreResult
from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import Window

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


def test_unknown_messages_are_new_and_known_ones_are_counted(world: "World") -> None:
    assert world.store(world.message(1), world.message(2)) == StoreResult(new=2)
    assert world.store(world.message(2), world.message(3)) == StoreResult(new=1, known=1)
    assert world.revisions() == [(n, 1, "P5 Maths at Bedok") for n in (1, 2, 3)]


def test_all_columns_of_a_message_arrive(world: "World") -> None:
    message = replace(
        world.message(1, edited=5),
        author="Ann",
        reply_to=7,
        forwarded_from="Bob",
        media="photo",
        payload=b'{"views": 3}',
        kind="service",
    )
    world.store(message)
    (row,) = world.rows("SELECT * FROM telegram_messages_raw")
    assert (row["author"], row["reply_to"], row["forwarded_from"], row["media"]) == ("Ann", 7, "Bob", "photo")
    assert (row["payload"], row["kind"], row["source"]) == ({"views": 3}, "service", "telegram")
    assert (row["posted_at"], row["edited_at"]) == (world.at(1), world.at(5))
    assert (row["observed_at"], row["stored_at"]) == (world.at(60), world.clock())
    assert row["content_hash"] == message.content_hash()


def test_an_edit_is_a_new_revision_in_the_hour_of_the_first(world: "World") -> None:
    world.store(world.message(1, "old"))
    assert world.store(world.message(1, "new", edited=90, minute=75), seen=100) == StoreResult(edited=1)
    assert world.revisions() == [(1, 1, "old"), (1, 2, "new")]
    assert {row["posted_at"] for row in world.rows("SELECT posted_at FROM telegram_messages_raw")} == {
        world.at(1)
    }


def test_an_older_edit_that_arrives_late_is_ignored(world: "World") -> None:
    world.store(world.message(1, "newest", edited=30), seen=40)
    assert world.store(world.message(1, "older", edited=20), seen=50) == StoreResult(known=1)
    assert world.live() == {1: "newest"}


def test_an_older_observation_of_the_same_edit_time_is_ignored(world: "World") -> None:
    world.store(world.message(1, "shown at 40"), seen=40)
    assert world.store(world.message(1, "shown at 30"), seen=30) == StoreResult(known=1)
    assert world.store(world.message(1, "shown at 50"), seen=50) == StoreResult(edited=1)


def test_the_last_of_two_messages_with_one_id_wins_within_a_batch(world: "World") -> None:
    assert world.store(world.message(1, "first"), world.message(1, "last")) == StoreResult(new=1, known=1)
    assert world.live() == {1: "last"}


def test_a_swept_message_that_is_gone_gets_a_tombstone(world: "World") -> None:
    world.store(world.message(1), world.message(2), seen=30)
    assert world.store(world.message(2), seen=60, sweep="sealed") == StoreResult(deleted=1, known=1)
    assert world.revisions()[:2] == [(1, 1, "P5 Maths at Bedok"), (1, 2, "-")]
    assert world.store(world.message(2), seen=90, sweep="sealed") == StoreResult(known=1)


@pytest.mark.parametrize("seen", [30, 20])
def test_a_read_that_is_not_newer_than_the_message_deletes_nothing(world: "World", seen: float) -> None:
    world.store(world.message(1), seen=30)
    assert world.store(seen=seen, sweep="sealed") == StoreResult()


def test_a_failed_read_deletes_nothing(world: "World") -> None:
    world.store(world.message(1), seen=30)
    assert world.store(seen=60, sweep="failed", error="page 2 is unreadable") == StoreResult()


def test_a_source_that_does_not_know_all_messages_deletes_nothing(world: "World") -> None:
    world.store(world.message(1), seen=30)
    assert world.log.store(replace(world.batch(sweep="sealed"), tombstones=False)) == StoreResult()


def test_messages_outside_the_swept_hours_are_not_deleted(world: "World") -> None:
    world.store(world.message(1, minute=61), seen=90)
    assert world.store(seen=120, sweep="sealed") == StoreResult()


def test_a_deleted_message_comes_back_only_for_a_newer_observation(world: "World") -> None:
    world.store(world.message(1), seen=30)
    world.store(seen=60, sweep="sealed")
    assert world.store(world.message(1), seen=60) == StoreResult(known=1)
    assert world.store(world.message(1), seen=61) == StoreResult(edited=1)
    assert world.revisions() == [(1, 1, "P5 Maths at Bedok"), (1, 2, "-"), (1, 3, "P5 Maths at Bedok")]


def test_nul_and_lone_surrogates_are_stored_without_harm(world: "World") -> None:
    bad = replace(
        world.message(1, "a\0b \ud83d"), author="\0Ann", media="\ud83d", payload=rb'{"t": "\u0000x\ud83d"}'
    )
    assert world.store(bad) == StoreResult(new=1)
    (row,) = world.rows("SELECT text, author, media, payload FROM telegram_messages_raw")
    assert row == {"text": "ab \ufffd", "author": "Ann", "media": "\ufffd", "payload": {"t": "x\ufffd"}}
    assert world.store(bad) == StoreResult(known=1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE telegram_messages_raw SET text = ''",
        "DELETE FROM telegram_messages_raw",
        "TRUNCATE telegram_messages_raw CASCADE",
    ],
)
def test_the_log_refuses_every_change(world: "World", statement: str) -> None:
    world.store(world.message(1))
    with pytest.raises(psycopg.errors.RaiseException, match="telegram_messages_raw is append-only"):
        world.rows(statement)
    assert world.live() == {1: "P5 Maths at Bedok"}


def test_an_unregistered_channel_is_refused_with_the_next_step(world: "World") -> None:
    with pytest.raises(UsageError, match="77: is not a registered channel; register it"):
        world.store(world.message(1), channel_id=77)


def test_every_new_revision_gets_its_jobs_in_the_same_transaction(world: "World") -> None:
    batch = world.batch(world.message(1), world.message(2))
    wishes = [EnqueueFor(version="v1", lane="live"), EnqueueFor(version="v2", lane="backfill")]
    assert world.log.store(replace(batch, enqueue=wishes)).enqueued == 4
    assert world.log.store(replace(batch, enqueue=wishes)).enqueued == 0
    assert world.jobs("v1") == world.jobs("v2") == {(1, 1): ("pending", None), (2, 1): ("pending", None)}


def test_a_batch_that_fails_leaves_nothing(world: "World") -> None:
    bad = replace(world.message(2), payload=b"no json")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        world.store(world.message(1), bad, enqueue="v1")
    assert (world.revisions(), world.jobs()) == ([], {})
    assert world.store(world.message(1)) == StoreResult(new=1)


def test_an_edit_supersedes_the_waiting_jobs_of_all_versions(world: "World") -> None:
    world.store(world.message(1, "old"), enqueue="v1")
    world.log.store(world.in_lane(world.batch(world.message(2)), "v2", "backfill"))
    world.queue.enqueue("v2", [world.raw_id(1)], lane="backfill")
    world.store(world.message(1, "new", edited=5), seen=61, enqueue="v1")
    assert world.jobs("v1") == {(1, 1): ("skipped", "superseded"), (1, 2): ("pending", None)}
    assert world.jobs("v2") == {(1, 1): ("skipped", "superseded"), (2, 1): ("pending", None)}


def test_an_edit_leaves_a_running_and_an_ended_job_of_the_old_text_alone(world: "World") -> None:
    world.store(world.message(1, "old"), world.message(2, "old"), enqueue="v1")
    first, second = world.queue.claim("v1", limit=2)
    world.queue.finish([world.ok(first)])
    world.store(world.message(1, "new", edited=5), world.message(2, "new", edited=5), seen=61)
    assert world.jobs() == {(1, 1): ("ok", None), (2, 1): ("processing", None)}
    assert world.queue.finish([world.ok(second)]) == 1


def test_a_deletion_supersedes_the_waiting_jobs(world: "World") -> None:
    world.store(world.message(1), seen=30, enqueue="v1")
    world.store(seen=60, sweep="sealed")
    assert world.jobs() == {(1, 1): ("skipped", "deleted")}
    assert world.queue.claim("v1", limit=10) == []


def test_two_threads_with_overlapping_batches_give_the_rows_of_one(world: "World") -> None:
    batches = [
        world.batch(*(world.message(n) for n in range(start, start + 200)), sweep=None, enqueue="v1")
        for start in (1, 100, 1, 150, 50, 300)
    ]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(world.log.store, batches))
    assert sum(result.new for result in results) == 499
    assert [row[:2] for row in world.revisions()] == [(n, 1) for n in range(1, 500)]
    assert len(world.jobs()) == 499


def test_latest_live_revisions_are_listed_oldest_first_with_a_limit_for_each_channel(world: "World") -> None:
    world.register(6)
    world.store(world.message(1, "old"), world.message(2), world.message(3), seen=30)
    world.store(world.message(1), seen=20, channel_id=6)
    world.store(world.message(1, "new", edited=40), world.message(3), seen=60, sweep="sealed")
    assert world.log.raw_ids([5], world.day) == [world.raw_id(1, 2), world.raw_id(3)]
    assert len(world.log.raw_ids([5, 6], world.day)) == 3
    assert len(world.log.raw_ids([5, 6], world.day, limit_per_channel=1)) == 2
    assert world.log.raw_ids([5], Window(world.at(3), world.at(4))) == [world.raw_id(3)]
    assert world.log.raw_ids([5], Window(world.at(4), world.at(9))) == []


def test_a_sample_shows_the_first_live_messages(world: "World") -> None:
    world.store(world.message(2), world.message(1, "first"))
    (row,) = world.log.sample(5, world.day, limit=1)
    assert (row["message_id"], row["text"], row["posted_at"]) == (1, "first", world.at(1))


def test_counts_come_by_hour_and_channel(world: "World") -> None:
    world.store(world.message(1), world.message(2), world.message(61))
    counts = world.log.counts_per_hour([5], world.day)
    assert [(count.hour, count.messages) for count in counts] == [
        (world.at(0), 2),
        (world.at(0) + timedelta(hours=1), 1),
    ]
