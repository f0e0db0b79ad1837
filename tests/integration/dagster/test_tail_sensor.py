"""The tail sensor: what happened is stored, what was stored is shown, and what is in the way is named."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import cast

import dagster as dg
import pytest
from typing_extensions import override

from tests.integration.dagster.telegram import FakeChannel, channel, message, with_telegram
from tests.integration.dagster.ticks import read_everything, tick, with_settings
from tests.integration.dagster.world import NOW, START, World, post
from tutordex_dagster.assets.keys import RAW_MESSAGES, extraction_key
from tutordex_dagster.capture.contract import ChannelInfo, Message
from tutordex_dagster.errors import TransientError, TutorDexError
from tutordex_dagster.partitions import grid_order, partition_key
from tutordex_dagster.resilience.errors import ChannelUnavailable, FloodWait, SessionBusy, SessionParked
from tutordex_dagster.sensors import tail as sensor
from tutordex_dagster.sensors.requests import RAW_OFF
from tutordex_dagster.windows import HOUR

RUNNING = NOW.replace(minute=0)
FLOODED = "Telegram: asks to wait with GetChannelDifferenceRequest until 2026-03-02 12:31:30 UTC"


def tail(world: World) -> str:
    result = tick(world, sensor.tail_sensor(settings=world.services.settings))
    assert isinstance(result, dg.SkipReason)
    return str(result.skip_message)


def texts(world: World) -> list[tuple[int, int, str]]:
    return [
        (int(row[0]), int(row[1]), str(row[2]))
        for row in world.rows(
            "SELECT message_id, revision, kind FROM telegram_messages_raw ORDER BY message_id, revision"
        )
    ]


def test_posts_edits_and_deletions_are_stored_enqueued_as_live_and_shown_in_the_running_hour(
    world: World,
) -> None:
    world.record(
        "alpha",
        [
            post(12.1, "A1", edits=[{"after": 1560, "text": "Code: A1\nTAKEN"}]),
            post(12.2, "A2", deleted_after=1300),
            post(12.53, "A3"),
        ],
        channel_id=1,
    )
    tail(world)
    world.clock.advance(timedelta(minutes=5))

    told = tail(world)

    assert told == "1 channels: 1 new, 1 edited, 1 deleted. 1 hours were reported."
    assert [kind for _, _, kind in texts(world)] == ["post", "post", "post", "tombstone", "post"]
    assert world.rows(
        "SELECT DISTINCT priority FROM telegram_extractions WHERE pipeline_version = 'rules'"
    ) == [(0,)]
    event = world.events(RAW_MESSAGES)[partition_key("t.me/alpha", RUNNING)]
    assert (event.metadata["messages"].value, event.metadata["state"].value) == (2, "open")


def test_nothing_new_is_reported_once(world: World) -> None:
    world.record("alpha", [post(12.1)], channel_id=1)

    assert tail(world).endswith(" 1 hours were reported.")
    assert tail(world) == "1 channels: 0 new, 0 edited, 0 deleted."
    assert list(grid_order(world.instance)) == ["t.me/alpha"]


def test_an_edit_of_an_old_post_shows_in_its_own_hour(world: World) -> None:
    edit = {"after": 6 * 3600 + 60, "text": "Code: A1\nP6 Science @ Yishun\n$50/hr"}
    world.record("alpha", [post(6.5, edits=[edit])], channel_id=1)
    tail(world)
    read_everything(world)
    before = world.events(RAW_MESSAGES)[partition_key("t.me/alpha", START)]
    world.clock.advance(timedelta(minutes=5))

    tail(world)

    after = world.events(RAW_MESSAGES)[partition_key("t.me/alpha", START)]
    versions = [(each.tags or {})["dagster/data_version"] for each in (before, after)]
    assert versions[0] != versions[1]


def test_sealed_hours_without_messages_count_as_extracted(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL")

    tail(world)

    extracted = world.instance.get_materialized_partitions(extraction_key(world.services.live))
    assert extracted == {partition_key("t.me/alpha", START + hour * HOUR) for hour in range(1, 6)}


def test_of_very_many_hours_only_the_recent_ones_are_reported_here(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor, "REPORTED_AT_ONCE", 3)
    world = with_settings(world, recovery_catchup_chunk_hours=1)
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL")
    world.clock.advance(timedelta(seconds=1))

    assert tail(world).endswith(" 2 hours were reported.")
    assert world.rows("SELECT count(*) FROM channel_hours WHERE reported_at IS NULL") == [(5,)]


def test_switched_off_it_still_shows_what_others_store(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL WHERE hour = %s", [START])

    told = tail(with_settings(world, tail_enabled=False))

    assert told == "TAIL_ENABLED is 0: nobody is asked for changes. 1 hours were reported."


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (
            SessionBusy("session tail: tail@host:7 has it until 13:00"),
            "session tail: tail@host:7 has it until 13:00.",
        ),
        (SessionParked("session tail: is parked; log in again"), "session tail: is parked; log in again."),
        (
            FloodWait(method="GetChannelDifferenceRequest", until=NOW + timedelta(seconds=90)),
            f"{FLOODED}; it goes on by itself (90 s left).",
        ),
    ],
)
def test_a_session_that_cannot_be_used_is_named_and_reporting_goes_on(
    world: World, refusal: TutorDexError, told: str
) -> None:
    world.record("zulu", [post(6.5)], channel_id=9)
    read_everything(world)
    with world.services.database.connection() as connection:
        connection.execute("UPDATE channel_hours SET reported_at = NULL WHERE hour = %s", [START])
    world = with_telegram(world, channel("alpha", 1), since=START, refusal=refusal)

    assert tail(world) == f"{told} 1 hours were reported."


def test_one_channel_that_cannot_be_followed_is_named_and_noted_and_stops_no_other(world: World) -> None:
    alpha = channel("alpha", 1, error=ChannelUnavailable("t.me/alpha: is private; join it"))
    beta = channel("beta", 2, error=TransientError("t.me/beta: no answer"))
    gamma = channel("gamma", 3, messages=[message(1, NOW - timedelta(minutes=5))])
    world = with_telegram(world, alpha, beta, gamma, since=START)

    told = tail(world)

    assert told.startswith(
        "1 channels: 1 new, 0 edited, 0 deleted. t.me/alpha cannot be followed: t.me/alpha: is private"
    )
    assert "t.me/beta failed: t.me/beta: no answer." in told
    assert world.rows("SELECT channel_id, problem IS NOT NULL FROM channels ORDER BY 1") == [
        (1, True),
        (2, False),
        (3, False),
    ]


def test_a_flood_wait_ends_the_round_and_says_how_long(world: World) -> None:
    until = NOW + timedelta(seconds=40)
    alpha = channel("alpha", 1, error=FloodWait(method="GetChannelDifferenceRequest", until=until))
    world = with_telegram(world, alpha, since=START)

    told = tail(world)

    assert "(40 s left)." in told
    assert told.endswith("1 channels are left to the next tick.")


def test_a_flood_wait_for_one_kind_of_call_stops_only_who_needs_it_and_says_how_long(world: World) -> None:
    until = NOW + timedelta(hours=5)
    alpha = channel("alpha", 1, error=FloodWait(method="ResolveUsernameRequest", until=until))
    beta = channel("beta", 2, messages=[message(1, NOW - timedelta(minutes=5))])
    world = with_telegram(world, alpha, beta, since=START)

    told = tail(world)

    assert told.startswith(
        "1 channels: 1 new, 0 edited, 0 deleted. t.me/alpha failed: Telegram: asks to wait"
    )
    assert "(18000 s left)." in told


class Forgetful(FakeChannel):
    """A channel that cannot tell what changed; each of its messages takes a tenth of a second to read."""

    pause: Callable[[], object] = staticmethod(lambda: None)

    @override
    def changes(self, since: int) -> None:
        return None

    @override
    def newer(self, after_id: int) -> Iterator[Message]:
        for each in super().newer(after_id):
            self.pause()
            yield each


def test_a_channel_read_again_takes_the_time_of_one_tick_and_is_read_further_after_the_others(
    world: World,
) -> None:
    alpha = Forgetful(info=ChannelInfo(channel_id=1, reference="t.me/alpha", title="alpha"))
    alpha.messages = [message(1, NOW - timedelta(minutes=1))]
    beta = channel("beta", 2)
    world = with_settings(with_telegram(world, alpha, beta, since=START), parallelism_max=1)
    sense = sensor.tail_sensor(settings=world.services.settings)
    tick(world, sense)
    alpha.messages = [message(number, NOW + timedelta(seconds=number / 10)) for number in range(1, 302)]
    alpha.pause = lambda: world.clock.advance(timedelta(seconds=0.1))
    beta.messages = [message(1, NOW)]
    told = [str(cast("dg.SkipReason", tick(world, sense)).skip_message) for _ in range(3)]

    assert told[0].startswith(
        "1 channels: 200 new, 0 edited, 0 deleted. 1 channels are left to the next tick."
        " 1 channels are read further in the next tick."
    )
    assert told[1].startswith("2 channels: 101 new, 0 edited, 0 deleted. 2 hours")
    assert told[2] == "2 channels: 0 new, 0 edited, 0 deleted."


def test_how_far_behind_a_channel_is_followed_is_measured(world: World) -> None:
    alpha = channel("alpha", 1)
    world = with_telegram(world, alpha, since=START)
    tail(world)
    alpha.messages = [message(1, NOW + timedelta(seconds=10))]
    world.clock.advance(timedelta(seconds=25))
    tail(world)

    lags = {
        row.labels["chat"]: row.value
        for row in world.services.metrics.all()
        if row.name == "fetch_lag_seconds"
    }
    assert lags == {"t.me/alpha": 15}


def test_a_list_that_cannot_be_read_does_not_keep_known_channels_from_being_followed(world: World) -> None:
    world.record("alpha", [post(12.1)], channel_id=1)
    world.publish()
    wrong = with_settings(world, channel_list="no channel name at all")

    told = tail(replace(wrong, services=replace(wrong.services)))

    assert told.startswith("1 channels: 1 new, 0 edited, 0 deleted. New channels were not looked up: ")


def test_a_channel_taken_out_of_the_list_is_no_longer_followed_until_it_is_listed_again(world: World) -> None:
    world.record("alpha", [post(12.1)], channel_id=1)
    world.record("beta", [post(12.1)], channel_id=2)
    assert tail(world).startswith("2 channels: 2 new")
    world.clock.advance(timedelta(minutes=5))
    assert tail(with_settings(world, channel_list="t.me/beta")).startswith("1 channels:")
    assert tail(with_settings(world, channel_list="t.me/beta, @alpha")).startswith("2 channels:")


def test_nothing_is_read_while_the_raw_log_is_switched_off(world: World) -> None:
    world.record("alpha", [post(12.1)], channel_id=1)
    assert tail(with_settings(world, supabase_raw_enabled=False)) == RAW_OFF
    assert texts(world) == []
