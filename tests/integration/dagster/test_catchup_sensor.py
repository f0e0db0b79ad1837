"""The catchup sensor: gap by gap until none is left, and in plain words why not now."""

import json
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from tests.integration.dagster.telegram import channel, hourly, with_telegram
from tests.integration.dagster.ticks import (
    carry_out,
    config,
    note_run,
    requests,
    skipped,
    spans,
    tick,
    with_settings,
)
from tests.integration.dagster.world import NOW, START, World, post
from tutordex_dagster.assets.keys import COLLECT_JOB, DRAIN_JOB
from tutordex_dagster.resilience.errors import ChannelUnavailable
from tutordex_dagster.sensors.catchup import catchup_sensor
from tutordex_dagster.sensors.requests import RAW_OFF
from tutordex_dagster.windows import HOUR, Window

Result = dg.SensorResult | dg.SkipReason
LAST_ENDED = NOW.replace(minute=0)
OLD = START - 30 * HOUR
"""Where the grid of these tests begins."""
CATCHUP = {"tutordex/started_by": "catchup"}
UNSEALED = """
    SELECT channel.reference, count(*) FROM channels AS channel
    CROSS JOIN generate_series(%s, %s - interval '1 hour', interval '1 hour') AS h (hour)
    LEFT JOIN channel_hours AS ledger ON ledger.channel_id = channel.channel_id AND ledger.hour = h.hour
    WHERE ledger.state IS DISTINCT FROM 'sealed' GROUP BY 1 ORDER BY 1
"""


@pytest.fixture
def world(world: World) -> World:
    """Give a grid of 36 ended hours, of which the last two are the seal sensor's."""
    return with_settings(world, grid_start=OLD, initial_history_hours=48, recovery_catchup_chunk_hours=2)


def catchup(world: World) -> Result:
    result: Result = tick(world, catchup_sensor(settings=world.services.settings))
    return result


def drained(world: World) -> World:
    """Let extraction finish whatever is due."""
    assert world.run(DRAIN_JOB, run_config={"ops": {"drain_due": {"config": {"version": "rules"}}}}).success
    return world


def unsealed(world: World) -> dict[str, int]:
    """Count the hours per channel that the catchup has not sealed up to now."""
    with world.services.database.connection() as connection:
        return dict(connection.execute(UNSEALED, [OLD, LAST_ENDED - 2 * HOUR]).fetchall())


def catch_up(world: World, *, most: int = 40) -> list[dg.RunRequest]:
    """Tick, run and drain until the sensor asks for nothing."""
    asked: list[dg.RunRequest] = []
    for _ in range(most):
        found = requests(catchup(world))
        if not found:
            return asked
        carry_out(world, found)
        drained(world)
        asked += found
    raise AssertionError("the catchup does not come to an end")


