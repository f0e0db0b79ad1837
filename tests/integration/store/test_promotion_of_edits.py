"""Edited posts in a change of the live version: who read an older text does not speak for the newer one."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.store.promoting import codes, promote, promotions, reparse, roll_back, switch
from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.store.promotion import Switched

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


@pytest.fixture
def read_by_both(world: "World") -> "World":
    """Give a world in which v1 is shown, and v2 has read the same posts: two assignments and a promo."""
    world.store(*(world.message(n, f"text {n}") for n in (1, 2, 3)), seen=30, enqueue="v1")
    world.extract({1: ["A1"], 2: ["B1", "B2"], 3: "promo"})
    world.assignments.project("v1")
    reparse(world, {1: ["A1-v2"], 2: ["B1-v2"], 3: "promo"})
    return world


def edit(
    world: "World", message_id: int, outcome: "list[str] | str", version: str, *, minute: float = 40
) -> None:
    """Store a new revision and let one version alone read and project it."""
    text = f"text {message_id} at {minute}"
    world.store(world.message(message_id, text, edited=minute), seen=minute, enqueue=version)
    world.extract({message_id: outcome}, version)
    world.assignments.project(version)


def test_a_rollback_keeps_what_edits_since_say_until_the_version_has_read_them(read_by_both: "World") -> None:
    world = read_by_both
    promote(world)
    edit(world, 1, "status", "v2", minute=40)
    edit(world, 2, ["B3"], "v2", minute=41)
    assert roll_back(world) == Switched(previous="v2", kept=2, enqueued=2)
    assert codes(world) == {1: ["A1-v2 closed"], 2: ["B3"]}
    world.extract({1: "status", 2: ["B1", "B4"]}, "v1")
    world.assignments.project("v1")
    assert codes(world) == {1: ["A1 closed"], 2: ["B1", "B4"]}


def test_an_edit_only_the_live_version_has_read_stays_and_is_enqueued_however_old(
    read_by_both: "World",
) -> None:
    world = read_by_both
    edit(world, 1, "status", "v1")
    assert promote(world) == Switched(previous="v1", kept=1, enqueued=1)
    assert codes(world) == {1: ["A1 closed"], 2: ["B1-v2"]}
    assert world.jobs("v2")[1, 2] == ("pending", None)
    world.extract({1: ["A2-v2"]}, "v2")
    world.assignments.project("v2")
    assert codes(world) == {1: ["A2-v2"], 2: ["B1-v2"]}


def test_posts_the_version_never_read_are_kept_and_not_enqueued_behind_its_back(world: "World") -> None:
    """A version that was tried on a window would otherwise have to read all that is older."""
    world.store(world.message(1), world.message(2), seen=30, enqueue="v1")
    world.extract({1: ["A1"], 2: ["B1"]})
    edit(world, 1, "status", "v1")
    world.queue.enqueue("v2", [world.raw_id(2)], lane="reparse")
    world.extract({2: ["B1-v2"]}, "v2")
    assert promote(world) == Switched(previous="v1", kept=1, enqueued=0)
    assert codes(world) == {1: ["A1 closed"], 2: ["B1-v2"]}


def test_an_edit_the_version_died_of_stays_as_the_live_one_read_it(read_by_both: "World") -> None:
    world = read_by_both
    edit(world, 1, "status", "v1")
    world.queue.enqueue("v2", [world.raw_id(1, 2)], lane="reparse")
    job = world.claim_one("v2")
    world.queue.finish([Finished(job=job, status="dead", reason="x", error_class="E")])
    assert promote(world) == Switched(previous="v1", kept=1, enqueued=0)
    assert codes(world) == {1: ["A1 closed"], 2: ["B1-v2"]}


def test_a_status_post_that_was_edited_closes_as_the_newer_text_says(read_by_both: "World") -> None:
    """Both ways: it has become one, it has ceased to be one."""
    world = read_by_both
    for message_id, first, second in ((4, "promo", "status"), (5, "status", "promo")):
        world.store(world.message(message_id, f"about {message_id}"), seen=35, enqueue="v1")
        world.queue.enqueue("v2", [world.raw_id(message_id)], lane="reparse")
        for version in ("v1", "v2"):
            _end(world, message_id, first, version)
        world.store(world.message(message_id, f"more about {message_id}", edited=40), seen=40, enqueue="v1")
        _end(world, message_id, second, "v1")
    world.assignments.project("v1")
    assert codes(world) == {1: ["A1 closed"], 2: ["B1", "B2"]}
    assert promote(world).enqueued == 2
    assert codes(world) == {1: ["A1-v2 closed"], 2: ["B1-v2"]}


def _end(world: "World", message_id: int, reason: str, version: str) -> None:
    """Let the version skip the post; as a status post, 4 closes what A1 and A1-v2 name, 5 the others."""
    named = {4: ["A1", "A1-v2"], 5: ["B1", "B2", "B1-v2"]}[message_id]
    job = world.claim_one(version)
    end = world.skipped(job, reason)
    world.queue.finish([replace(end, meta={"closes": {"codes": named}}) if reason == "status" else end])


def test_what_an_older_text_gave_makes_way_also_where_nothing_is_shown_instead(
    read_by_both: "World",
) -> None:
    world = read_by_both
    reparse(world, {1: ["A1-v3"], 2: "promo", 3: ["C1"]}, "v3")
    edit(world, 3, "promo", "v1")
    assert promote(world, "v3") == Switched(previous="v1", kept=0, enqueued=1)
    assert codes(world) == {1: ["A1-v3"]}
    assert {"message_id": 3} in world.rows("SELECT message_id FROM unmatched WHERE projection = 'v3'")


def test_an_end_for_the_newer_text_that_comes_during_the_switch_counts(read_by_both: "World") -> None:
    world = read_by_both
    edit(world, 1, "status", "v1")
    world.queue.enqueue("v2", [world.raw_id(1, 2)], lane="reparse")
    promotions(world).build("v2")
    world.extract({1: ["A2-v2"]}, "v2")
    switch(world)
    assert codes(world) == {1: ["A2-v2"], 2: ["B1-v2"]}


def test_an_edit_goes_on_being_shown_over_several_changes(read_by_both: "World") -> None:
    """Also to a version that is behind the one that gave the rows, not behind the one that shows them."""
    world = read_by_both
    reparse(world, {1: ["A1-v3"], 2: ["B1-v3"], 3: "promo"}, "v3")
    promote(world)
    edit(world, 1, "status", "v2")
    roll_back(world)
    assert codes(world)[1] == ["A1-v2 closed"]
    promote(world, "v3")
    assert codes(world) == {1: ["A1-v2 closed"], 2: ["B1-v3"]}
    promote(world, "v2")
    assert codes(world) == {1: ["A1-v2 closed"], 2: ["B1-v2"]}


def test_a_version_shows_its_own_rows_again_once_nobody_has_read_more(read_by_both: "World") -> None:
    """They made way for rows that somebody else gave and that are gone now."""
    world = read_by_both
    promote(world)
    edit(world, 1, ["A2-v2"], "v2")
    roll_back(world)
    promote(world, "v2")
    world.db.execute("DELETE FROM telegram_extractions WHERE pipeline_version = 'v2'", {})
    world.db.execute("DELETE FROM projected_assignments WHERE projection = 'v2'", {})
    roll_back(world)
    assert codes(world) == {1: ["A1"], 2: ["B1", "B2"]}


def test_rows_that_are_kept_count_as_kept_and_not_as_changed(read_by_both: "World") -> None:
    world = read_by_both
    edit(world, 2, "status", "v1")
    promotions(world).build("v2")
    found = promotions(world).differences("v1", "v2", samples=9)
    assert [sample.message_id for sample in found.samples] == [1]
    assert (found.added, found.absent, found.kept, found.shared, found.changed) == (0, 2, 2, 1, 1)
