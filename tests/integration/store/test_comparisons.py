"""Pairs come page by page, each once, whatever the versions hold; a page costs an index walk."""

from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.store import comparisons
from tutordex_dagster.store.comparisons import Comparisons
from tutordex_dagster.store.queries import load

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


@pytest.fixture
def store(world: "World") -> Comparisons:
    return Comparisons(world.db, clock=world.clock)


def test_every_pair_comes_once_by_raw_id_over_page_boundaries(
    world: "World", store: Comparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "_PAGE", 2)
    world.store(*(world.message(number) for number in range(1, 8)), enqueue="v1")
    ids = [world.raw_id(number) for number in range(1, 8)]
    world.queue.enqueue("v2", ids[3:], lane="reparse")
    world.queue.enqueue("v3", ids, lane="reparse")
    world.extract({number: ["A1"] for number in range(1, 8)})
    world.extract({4: "promo", 5: ["A1"], 6: ["A1"], 7: ["A1"]}, version="v2")

    pairs = list(store.version_pairs("v1", "v2", world.day, None))

    assert [pair.raw_id for pair in pairs] == ids
    assert [pair.b.status for pair in pairs] == ["missing"] * 3 + ["skipped"] + ["ok"] * 3
    assert pairs[3].b.reason == "promo"
    assert pairs[4].a.segments[0]["assignment_code"] == "A1"
    assert {pair.channel for pair in pairs} == {"t.me/c5"}
    assert list(store.version_pairs("v1", "v2", world.day, [6])) == []


def test_a_post_that_changed_while_a_version_had_not_read_it_is_missing_and_not_skipped(
    world: "World", store: Comparisons
) -> None:
    world.store(*(world.message(number) for number in (1, 2, 3)), enqueue="v1")
    world.queue.enqueue("v2", [world.raw_id(number) for number in (1, 2, 3)], lane="reparse")
    world.extract({number: ["A1"] for number in (1, 2, 3)})
    world.store(
        world.message(1, "P6 Science at Bishan", edited=70), world.message(3), seen=80, sweep="sealed"
    )
    world.extract({3: ["A1"]}, version="v2")

    pairs = store.version_pairs("v1", "v2", world.day, None)
    ends = {pair.message_id: (pair.a.status, pair.b.status) for pair in pairs}

    assert {("skipped", "superseded"), ("skipped", "deleted")} <= set(world.jobs("v2").values())
    assert ends == {1: ("ok", "missing"), 2: ("ok", "missing"), 3: ("ok", "ok")}


def test_a_frozen_sample_is_random_but_the_same_for_the_same_name(world: "World", store: Comparisons) -> None:
    world.store(*(world.message(number) for number in range(1, 60)))

    def frozen(name: str) -> list[list[int]]:
        store.freeze(name, world.day, channels={"t.me/c5": 5}, named=None, sample=7)
        return list(store.member_ids(name, page=3))

    first = frozen("one")
    assert [len(page) for page in first] == [3, 3, 1]
    assert frozen("one") == first
    assert frozen("two") != first


def test_a_post_that_is_edited_later_keeps_the_revision_that_was_frozen(
    world: "World", store: Comparisons
) -> None:
    world.store(world.message(1))
    store.freeze("one", world.day, channels={"t.me/c5": 5}, named=None, sample=None)
    world.store(world.message(1, "P6 Science at Bishan", edited=70), seen=80)
    assert list(store.member_ids("one")) == [[world.raw_id(1)]]


def test_nothing_is_frozen_when_there_is_nothing_to_freeze(world: "World", store: Comparisons) -> None:
    with pytest.raises(UsageError, match="has no post in its window"):
        store.freeze("one", world.day, channels={"t.me/c5": 5}, named=None, sample=None)
    assert world.rows("SELECT * FROM experiments") == []


def test_a_page_of_a_large_table_walks_the_primary_key(world: "World") -> None:
    """A sort of all jobs for every page would make the cost grow with the square of their number."""
    world.rows(
        "INSERT INTO telegram_extractions (raw_id, pipeline_version, channel_id, posted_at, priority,"
        " not_before, enqueued_at) SELECT id, version, 5, now(), 3, now(), now()"
        " FROM generate_series(1, 20000) AS id, unnest(ARRAY['v1', 'v2']) AS version RETURNING 1"
    )
    params = {"after": 9000, "a": "v1", "b": "v2", "channel_ids": None, "limit": 500}
    bounds = {"since": world.day.since, "until": world.clock.now.replace(year=2100)}
    with world.db.connection() as connection:
        connection.execute("ANALYZE telegram_extractions")
        query = b"EXPLAIN " + load("comparisons")["version_page"].encode()
        plan = "\n".join(row[0] for row in connection.execute(query, {**params, **bounds}))
    assert "telegram_extractions_pkey" in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