def snapshot(world: World) -> dict[str, Any]:
    text = (world.services.settings.tutordex_home / "state/recovery_catchup_state.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_first_slice_begins_with_the_oldest_gap_and_takes_a_chunk_of_all_channels(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.record("beta", [post(6.5)], channel_id=2)
    world.publish()

    first, again = requests(catchup(world)), requests(catchup(world))

    (rectangle,) = spans(first)
    assert (rectangle.first_channel, rectangle.last_channel) == ("t.me/alpha", "t.me/beta")
    assert rectangle.window == Window(OLD, OLD + 2 * HOUR)
    assert config(first[0]) == {"lane": "catchup", "read": True, "follow": True}
    assert [each.run_key for each in first] == [each.run_key for each in again]
    assert first[0].tags.items() >= {"tutordex/started_by": "catchup", "dagster/priority": "1"}.items()


def test_slice_after_slice_closes_every_gap_and_says_so(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.record("beta", [post(7.5)], channel_id=2)
    world.publish()

    asked = catch_up(world)

    assert unsealed(world) == {}
    windows = [each.window for each in spans(asked)]
    assert all(window.until - window.since <= 3 * HOUR for window in windows)
    assert [window.since for window in windows] == sorted(window.since for window in windows)
    assert skipped(catchup(world)) == "Nothing is missing."
    assert world.rows("SELECT priority FROM telegram_extractions WHERE pipeline_version = 'rules'") == [
        (1,),
        (1,),
    ]


def test_a_second_outage_in_the_middle_leaves_no_hole(world: World) -> None:
    world.record("alpha", [post(-20), post(6.5)], channel_id=1)
    world.publish()
    for _ in range(3):
        carry_out(world, requests(catchup(world)))
        drained(world)
    world.clock.advance(timedelta(hours=7))

    catch_up(world)

    with world.services.database.connection() as connection:
        span = [OLD, LAST_ENDED + 5 * HOUR]
        assert connection.execute(UNSEALED, span).fetchall() == []


def test_a_channel_that_always_fails_holds_up_no_other_and_comes_back(world: World) -> None:
    gone = channel("alpha", 1, error=ChannelUnavailable("t.me/alpha: is private; join it"))
    beta = channel("beta", 2, messages=hourly(OLD, 40))
    world = with_telegram(world, gone, beta, since=OLD)

    catch_up(world)

    assert unsealed(world) == {"t.me/alpha": 34}
    assert skipped(catchup(world)) == "Nothing is missing."
    world.clock.advance(timedelta(minutes=61))
    gone.error = None
    catch_up(world)
    assert unsealed(world) == {}


def test_late_changes_are_looked_for_when_no_gap_is_left(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    catch_up(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reread_at = %s", [world.clock.now])
        connection.execute("DELETE FROM channel_hours WHERE hour = %s", [OLD + 4 * HOUR])

    first = requests(catchup(world))
    carry_out(world, first)
    second = requests(catchup(world))

    assert [each.window for each in spans(first)] == [Window(OLD + 3 * HOUR, OLD + 5 * HOUR)]
    assert spans(second)[0].window.since == OLD
    assert spans(second)[0].window.until - OLD >= 23 * HOUR


def test_the_next_slice_waits_for_the_last_one(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    (request,) = requests(catchup(world))
    run_id = note_run(world, COLLECT_JOB, dg.DagsterRunStatus.STARTED, request.tags)

    assert skipped(catchup(world)) == f"Run {run_id[:8]} is reading the last slice."


def test_live_jobs_come_first_and_those_of_other_versions_hold_nothing_up(world: World) -> None:
    world.record("alpha", [post(-20), post(-19.9)], channel_id=1)
    world.publish()
    while not world.rows("SELECT FROM telegram_extractions"):
        carry_out(world, requests(catchup(world)))

    assert skipped(catchup(world)) == "2 live jobs wait to be extracted; the next slice comes at 0 or fewer."
    assert requests(catchup(with_settings(world, recovery_catchup_queue_low_watermark=2)))
    assert requests(catchup(drained(world)))
    assert world.rows("SELECT status::text FROM telegram_extractions WHERE pipeline_version <> 'rules'") == [
        ("pending",),
        ("pending",),
    ]


def test_hours_that_another_run_reads_are_left_to_it(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    (request,) = requests(catchup(world))
    note_run(world, COLLECT_JOB, dg.DagsterRunStatus.STARTED, {**request.tags, **BY_A_PERSON})

    (other,) = spans(requests(catchup(world)))

    assert other.window == Window(OLD + HOUR, OLD + 4 * HOUR)


BY_A_PERSON = {"tutordex/started_by": "somebody"}


def test_telegram_that_cannot_be_read_is_named_and_recordings_go_on(world: World) -> None:
    obstacle = "Telegram asked to wait until 2026-03-02 13:00:00 UTC"
    world.record("zulu", [post(6.5)], channel_id=9)
    world = with_telegram(world, channel("alpha", 1), since=OLD, obstacle=obstacle)

    asked = catch_up(world)

    assert {each.first_channel for each in spans(asked)} == {"t.me/zulu"}
    assert skipped(catchup(world)) == f"34 hours are due, but Telegram is not read: {obstacle}."


def test_it_can_be_switched_off(world: World) -> None:
    off = with_settings(world, recovery_catchup_enabled=False)

    assert skipped(catchup(off)) == "RECOVERY_CATCHUP_ENABLED is 0: gaps are not closed by themselves."
    assert skipped(catchup(with_settings(world, supabase_raw_enabled=False))) == RAW_OFF


def test_people_can_read_what_is_missing(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    catchup(world)

    before = snapshot(world)
    assert before["channels"] == {
        "t.me/alpha": {"state": "catching up", "oldest_gap": OLD.isoformat(), "missing_hours": 36}
    }
    assert (before["timezone"], before["at"], before["target_iso"]) == (
        "UTC",
        NOW.isoformat(),
        LAST_ENDED.isoformat(),
    )
    catch_up(world)
    assert snapshot(world)["channels"]["t.me/alpha"]["missing_hours"] == 2


def test_the_snapshot_is_written_when_something_changed_and_an_unusable_one_stops_nothing(
    world: World,
) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    path = world.services.settings.tutordex_home / "state/recovery_catchup_state.json"
    path.parent.mkdir()
    path.write_text("{ half a fi")
    catchup(world)
    first = snapshot(world)
    world.clock.advance(timedelta(minutes=5))
    catchup(world)
    assert snapshot(world) == first
    world.clock.advance(timedelta(hours=1))
    catchup(world)
    assert snapshot(world)["at"] != first["at"]

    blocked = with_settings(world, recovery_catchup_state_file=str(path / "below a file.json"))
    assert requests(catchup(blocked))
