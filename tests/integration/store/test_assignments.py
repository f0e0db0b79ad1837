"""The projection: `assignments` follows edits, deletions and versions, and readers never see half."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.extraction.contract import (
    Assignment,
    Evidence,
    Extracted,
    LearningMode,
    Rate,
    TierRate,
    TimeAvailability,
    WeekSlots,
)
from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.store.assignments import ProjectionResult

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

OPEN = ("A1", "open", None)


@pytest.fixture
def shown(world: "World") -> "World":
    """Give a world in which message 1 shows as assignment A1."""
    world.store(world.message(1, "A1 old"), seen=30, enqueue="v1")
    world.extract({1: ["A1"]})
    assert world.assignments.project("v1") == ProjectionResult(upserted=1)
    assert world.shown() == {(1, 0): OPEN}
    return world


def test_every_field_of_an_assignment_arrives_in_its_column(world: "World") -> None:
    segment = Assignment(
        assignment_code="A1",
        academic_display_text="P5 Maths",
        learning_mode=LearningMode(mode="Online", raw_text="via Zoom"),
        address=("Blk 1",),
        postal_code=("650526",),
        nearest_mrt=("Bedok",),
        lesson_schedule=("1.5h x 2",),
        start_date="ASAP",
        rate=Rate(min=30, max=40.5, raw_text="$30-40.50/h"),
        additional_remarks="female",
        time_availability=TimeAvailability(explicit=WeekSlots(monday=("16:00-18:00",))),
        subjects=("Mathematics",),
        levels=("Primary 5",),
        streams=("Standard",),
        tutor_types=("FT",),
        rate_breakdown=(TierRate(tutor_type="PT", min=30, raw_text="$30"),),
        districts=(16, 18),
        region="East",
        evidence={"region": Evidence(confidence=0.9, span=(3, 9), source="rules")},
    )
    world.store(world.message(1), enqueue="v1")
    result = Extracted(kind="assignment", segments=(segment,)).model_dump_json().encode()
    world.queue.finish([Finished(job=world.claim_one(), status="ok", result=result)])
    world.assignments.project("v1")
    (row,) = world.rows("SELECT * FROM assignments")
    assert row.pop("time_availability")["explicit"]["monday"] == ["16:00-18:00"]
    assert row == {
        "channel_id": 5,
        "message_id": 1,
        "segment": 0,
        "raw_id": world.raw_id(1),
        "pipeline_version": "v1",
        "assignment_code": "A1",
        "academic_display_text": "P5 Maths",
        "learning_mode": "Online",
        "address": ["Blk 1"],
        "postal_code": ["650526"],
        "nearest_mrt": ["Bedok"],
        "lesson_schedule": ["1.5h x 2"],
        "start_date": "ASAP",
        "rate_min": Decimal(30),
        "rate_max": Decimal("40.5"),
        "rate_text": "$30-40.50/h",
        "additional_remarks": "female",
        "subjects": ["Mathematics"],
        "levels": ["Primary 5"],
        "streams": ["Standard"],
        "tutor_types": ["FT"],
        "rate_breakdown": [{"tutor_type": "PT", "min": 30.0, "max": None, "raw_text": "$30"}],
        "districts": [16, 18],
        "region": "East",
        "evidence": {"region": {"confidence": 0.9, "span": [3, 9], "source": "rules"}},
        "status": "open",
        "closed_reason": None,
        "closed_by": None,
        "kind": "assignment",
        "posted_at": world.at(1),
        "updated_at": world.clock(),
    }


def test_what_is_not_stated_stays_null(world: "World") -> None:
    world.store(world.message(1), enqueue="v1")
    result = Extracted(kind="assignment", segments=(Assignment(),)).model_dump_json().encode()
    world.queue.finish([Finished(job=world.claim_one(), status="ok", result=result)])
    world.assignments.project("v1")
    (row,) = world.rows("SELECT address, postal_code, rate_min, start_date, subjects FROM assignments")
    assert row == {"address": None, "postal_code": None, "rate_min": None, "start_date": None, "subjects": []}


def test_projecting_again_does_nothing(shown: "World") -> None:
    assert shown.assignments.project("v1") == ProjectionResult()


def test_a_limit_leaves_the_rest_for_the_next_time(shown: "World") -> None:
    shown.store(*(shown.message(n) for n in (2, 3, 4)), enqueue="v1")
    shown.extract({2: ["B"], 3: ["C"], 4: "promo"})
    assert shown.assignments.project("v1", limit=2) == ProjectionResult(upserted=2, more=True)
    assert shown.assignments.project("v1", limit=2) == ProjectionResult()


def test_an_edit_shows_after_its_extraction(shown: "World") -> None:
    shown.store(shown.message(1, "A2 new", edited=40), enqueue="v1")
    assert shown.assignments.project("v1") == ProjectionResult()
    assert shown.shown() == {(1, 0): OPEN}
    shown.extract({1: ["A2"]})
    assert shown.assignments.project("v1") == ProjectionResult(upserted=1)
    assert shown.shown() == {(1, 0): ("A2", "open", None)}


def test_an_edit_that_lands_while_the_old_text_is_processed_wins(world: "World") -> None:
    world.store(world.message(1, "old"), seen=30, enqueue="v1")
    old = world.claim_one()
    world.store(world.message(1, "new", edited=40), enqueue="v1")
    new = world.claim_one()
    world.queue.finish([world.ok(new, "NEW")])
    world.queue.finish([world.ok(old, "OLD")])
    world.assignments.project("v1")
    assert world.shown() == {(1, 0): ("NEW", "open", None)}


def test_a_deletion_closes_the_assignment_at_once(shown: "World") -> None:
    shown.clock.forward(minutes=1)
    shown.store(seen=60, sweep="sealed")
    assert shown.shown() == {(1, 0): ("A1", "closed", "deleted")}
    assert shown.rows("SELECT updated_at FROM assignments") == [{"updated_at": shown.clock()}]


def test_a_result_that_arrives_after_the_deletion_is_shown_as_closed(world: "World") -> None:
    world.store(world.message(1), seen=30, enqueue="v1")
    job = world.claim_one()
    world.store(seen=60, sweep="sealed")
    world.queue.finish([world.ok(job)])
    assert world.assignments.project("v1") == ProjectionResult()
    assert world.shown() == {(1, 0): ("A1", "closed", "deleted")}


def test_a_message_that_comes_back_is_open_again_after_its_extraction(shown: "World") -> None:
    shown.store(seen=60, sweep="sealed")
    shown.store(shown.message(1, "A1 old"), seen=90, enqueue="v1")
    shown.extract({1: ["A1"]})
    shown.assignments.project("v1")
    assert shown.shown() == {(1, 0): OPEN}


@pytest.mark.parametrize(("reason", "closed_reason"), [("status", "taken"), ("promo", "not_an_assignment")])
def test_an_edit_into_something_else_closes_the_assignment(
    shown: "World", reason: str, closed_reason: str
) -> None:
    shown.store(shown.message(1, "now taken", edited=40), enqueue="v1")
    shown.extract({1: reason})
    assert shown.assignments.project("v1") == ProjectionResult(closed=1)
    assert shown.shown() == {(1, 0): ("A1", "closed", closed_reason)}


def test_an_assignment_that_says_so_is_closed(world: "World") -> None:
    world.store(world.message(1), enqueue="v1")
    world.extract({1: ["A1"]}, status="closed")
    world.assignments.project("v1")
    assert world.shown() == {(1, 0): ("A1", "closed", "stated")}


def test_a_failed_reading_of_an_edit_leaves_what_was_shown(shown: "World") -> None:
    shown.store(shown.message(1, "odd", edited=40), enqueue="v1")
    shown.queue.finish([shown.failed(shown.claim_one())])
    assert shown.assignments.project("v1") == ProjectionResult()
    assert shown.shown() == {(1, 0): OPEN}


def test_segments_of_a_compilation_are_rows_and_go_when_the_post_shrinks(world: "World") -> None:
    world.store(world.message(1, "A B C"), seen=30, enqueue="v1")
    world.extract({1: ["A", "B", "C"]}, kind="compilation")
    assert world.assignments.project("v1") == ProjectionResult(upserted=3)
    world.store(world.message(1, "A C", edited=40), enqueue="v1")
    world.extract({1: ["A", "C"]})
    assert world.assignments.project("v1") == ProjectionResult(upserted=2, removed=1)
    assert world.shown() == {(1, 0): ("A", "open", None), (1, 1): ("C", "open", None)}


def test_a_forced_second_reading_replaces_the_first(shown: "World") -> None:
    shown.queue.enqueue("v1", [shown.raw_id(1)], lane="reparse", force=True)
    assert shown.shown() == {(1, 0): OPEN}
    shown.extract({1: ["A9"]})
    shown.assignments.project("v1")
    assert shown.shown() == {(1, 0): ("A9", "open", None)}


def test_other_versions_touch_no_assignment(shown: "World") -> None:
    shown.queue.enqueue_window("v2", channel_ids=[5], window=shown.day, lane="reparse")
    shown.extract({1: ["A1-v2"]}, "v2")
    assert shown.assignments.project("v2") == ProjectionResult(upserted=1)
    assert shown.shown() == {(1, 0): OPEN}


def test_stats_count_open_ones_by_channel_and_level(shown: "World") -> None:
    shown.store(*(shown.message(n) for n in (2, 3)), enqueue="v1")
    shown.extract({2: ["B1"], 3: ["B2"]}, levels=["Primary 5", "Primary 6"])
    shown.assignments.project("v1")
    shown.store(shown.message(1, "A1 old"), shown.message(2), shown.message(3), sweep="sealed")
    shown.store(shown.message(2), shown.message(3), sweep="sealed", seen=61)
    stats = shown.assignments.stats()
    assert (stats.open, stats.closed, stats.newest) == (2, 1, shown.at(3))
    assert (stats.by_channel, stats.by_level) == ({"t.me/c5": 2}, {"Primary 5": 2, "Primary 6": 2})


def test_a_sample_shows_the_newest_first(shown: "World") -> None:
    shown.store(shown.message(2), enqueue="v1")
    shown.extract({2: ["B1"]})
    shown.assignments.project("v1")
    (row,) = shown.assignments.sample(1)
    assert (row["reference"], row["assignment_code"], row["posted_at"]) == ("t.me/c5", "B1", shown.at(2))


def test_a_code_that_is_open_twice_in_a_channel_is_a_duplicate(shown: "World") -> None:
    shown.register(6)
    shown.store(*(shown.message(n) for n in (2, 3)), enqueue="v1")
    shown.store(shown.message(4), channel_id=6, enqueue="v1")
    shown.extract({2: ["A1"], 3: ["B1"], 4: ["B1"]})
    shown.assignments.project("v1")
    assert shown.assignments.duplicates() == [
        {"reference": "t.me/c5", "assignment_code": "A1", "times": 2, "message_ids": [1, 2]}
    ]


def test_the_failure_share_counts_attempted_jobs_only(shown: "World") -> None:
    since = shown.at(0)
    assert shown.assignments.failure_share("v1", since) == 0
    shown.store(*(shown.message(n) for n in (2, 3, 4, 5)), enqueue="v1")
    two, three, four = shown.queue.claim("v1", limit=3)
    shown.queue.finish([shown.failed(two, retry_in=9), shown.skipped(three, "promo")])
    shown.queue.finish([Finished(job=four, status="dead", reason="x", error_class="E")])
    assert shown.assignments.failure_share("v1", since) == 0.5
    assert shown.assignments.failure_share("v1", since + timedelta(hours=1)) == 0
    assert shown.assignments.failure_share("v2", since) == 0


def test_a_deletion_during_a_projection_is_never_lost(shown: "World") -> None:
    """Without the channel's lock, the projection would not see the deletion and open the row again."""
    shown.store(shown.message(1, "A2", edited=40), seen=50, enqueue="v1")
    shown.extract({1: ["A2"]})
    with ThreadPoolExecutor(2) as pool:
        with shown.db.connection() as blocker:
            blocker.execute("SELECT FROM assignments FOR UPDATE")
            deletion = pool.submit(shown.store, seen=60, sweep="sealed")
            shown.wait_for_blocked(1)
            projection = pool.submit(shown.assignments.project, "v1")
            shown.wait_for_blocked(2)
        assert deletion.result().deleted == 1
        projection.result()
    assert shown.shown() == {(1, 0): ("A2", "closed", "deleted")}
