"""The coverage ledger: what every hour's row says after reads, and which hours are due."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.capture.contract import HourReport
from tutordex_dagster.store.channels import Export
from tutordex_dagster.windows import HOUR, Window

if TYPE_CHECKING:
    from datetime import datetime

    from tests.integration.store.conftest import World


def due(
    world: "World", *, until: float = 3, limit: int = 100, retry_failed_before: float = 0
) -> list[tuple[int, str]]:
    """Return (hours after ten, why) of the due hours of an empty-handed sensor."""
    found = world.coverage.due(
        target=world.at(60 * until),
        grid_start=world.at(-600),
        retry_failed_before=world.clock() + timedelta(minutes=retry_failed_before),
        limit=limit,
    )
    return [(round((hour.hour - world.at(0)) / HOUR), hour.why) for hour in found]


def report_all(world: "World") -> None:
    """Report every hour as it is now."""
    hours = [report.hour for report in world.coverage.hours(5, world.day)]
    world.coverage.mark_reported(5, hours, world.clock())


def test_a_sweep_writes_counts_ids_and_state_of_its_hour(world: "World") -> None:
    world.store(world.message(3), world.message(7), sweep="sealed")
    (report,) = world.coverage.hours(5, world.day)
    assert report == HourReport(
        hour=world.at(0),
        state="sealed",
        messages=2,
        first_message_id=3,
        last_message_id=7,
        digest=report.digest,
    )
    assert (world.hour()["swept_at"], world.hour()["swept_by"]) == (world.clock(), "telegram")


def test_an_hour_without_messages_is_known_too(world: "World") -> None:
    world.store(sweep="sealed")
    (report,) = world.coverage.hours(5, world.day)
    assert (report.messages, report.first_message_id, report.last_message_id) == (0, None, None)


def test_messages_outside_any_sweep_open_their_hour(world: "World") -> None:
    world.store(world.message(1))
    assert (world.hour()["state"], world.hour()["messages"], world.hour()["swept_at"]) == ("open", 1, None)


def test_a_late_message_changes_the_counts_of_a_sealed_hour_and_keeps_it_sealed(world: "World") -> None:
    world.store(sweep="sealed")
    world.clock.forward(minutes=5)
    world.store(world.message(1), seen=70)
    hour = world.hour()
    assert (hour["state"], hour["messages"], hour["changed_at"]) == ("sealed", 1, world.clock())
    assert hour["swept_at"] == world.clock() - timedelta(minutes=5)


def test_an_open_read_never_opens_a_sealed_hour(world: "World") -> None:
    world.store(sweep="sealed")
    world.store(sweep="open", seen=70)
    assert world.hour()["state"] == "sealed"


def test_failures_are_counted_until_a_read_succeeds(world: "World") -> None:
    world.store(sweep="failed", error="gone")
    world.store(sweep="failed", error="still\0 gone")
    assert (world.hour()["state"], world.hour()["attempts"], world.hour()["error"]) == (
        "failed",
        2,
        "still gone",
    )
    world.store(world.message(1))
    assert (world.hour()["state"], world.hour()["attempts"]) == ("failed", 2)
    world.store(world.message(1), sweep="open")
    assert (world.hour()["state"], world.hour()["attempts"], world.hour()["error"]) == ("open", 0, None)


def test_a_failure_without_words_still_has_an_error(world: "World") -> None:
    world.store(sweep="failed")
    assert world.hour()["error"] == "the read failed"


def test_a_failed_reread_keeps_a_sealed_hour_sealed_and_says_what_failed(world: "World") -> None:
    world.store(world.message(1), sweep="sealed")
    changed_at = world.hour()["changed_at"]
    world.clock.forward(minutes=1)
    world.store(sweep="failed", error="flood", seen=70)
    hour = world.hour()
    assert (hour["state"], hour["error"], hour["attempts"], hour["messages"]) == ("sealed", "flood", 1, 1)
    assert hour["changed_at"] == changed_at


def test_rereading_the_same_changes_neither_digest_nor_changed_at(world: "World") -> None:
    world.store(world.message(1), world.message(2), sweep="sealed")
    before = world.hour()
    world.clock.forward(hours=1)
    world.store(world.message(2), world.message(1), sweep="sealed", seen=90)
    assert (world.hour()["digest"], world.hour()["changed_at"]) == (before["digest"], before["changed_at"])
    assert world.hour()["swept_at"] == world.clock()


@pytest.mark.parametrize("change", ["edit", "deletion", "new message"])
def test_every_visible_change_moves_the_digest_and_changed_at(world: "World", change: str) -> None:
    world.store(world.message(1), sweep="sealed")
    before = world.hour()
    world.clock.forward(hours=1)
    now = {
        "edit": [world.message(1, "other", edited=70)],
        "deletion": [],
        "new message": [world.message(1), world.message(2)],
    }
    world.store(*now[change], sweep="sealed", seen=90)
    assert world.hour()["digest"] != before["digest"]
    assert world.hour()["changed_at"] == world.clock()


def test_hours_that_were_never_read_are_due_oldest_first_and_only_when_they_ended(world: "World") -> None:
    assert due(world, until=2.9) == [(0, "missing"), (1, "missing")]
    assert due(world, until=3, limit=2) == [(0, "missing"), (1, "missing")]
    assert due(world, until=0) == []


def test_channels_take_turns_by_age(world: "World") -> None:
    world.register(6, since=world.at(60))
    found = world.coverage.due(
        target=world.at(120), grid_start=world.at(0), retry_failed_before=world.at(0), limit=10
    )
    assert [(hour.channel_id, hour.reference, hour.hour) for hour in found] == [
        (5, "t.me/c5", world.at(0)),
        (5, "t.me/c5", world.at(60)),
        (6, "t.me/c6", world.at(60)),
    ]


def test_no_hour_before_the_grid_is_due(world: "World") -> None:
    found = world.coverage.due(
        target=world.at(180), grid_start=world.at(120), retry_failed_before=world.at(0), limit=10
    )
    assert [hour.hour for hour in found] == [world.at(120)]


def test_a_gap_between_sealed_hours_is_due(world: "World") -> None:
    world.store(sweep="sealed")
    world.log.store(world.sweep_of(2, "sealed"))
    report_all(world)
    assert due(world) == [(1, "missing")]


def test_an_ended_open_hour_is_due_and_a_sealed_reported_one_is_not(world: "World") -> None:
    world.store(sweep="open", seen=30)
    report_all(world)
    assert due(world, until=1) == [(0, "open")]
    world.clock.forward(minutes=1)
    world.store(sweep="sealed")
    assert due(world, until=1) == [(0, "unreported")]
    report_all(world)
    assert due(world, until=1) == []


def test_a_reported_hour_that_changes_is_due_again(world: "World") -> None:
    world.store(sweep="sealed")
    report_all(world)
    world.clock.forward(minutes=1)
    world.store(world.message(1), seen=70)
    assert due(world, until=1) == [(0, "unreported")]


def test_an_older_report_never_hides_a_newer_one(world: "World") -> None:
    world.store(sweep="sealed")
    report_all(world)
    world.coverage.mark_reported(5, [world.at(0)], world.at(0))
    assert due(world, until=1) == []


def test_a_failed_hour_waits_before_it_is_due_again(world: "World") -> None:
    world.store(sweep="failed", error="gone")
    assert due(world, until=1) == []
    assert due(world, until=1, retry_failed_before=1) == [(0, "failed")]


def test_hours_an_export_cannot_show_are_never_due(world: "World") -> None:
    world.db.execute("UPDATE channels SET source_kind = 'export' WHERE channel_id = 5", {})
    world.channels.add_export(export(world, vouches_until=world.at(90)))
    assert due(world) == [(0, "missing")]
    world.store(sweep="sealed")
    world.log.store(world.sweep_of(1, "open"))
    world.log.store(world.sweep_of(2, "failed"))
    assert due(world, retry_failed_before=1) == [(0, "unreported"), (1, "unreported")]
    report_all(world)
    assert due(world, retry_failed_before=1) == []


def export(world: "World", *, vouches_until: "datetime") -> Export:
    """Make an export of channel 5."""
    return Export(
        channel_id=5,
        path="/data/result.json",
        timezone=None,
        first_at=world.at(0),
        vouches_until=vouches_until,
        messages=3,
    )


def test_the_summary_counts_hours_and_finds_every_gap(world: "World") -> None:
    world.register(6)
    world.store(world.message(61))
    world.log.store(world.sweep_of(3, "sealed"))
    world.log.store(world.sweep_of(6, "failed"))
    five, six = world.coverage.summary()
    assert (five.sealed, five.open, five.failed, five.missing, five.messages) == (1, 1, 1, 4, 1)
    assert five.gaps == (
        Window(world.at(0), world.at(60)),
        Window(world.at(120), world.at(180)),
        Window(world.at(240), world.at(360)),
    )
    assert (five.reference, five.newest_message_at, five.first_hour) == (
        "t.me/c5",
        world.at(61),
        world.at(60),
    )
    assert (six.missing, six.gaps, six.newest_message_at, six.first_hour) == (0, (), None, None)


def test_the_summary_names_at_most_five_gaps_and_counts_all(world: "World") -> None:
    for hour in range(1, 15, 2):
        world.log.store(world.sweep_of(hour, "sealed"))
    (five,) = world.coverage.summary()
    assert (len(five.gaps), five.missing) == (5, 7)
