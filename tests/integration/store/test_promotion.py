"""Promotion: another version is built beside the shown one and shown whole; nothing a reader saw is lost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.store.promoting import codes, promote, promotions, reparse, roll_back, switch
from tutordex_dagster.capture.contract import EnqueueFor
from tutordex_dagster.errors import TransientError, UsageError
from tutordex_dagster.store.assignments import ProjectionResult
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.promotion import Promotions, Switched

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

LIVE_NOW = "SELECT pipeline_version FROM projection"


@pytest.fixture
def shown(world: "World") -> "World":
    """Give a world in which v1 shows messages 1 to 3."""
    world.store(*(world.message(n, f"text {n}") for n in (1, 2, 3)), seen=30, enqueue="v1")
    world.extract({1: ["A1"], 2: ["B1", "B2"], 3: "promo"})
    world.assignments.project("v1")
    return world


def test_the_projection_stands_beside_until_it_is_shown_whole(shown: "World") -> None:
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: ["C1"]})
    before = shown.shown()
    promotions(shown).build("v2")
    assert shown.shown() == before
    assert promote(shown) == Switched(previous="v1", kept=0, enqueued=0)
    assert codes(shown) == {1: ["A1-v2"], 3: ["C1"]}
    assert shown.rows(LIVE_NOW) == [{"pipeline_version": "v2"}]


def test_a_reader_in_the_middle_sees_the_old_rows_to_its_end(shown: "World") -> None:
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: ["C1"]})
    with shown.db.connection() as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count = "SELECT count(*) FROM assignments"
        assert reader.execute(count).fetchone() == (3,)
        promote(shown)
        assert reader.execute(count).fetchone() == (3,)
    assert len(shown.shown()) == 2


@pytest.fixture
def two_channels(shown: "World") -> "World":
    """Give a world in which v2 has read messages 1 to 3, and 4 and 5 of another channel."""
    shown.register(6)
    shown.store(*(shown.message(n) for n in (4, 5)), channel_id=6, enqueue="v2")
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: ["C1"], 4: ["D1"], 5: ["E1"]})
    return shown


def test_channels_are_built_beside_each_other_and_the_switch_waits_for_all(two_channels: "World") -> None:
    built = "SELECT message_id FROM projected_assignments WHERE projection = 'v2' AND channel_id = 6"
    others = Database(two_channels.db.url)
    with closing(others), ThreadPoolExecutor(2) as pool:
        with others.connection() as blocker:
            blocker.execute("SELECT lock_channel(5)")
            building = pool.submit(promotions(two_channels).build, "v2")
            two_channels.wait_for(lambda: len(two_channels.rows(built)) == 2)
            switching = pool.submit(
                Promotions(others).switch,
                "v2",
                live="v1",
                after=9,
                action="promote",
                actor="me",
                fingerprint="f",
            )
            two_channels.wait_for_blocked(2)
            assert codes(two_channels) == {1: ["A1"], 2: ["B1", "B2"]}
        assert building.result().upserted == 4
        assert switching.result().previous == "v1"
    assert codes(two_channels) == {1: ["A1-v2"], 3: ["C1"], 4: ["D1"], 5: ["E1"]}


def test_a_building_that_broke_off_goes_on_another_time(two_channels: "World") -> None:
    def tell(page: ProjectionResult) -> None:
        assert page.upserted == 2
        raise TimeoutError("nobody listens")

    with pytest.raises(TimeoutError, match="nobody listens"):
        promotions(two_channels).build("v2", on_page=tell)
    promote(two_channels)
    assert codes(two_channels) == {1: ["A1-v2"], 3: ["C1"], 4: ["D1"], 5: ["E1"]}


def test_ends_since_the_building_are_taken_over_by_the_switch(shown: "World") -> None:
    shown.queue.enqueue_window("v2", channel_ids=[5], window=shown.day, lane="reparse")
    promotions(shown).build("v2")
    shown.extract({1: ["A1-v2"], 2: ["B1-v2"], 3: "promo"}, "v2")
    switch(shown, after=3)
    assert codes(shown) == {1: ["A1-v2"], 2: ["B1-v2"]}


def test_posts_deleted_before_the_switch_stay_closed(shown: "World") -> None:
    shown.store(shown.message(1, "text 1"), shown.message(3, "text 3"), seen=60, sweep="sealed")
    reparse(shown, {1: ["A1-v2"], 3: "promo"})
    assert promote(shown).kept == 2
    assert codes(shown) == {1: ["A1-v2"], 2: ["B1 closed", "B2 closed"]}
    assert {row["pipeline_version"] for row in shown.rows("SELECT * FROM assignments")} == {"v1", "v2"}


def test_posts_the_version_has_not_read_stay_as_they_are_until_it_has(shown: "World") -> None:
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: "promo"})
    shown.store(shown.message(4, "new"), seen=61, enqueue="v1")
    shown.extract({4: ["D1"]})
    shown.assignments.project("v1")
    assert promote(shown, after=3) == Switched(previous="v1", kept=1, enqueued=1)
    assert codes(shown) == {1: ["A1-v2"], 4: ["D1"]}
    shown.extract({4: ["D1-v2"]}, "v2")
    shown.assignments.project("v2")
    assert codes(shown) == {1: ["A1-v2"], 4: ["D1-v2"]}


def test_a_status_post_the_version_has_not_read_goes_on_closing(shown: "World") -> None:
    shown.store(replace(shown.message(4, "taken"), reply_to=1), seen=61, enqueue="v1")
    shown.extract({4: "status"})
    shown.assignments.project("v1")
    assert codes(shown)[1] == ["A1 closed"]
    shown.queue.enqueue("v2", [shown.raw_id(n) for n in (1, 2, 3)], lane="reparse")
    shown.extract({1: ["A1-v2"], 2: "promo", 3: "promo"}, "v2")
    promote(shown, after=3)
    assert codes(shown) == {1: ["A1-v2 closed"]}
    shown.extract({4: "promo"}, "v2")
    shown.assignments.project("v2")
    assert codes(shown) == {1: ["A1-v2"]}


def test_what_is_stored_from_now_on_is_enqueued_for_the_promoted_version(shown: "World") -> None:
    """Also by a process that asked long ago which version is live."""
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: "promo"})
    batch = shown.batch(shown.message(4, "new"), seen=61)
    old_wish = replace(batch, enqueue=[EnqueueFor(version="v1", lane="live", live=True)])
    promote(shown)
    shown.log.store(old_wish)
    assert (4, 1) in shown.jobs("v2")
    assert (4, 1) not in shown.jobs("v1")


def test_a_message_stored_during_the_switch_waits_and_gets_its_job(shown: "World") -> None:
    """Lost otherwise: a post whose job is made for the version that just ceased to be live."""
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: "promo"})
    promotions(shown).build("v2")
    batch = shown.batch(shown.message(4, "new"), seen=61)
    with ThreadPoolExecutor(2) as pool:
        with shown.db.connection() as blocker:
            blocker.execute("SELECT lock_channel(5)")
            switching = pool.submit(switch, shown, after=3)
            shown.wait_for_blocked(1)
            wish = EnqueueFor(version="v1", lane="live", live=True)
            store = pool.submit(shown.log.store, replace(batch, enqueue=[wish]))
            shown.wait_for_blocked(2)
        assert switching.result().previous == "v1"
        assert store.result().enqueued == 1
    assert (4, 1) in shown.jobs("v2")


def test_an_end_that_comes_while_the_switch_waits_for_stores_is_shown(shown: "World") -> None:
    """Lost otherwise: what the version says, because the shown rows were chosen before it said so."""
    shown.queue.enqueue_window("v2", channel_ids=[5], window=shown.day, lane="reparse")
    promotions(shown).build("v2")
    with ThreadPoolExecutor(1) as pool:
        with shown.db.connection() as blocker:
            blocker.execute("SELECT lock_channel(5)")
            switching = pool.submit(switch, shown, after=3)
            shown.wait_for_blocked(1)
            shown.extract({1: ["A1-v2"], 2: "promo", 3: "promo"}, "v2")
        assert switching.result() == Switched(previous="v1", kept=0, enqueued=0)
    assert codes(shown) == {1: ["A1-v2"]}


def test_what_was_kept_at_an_earlier_switch_is_kept_anew_at_the_next(shown: "World") -> None:
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: "promo"})
    for edited, code in ((61, "D1"), (62, "D2")):
        promote(shown, "v2")
        shown.store(shown.message(4, code, edited=edited), seen=edited, enqueue="v2")
        shown.extract({4: [code]}, "v2")
        shown.assignments.project("v2")
        promote(shown, "v1", after=9)
        assert codes(shown) == {1: ["A1"], 2: ["B1", "B2"], 4: [code]}


def test_a_rollback_shows_the_old_rows_at_once_and_keeps_what_came_since(shown: "World") -> None:
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: ["C1"]})
    promote(shown)
    shown.store(shown.message(4, "new"), seen=61, enqueue="v2")
    shown.extract({4: ["D1"]}, "v2")
    shown.assignments.project("v2")
    back = roll_back(shown)
    assert back == Switched(previous="v2", kept=1, enqueued=1)
    assert codes(shown) == {1: ["A1"], 2: ["B1", "B2"], 4: ["D1"]}
    assert promotions(shown).before("v1") is None
    promote(shown)
    assert codes(shown) == {1: ["A1-v2"], 3: ["C1"], 4: ["D1"]}


def test_every_change_is_on_record(shown: "World") -> None:
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: "promo"})
    promote(shown)
    (entry,) = promotions(shown).history()
    assert (entry.action, entry.actor, entry.version, entry.previous, entry.fingerprint, entry.raw_id) == (
        "promote", "me", "v2", "v1", "f", 3,
    )  # fmt: skip
    (audit,) = shown.rows("SELECT action, detail FROM audit")
    detail = {"version": "v2", "previous": "v1", "kept": 0, "enqueued": 0}
    assert audit == {"action": "promote version", "detail": detail}


def test_the_live_version_is_not_promoted_again(shown: "World") -> None:
    with pytest.raises(UsageError, match="is the live version already"):
        promote(shown, "v1")


def test_a_version_judged_against_another_than_the_live_one_is_not_shown(shown: "World") -> None:
    """Else it would take back a promotion that somebody made meanwhile."""
    reparse(shown, {1: ["A1-v2"], 2: "promo", 3: "promo"})
    promote(shown)
    before = shown.shown()
    with pytest.raises(TransientError, match="judged against v1, but v2 has become the live version"):
        switch(shown, "v3", after=3)
    assert shown.shown() == before
    assert [entry.version for entry in promotions(shown).history()] == ["v2"]


def test_differences_are_counted_by_field_and_shown_whole(shown: "World") -> None:
    shown.store(shown.message(4, "only v1"), seen=31, enqueue="v1")
    shown.extract({4: ["D1"]})
    shown.assignments.project("v1")
    shown.queue.enqueue("v2", [shown.raw_id(n) for n in (1, 2, 3)], lane="reparse")
    shown.extract({1: ["A1-v2"], 2: ["B1"], 3: ["C1"]}, "v2")
    promotions(shown).build("v2")
    found = promotions(shown).differences("v1", "v2", samples=9)
    assert (found.added, found.absent, found.kept, found.shared, found.changed) == (1, 2, 1, 2, 1)
    assert {name: count for name, count in found.fields.items() if count} == {"assignment_code": 1}
    added, gone, changed = found.samples
    assert (added.message_id, added.was) == (3, None)
    assert (gone.message_id, gone.segment, gone.now) == (2, 1, None)
    assert (changed.message_id, changed.now and changed.now["assignment_code"]) == (1, "A1-v2")


def test_messages_are_reconciled_with_jobs_up_to_a_raw_id(shown: "World") -> None:
    shown.queue.enqueue("v2", [shown.raw_id(n) for n in (1, 2)], lane="reparse")
    one, two = shown.queue.claim("v2", limit=2)
    shown.queue.finish([shown.ok(one), shown.failed(two)])
    (row,) = promotions(shown).reconcile("v2", since=shown.at(0), up_to=3)
    assert (row.messages, row.ok, row.failed, row.missing, row.waiting) == (3, 1, 1, 1, 0)
    assert promotions(shown).reconcile("v2", since=shown.at(0), up_to=2)[0].missing == 0
    assert promotions(shown).reconcile("v2", since=shown.at(3), up_to=3)[0].messages == 1


def test_the_horizon_is_the_newest_message_stored_before(shown: "World") -> None:
    shown.clock.forward(minutes=11)
    shown.store(shown.message(4), seen=61)
    assert promotions(shown).horizon(shown.clock()) == 3
    assert promotions(shown).horizon(shown.clock() - (shown.clock() - shown.at(-9999))) == 0
