"""The coverage ledger: what every hour's row says after reads."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.capture.contract import HourReport
from tutordex_dagster.windows import Window

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


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
        changed_at=world.clock(),
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
