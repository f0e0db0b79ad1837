"""When an hour is to be read again: planned by sweeps, demanded where changes were lost."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tutordex_dagster.capture.contract import HourState, HourSweep, SourceKind, StoreResult
from tutordex_dagster.windows import Window

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


def sweep(
    world: "World",
    *,
    seen: float,
    reread: float | None,
    source: SourceKind = "telegram",
    state: HourState = "sealed",
) -> datetime | None:
    """Read ten o'clock's hour as of minute `seen`, to be read again at `reread`; return the plan stored."""
    hour = HourSweep(
        hour=world.at(0),
        state=state,
        error="gone" if state == "failed" else None,
        reread_at=None if reread is None else world.at(reread),
    )
    world.log.store(replace(world.batch(seen=seen), hours=[hour], source=source))
    due: datetime | None = world.hour()["reread_at"]
    return due


def test_a_sweep_plans_the_next_look_and_the_last_one_none(world: "World") -> None:
    assert sweep(world, seen=60, reread=240) == world.at(240)
    assert sweep(world, seen=240, reread=780) == world.at(780)
    assert sweep(world, seen=800, reread=None) is None


def test_a_read_that_began_before_the_time_to_look_again_is_no_such_look(world: "World") -> None:
    sweep(world, seen=60, reread=240)
    assert sweep(world, seen=239, reread=780) == world.at(240)


def test_a_failed_read_and_an_export_are_no_look_either(world: "World") -> None:
    sweep(world, seen=60, reread=240)
    assert sweep(world, seen=300, reread=None, state="failed") == world.at(240)
    assert sweep(world, seen=300, reread=None, source="export") == world.at(240)
    assert sweep(world, seen=300, reread=780) == world.at(780)


def test_a_message_stored_by_the_way_leaves_the_plan_alone(world: "World") -> None:
    sweep(world, seen=60, reread=240)
    world.tail(world.message(1), seen=300)
    assert world.hour()["reread_at"] == world.at(240)


def test_hours_that_lost_their_changes_are_due_at_once(world: "World") -> None:
    for number in range(4):
        world.log.store(world.sweep_of(number, "sealed"))
    world.rows(
        "UPDATE channel_hours SET reread_at = %(at)s WHERE hour >= %(at)s RETURNING 1", at=world.at(120)
    )
    assert world.tail(reread=Window(world.at(70), world.at(180)), cursor=100) == StoreResult()
    rows = world.rows("SELECT reread_at FROM channel_hours ORDER BY hour")
    assert [row["reread_at"] for row in rows] == [None, world.clock(), world.clock(), world.at(120)]
    assert world.log.position(5).cursor == 100


def test_a_read_under_way_when_changes_were_lost_does_not_end_the_demand(world: "World") -> None:
    sweep(world, seen=60, reread=None)
    world.clock.now = world.at(100)
    world.tail(seen=100, reread=Window(world.at(0), world.at(60)))
    assert sweep(world, seen=99, reread=240) == world.at(100)
    assert sweep(world, seen=100, reread=240) == world.at(240)


def test_every_loss_asks_for_a_read_that_began_after_it(world: "World") -> None:
    sweep(world, seen=60, reread=None)
    for minute in (100, 110):
        world.clock.now = world.at(minute)
        world.tail(seen=minute, reread=Window(world.at(0), world.at(60)))
    assert sweep(world, seen=105, reread=240) == world.at(110)
    assert sweep(world, seen=111, reread=240) == world.at(240)


def test_a_demand_for_hours_nobody_knows_makes_no_rows(world: "World") -> None:
    world.clock.forward(hours=1)
    world.tail(reread=Window(world.at(0), world.at(0) + timedelta(days=14)))
    assert world.rows("SELECT * FROM channel_hours") == []
