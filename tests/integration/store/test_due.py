"""Which hours need work, why, and in which order."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.store.channels import Export
from tutordex_dagster.windows import HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.integration.store.conftest import World
    from tutordex_dagster.store.coverage import DueHour


def due(
    world: "World",
    *,
    until: float = 3,
    limit: int = 100,
    retry_failed_before: float = 0,
    grid_start: float = -10,
    since: float | None = None,
    before: float | None = None,
) -> list[tuple[int, str]]:
    """Return (hours after ten, why) of the due hours; all bounds in hours after ten, failures in minutes."""
    found = world.coverage.due(
        now=world.clock(),
        target=world.at(60 * until),
        grid_start=world.at(60 * grid_start),
        since=None if since is None else world.at(60 * since),
        before=None if before is None else world.at(60 * before),
        retry_failed_before=world.clock() + timedelta(minutes=retry_failed_before),
        limit=limit,
    )
    return short(world, found)


def short(world: "World", found: "Sequence[DueHour]") -> list[tuple[int, str]]:
    """Return (hours after ten, why)."""
    return [(round((hour.hour - world.at(0)) / HOUR), hour.why) for hour in found]


def report_all(world: "World") -> None:
    """Report every hour as it is now."""
    world.coverage.mark_reported(5, world.coverage.hours(5, world.day), world.clock())


def test_hours_that_were_never_read_are_due_oldest_first_and_only_when_they_ended(world: "World") -> None:
    assert due(world, until=2.9) == [(0, "missing"), (1, "missing")]
    assert due(world, until=3, limit=2) == [(0, "missing"), (1, "missing")]
    assert due(world, until=0) == []


def test_channels_take_turns_by_age(world: "World") -> None:
    world.register(6, since=world.at(60))
    found = world.coverage.due(
        now=world.clock(),
        target=world.at(120),
        grid_start=world.at(0),
        since=None,
        before=None,
        retry_failed_before=world.at(0),
        limit=10,
    )
    assert [(hour.channel_id, hour.reference, hour.hour) for hour in found] == [
        (5, "t.me/c5", world.at(0)),
        (5, "t.me/c5", world.at(60)),
        (6, "t.me/c6", world.at(60)),
    ]


def test_no_hour_before_the_grid_is_due(world: "World") -> None:
    assert due(world, grid_start=2) == [(2, "missing")]


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
    world.coverage.mark_reported(5, world.coverage.hours(5, world.day), world.at(0))
    assert due(world, until=1) == []


def test_a_change_that_is_stored_while_its_hour_is_reported_is_due_afterwards(world: "World") -> None:
    world.store(world.message(1), sweep="sealed")
    shown = world.coverage.hours(5, world.day)
    world.store(world.message(1, "other", edited=65), seen=70)
    world.clock.forward(minutes=1)
    world.coverage.mark_reported(5, shown, world.clock())
    assert due(world, until=1) == [(0, "unreported")]


def test_a_change_that_waited_for_the_report_of_what_was_before_is_due_afterwards(world: "World") -> None:
    world.store(world.message(1), sweep="sealed")
    world.clock.forward(minutes=1)
    report_all(world)
    world.clock.forward(minutes=-0.5)
    world.store(world.message(1, "other", edited=65), seen=70)
    assert due(world, until=1) == [(0, "unreported")]
    report_all(world)
    assert due(world, until=1) == []


def test_what_comes_back_to_what_it_was_while_it_is_reported_is_due_afterwards(world: "World") -> None:
    world.store(world.message(1), sweep="sealed")
    shown = world.coverage.hours(5, world.day)
    world.store(world.message(2), seen=70)
    report_all(world)
    world.tail(deleted=[2], seen=80)
    world.coverage.mark_reported(5, shown, world.clock())
    assert world.hour()["digest"] == shown[0].digest
    assert due(world, until=1) == [(0, "unreported")]


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


def plan_reread(world: "World", hours_after_ten: int, due_after_ten: float) -> None:
    """Seal an hour, report it, and plan to look again so many hours after ten."""
    batch = world.sweep_of(hours_after_ten, "sealed")
    hours = [replace(sweep, reread_at=world.at(60 * due_after_ten)) for sweep in batch.hours]
    world.log.store(replace(batch, hours=hours))
    report_all(world)


def test_a_sealed_hour_is_due_again_when_the_time_to_look_again_has_come(world: "World") -> None:
    plan_reread(world, 0, due_after_ten=25)
    assert due(world, until=1) == []
    world.clock.now = world.at(60 * 25)
    assert due(world, until=1) == [(0, "reread")]


def test_a_reread_that_failed_waits_as_any_failed_read_does(world: "World") -> None:
    plan_reread(world, 0, due_after_ten=20)
    assert due(world, until=1) == [(0, "reread")]
    world.store(sweep="failed", error="gone", seen=1440)
    assert due(world, until=1) == []
    assert due(world, until=1, retry_failed_before=1) == [(0, "reread")]


def test_no_hour_is_read_again_that_its_export_cannot_show(world: "World") -> None:
    plan_reread(world, 0, due_after_ten=20)
    plan_reread(world, 1, due_after_ten=20)
    world.db.execute("UPDATE channels SET source_kind = 'export' WHERE channel_id = 5", {})
    world.channels.add_export(export(world, vouches_until=world.at(90)))
    assert due(world, until=2) == [(0, "reread")]


def test_what_was_never_read_comes_first_and_what_needs_no_read_last(world: "World") -> None:
    world.log.store(world.sweep_of(4, "open"))
    world.log.store(world.sweep_of(5, "failed"))
    plan_reread(world, 2, due_after_ten=20)
    plan_reread(world, 1, due_after_ten=20)
    world.clock.forward(minutes=1)
    world.store(sweep="sealed")
    expected = [(3, "missing"), (4, "open"), (5, "failed"), (1, "reread"), (2, "reread"), (0, "unreported")]
    assert due(world, until=6, retry_failed_before=1) == expected
    assert due(world, until=6, retry_failed_before=1, limit=4) == expected[:4]


def test_an_hour_to_look_at_again_that_is_also_unreported_is_due_once(world: "World") -> None:
    plan_reread(world, 0, due_after_ten=20)
    world.clock.forward(minutes=1)
    world.tail(world.message(1))
    assert due(world, until=1) == [(0, "reread")]


def test_only_hours_within_the_bounds_are_due(world: "World") -> None:
    plan_reread(world, 1, due_after_ten=20)
    world.log.store(world.sweep_of(3, "sealed"))
    every = [(0, "missing"), (2, "missing"), (4, "missing"), (1, "reread"), (3, "unreported")]
    assert due(world, until=5) == every
    for bound in range(7):
        assert due(world, until=5, since=bound) == [each for each in every if each[0] >= bound]
        assert due(world, until=5, before=bound) == [each for each in every if each[0] < bound]
    assert due(world, until=5, since=1, before=3) == [(2, "missing"), (1, "reread")]


def test_no_hour_before_the_channel_is_collected_is_due_whatever_the_bounds(world: "World") -> None:
    world.store(world.message(1, minute=-90))
    assert due(world, until=1, since=-5) == [(0, "missing")]
    assert due(world, until=1, before=0) == []


def unreported(world: "World", since: float, limit: int = 10) -> list[tuple[int, str]]:
    """Return (hours after ten, why) of what changed since it was last reported."""
    return short(world, world.coverage.unreported_since(world.at(60 * since), limit=limit))


def test_hours_with_news_are_found_the_running_one_too(world: "World") -> None:
    world.store(sweep="sealed")
    report_all(world)
    world.clock.forward(minutes=1)
    world.tail(world.message(1), world.message(61), world.message(121))
    assert unreported(world, since=0) == [(hour, "unreported") for hour in range(3)]
    assert unreported(world, since=0, limit=2) == [(hour, "unreported") for hour in range(2)]
    assert unreported(world, since=1) == [(hour, "unreported") for hour in (1, 2)]
    report_all(world)
    assert unreported(world, since=0) == []
    world.clock.forward(minutes=1)
    world.tail(seen=70, deleted=[61])
    assert unreported(world, since=0) == [(1, "unreported")]


@pytest.mark.parametrize("cursor", [None, 7])
def test_a_quiet_look_gives_nothing_to_report(world: "World", cursor: int | None) -> None:
    world.tail(world.message(1), cursor=7)
    report_all(world)
    world.clock.forward(minutes=1)
    world.tail(world.message(1), seen=70, cursor=cursor, deleted=[99])
    assert unreported(world, since=0) == []


def test_news_of_hours_that_failed_or_are_not_collected_are_not_reported(world: "World") -> None:
    world.store(sweep="failed", error="gone")
    world.tail(world.message(1), world.message(2, minute=-90))
    assert unreported(world, since=-5) == []


def test_a_channel_that_is_no_longer_listed_is_not_read_and_what_it_has_is_still_shown(
    world: "World",
) -> None:
    world.store(sweep="sealed")
    world.channels.note_listed(["t.me/other"])
    assert due(world) == [(0, "unreported")]
    world.channels.note_listed(["t.me/C5"])
    assert due(world) == [(1, "missing"), (2, "missing"), (0, "unreported")]
