"""Likely duplicates follow what is shown: found, dropped and grouped as posts come, change and go."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tutordex_dagster.store.duplicates import Duplicates

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

FIELDS: dict[str, Any] = {
    "postal_code": ["570010"],
    "address": ["10 Bishan Street 12"],
    "levels": ["Primary 5"],
    "subjects": ["Mathematics"],
    "rate": {"min": 40, "max": 50},
}
Advertise = Callable[..., None]


@pytest.fixture
def advertise(world: "World") -> Advertise:
    """Give a function by which an agency (channel) posts, or edits, an assignment that is then matched."""

    def post(channel_id: int, message_id: int, *, edited: float | None = None, **fields: Any) -> None:  # noqa: ANN401
        if channel_id != world.channel_id:
            world.register(channel_id)
        message = world.message(message_id, f"{channel_id} {edited}", edited=edited)
        world.store(message, seen=60 + (edited or 0), enqueue="v1", channel_id=channel_id)
        world.extract({message_id: [f"C{channel_id}"]}, **{**FIELDS, **fields})
        match(world)

    return post


def match(world: "World") -> None:
    world.assignments.project("v1")
    while duplicates(world).update("v1", limit=2):
        pass


def duplicates(world: "World") -> Duplicates:
    return Duplicates(world.db, within=timedelta(days=7))


def groups(world: "World") -> dict[int, str]:
    rows = world.rows("SELECT channel_id, group_id FROM likely_duplicates")
    return {row["channel_id"]: row["group_id"] for row in rows}


def test_the_same_place_and_subject_at_two_agencies_is_a_pair_with_evidence(
    world: "World", advertise: Advertise
) -> None:
    advertise(5, 1)
    assert groups(world) == {}
    advertise(6, 2)
    assert groups(world) == {5: "5/1/0", 6: "5/1/0"}
    (pair,) = duplicates(world).shown(9)
    assert (pair["one"], pair["other"], pair["one_code"]) == ("t.me/c5", "t.me/c6", "C5")
    assert pair["score"] > 0.9
    assert pair["evidence"]["postal_code"] == ["570010"]
    assert world.assignments.stats().open == 2


def test_an_agency_that_repeats_itself_is_no_duplicate(world: "World", advertise: Advertise) -> None:
    advertise(5, 1)
    advertise(5, 2)
    assert duplicates(world).shown(9) == []


def test_an_edit_that_contradicts_ends_the_pair(world: "World", advertise: Advertise) -> None:
    advertise(5, 1)
    advertise(6, 2)
    advertise(6, 2, edited=50, levels=["Primary 6"])
    assert groups(world) == {}
    assert world.rows("SELECT * FROM duplicate_pairs") == []
    assert world.rows("SELECT * FROM duplicate_groups") == []


def test_what_is_connected_is_one_group_and_falls_apart_with_its_link(
    world: "World", advertise: Advertise
) -> None:
    by_street = {"postal_code": None}
    advertise(6, 2, postal_code=["570011"])
    advertise(5, 1)
    assert groups(world) == {}
    advertise(7, 3, **by_street)
    assert groups(world) == {5: "5/1/0", 6: "5/1/0", 7: "5/1/0"}
    advertise(7, 3, edited=50, subjects=["English"])
    assert groups(world) == {}


def test_closed_assignments_are_shown_as_duplicates_no_more(world: "World", advertise: Advertise) -> None:
    advertise(5, 1)
    advertise(6, 2)
    world.tail(seen=200, deleted=[1])
    assert duplicates(world).shown(9) == []


def test_other_projections_have_their_own(world: "World", advertise: Advertise) -> None:
    advertise(5, 1)
    advertise(6, 2)
    world.queue.enqueue("v2", [world.raw_id(1), world.raw_id(2)], lane="reparse")
    world.extract({1: ["X"], 2: ["Y"]}, "v2", **FIELDS)
    world.assignments.project("v2")
    assert duplicates(world).update("v2") is False
    assert {row["projection"] for row in world.rows("SELECT * FROM duplicate_pairs")} == {"v1", "v2"}
    assert len(duplicates(world).shown(9)) == 1


def test_old_posts_are_not_looked_at(world: "World", advertise: Advertise) -> None:
    world.clock.forward(hours=24 * 61)
    advertise(5, 1)
    advertise(6, 2)
    assert groups(world) == {}


def test_a_crowded_key_is_compared_with_its_neighbours_only(world: "World") -> None:
    """Lost otherwise: an evening, because an agency puts its own postal code into every post."""
    world.register(6)
    posts = range(1, 121)
    for channel_id in (5, 6):
        messages = [world.message(n + 1000 * channel_id, f"post {n}", minute=n) for n in posts]
        world.store(*messages, seen=200, enqueue="v1", channel_id=channel_id)
    world.extract({n + 1000 * c: [f"C{n}"] for n in posts for c in (5, 6)}, **FIELDS)
    match(world)
    (row,) = world.rows("SELECT count(*) AS pairs FROM duplicate_pairs")
    assert 120 <= row["pairs"] <= 120 * 40
