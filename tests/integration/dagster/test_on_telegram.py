"""Sensors and runs on a Telegram of this machine: following, sealing, healing, and what is in the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from telethon.tl.functions.contacts import ResolveUsernameRequest
from telethon.tl.functions.messages import GetHistoryRequest

from tests.integration.dagster.ticks import carry_out, requests, skipped, tick
from tests.integration.dagster.world import StandingClock, World
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.assets.keys import DRAIN_JOB, RAW_MESSAGES
from tutordex_dagster.partitions import partition_key
from tutordex_dagster.resources.feed import forget_warm_session
from tutordex_dagster.resources.services import services_on
from tutordex_dagster.sensors.catchup import catchup_sensor
from tutordex_dagster.sensors.seal import seal_sensor
from tutordex_dagster.sensors.tail import tail_sensor
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.database import Database
from tutordex_dagster.windows import HOUR, hour_of, utc_now

ALPHA, BETA = "alpha_agency", "beta_agency"
HOURS = 30
LIVE = """
SELECT message_id, text FROM live_messages JOIN channels USING (channel_id)
WHERE reference = 't.me/{}' AND kind = 'post'
"""
STATES = """
SELECT state::text, count(*) FROM channel_hours JOIN channels USING (channel_id)
WHERE reference = 't.me/{}' AND hour < hour_of('{}') GROUP BY state
"""
FORGET_THE_HASH = """
DELETE FROM channel_access USING channels
WHERE channels.channel_id = channel_access.channel_id AND reference = 't.me/beta_agency'
"""
FORGET_THE_CURSOR = "UPDATE channels SET cursor = NULL, cursor_at = NULL WHERE reference = 't.me/beta_agency'"


@dataclass(frozen=True, kw_only=True)
class Telegram:
    """A world whose channels are those of a server on this machine, and that server."""

    world: World
    server: LoopbackTelegram
    since: datetime

    def tail(self) -> str:
        return skipped(tick(self.world, tail_sensor(settings=self.world.services.settings)))

    def seal(self) -> dg.SensorResult:
        result = tick(self.world, seal_sensor(settings=self.world.services.settings))
        assert isinstance(result, dg.SensorResult)
        return result

    def catchup(self) -> dg.SensorResult | dg.SkipReason:
        result: dg.SensorResult | dg.SkipReason = tick(
            self.world, catchup_sensor(settings=self.world.services.settings)
        )
        return result

    def run(self, found: list[dg.RunRequest]) -> list[bool]:
        """Carry the runs out, as processes of their own would: each takes its session and gives it back."""
        ended = [each.success for each in carry_out(self.world, found)]
        self.world.services.close()
        return ended

    def drain(self) -> None:
        config = {"ops": {"drain_due": {"config": {"version": "rules"}}}}
        assert self.world.run(DRAIN_JOB, run_config=config).success

    def catch_up(self) -> None:
        """Seal, then tick, run and extract until nothing is missing."""
        self.run(requests(self.seal()))
        self.drain()
        for _ in range(20):
            found = requests(self.catchup())
            if not found:
                break
            assert all(self.run(found))
            self.drain()
        assert skipped(self.catchup()) == "Nothing is missing."

    def stored(self, name: str) -> dict[int, str]:
        return {int(row[0]): str(row[1]) for row in self.world.rows(LIVE.format(name))}

    def states(self, name: str) -> dict[str, int]:
        """Count the hours of a channel that ended by the ledger's verdict."""
        rows = self.world.rows(STATES.format(name, self.world.clock.now))
        return {str(row[0]): int(row[1]) for row in rows}


@pytest.fixture
def telegram(database: Database, database_url: str, tmp_path: Path) -> Iterator[Telegram]:
    """Give two agencies with a post every half hour for a day and more."""
    clock = StandingClock()
    clock.now = utc_now()
    since = hour_of(clock.now) - HOURS * HOUR
    with LoopbackTelegram() as server, dg.DagsterInstance.ephemeral() as instance:
        for name in (ALPHA, BETA):
            server.channel(name)
            server.fill(name, 2 * HOURS, since, HOUR / 2)
        settings = Settings(
            _env_file=None,
            tutordex_home=tmp_path,
            tutordex_database_url=database_url,
            tutordex_recorded_channels=tmp_path,
            telegram_api_id=1,
            telegram_api_hash="0" * 32,
            session_string=server.session_string(0),
            session_string_recovery=server.session_string(1),
            channel_list=f"@{ALPHA}, @{BETA}",
            grid_start=since,
            recovery_catchup_chunk_hours=6,
            recovery_catchup_target_lag_minutes=0,
            session_lease_secs=3,
            telegram_answer_secs=2,
            retry_max_attempts=1,
            telegram_history_calls_per_30s=100,
        )
        services = services_on(database, settings, clock=clock)
        world = World(instance=instance, services=services, clock=clock, recordings=tmp_path)
        yield Telegram(world=world, server=server, since=since)
        forget_warm_session()
        services.close()


def test_from_an_empty_database_to_every_hour_sealed_and_every_post_stored(telegram: Telegram) -> None:
    assert "2 channels: " in telegram.tail()

    telegram.catch_up()

    assert telegram.stored(ALPHA) == telegram.server.truth(ALPHA)
    assert telegram.stored(BETA) == telegram.server.truth(BETA)
    assert telegram.states(ALPHA) == telegram.states(BETA) == {"sealed": HOURS}
    green = telegram.world.instance.get_materialized_partitions(RAW_MESSAGES)
    assert len(green) >= 2 * HOURS
    assert partition_key("t.me/alpha_agency", telegram.since) in green


def test_what_happens_is_stored_by_the_next_tick(telegram: Telegram) -> None:
    telegram.tail()
    telegram.catch_up()
    number = telegram.server.post(ALPHA, "Code: N1\nP5 Maths @ Bishan\n$40/hr", push=False)
    telegram.server.edit(ALPHA, 3, "the third post, edited", push=False)
    telegram.server.delete(ALPHA, 4, push=False)
    telegram.world.clock.now = utc_now()

    assert telegram.tail().startswith("2 channels: 1 new, 1 edited, 1 deleted. ")

    assert telegram.stored(ALPHA) == telegram.server.truth(ALPHA)
    assert telegram.stored(ALPHA)[number].startswith("Code: N1")


def test_an_outage_burns_no_hour_and_heals_by_itself(telegram: Telegram) -> None:
    telegram.tail()
    found = requests(telegram.seal())
    telegram.server.stop_listening()

    assert telegram.run(found) == [False]
    assert telegram.world.rows("SELECT count(*) FROM channel_hours WHERE state = 'failed'") == [(0,)]

    telegram.server.listen_again()
    telegram.world.clock.now = utc_now() + timedelta(minutes=10)
    telegram.catch_up()
    assert telegram.stored(ALPHA) == telegram.server.truth(ALPHA)


def test_a_long_flood_wait_ends_the_run_and_is_waited_for_by_the_sensors(telegram: Telegram) -> None:
    telegram.tail()
    found = requests(telegram.catchup())
    telegram.server.flood(GetHistoryRequest, 0, 3000)
    telegram.server.forget_calls()

    assert telegram.run(found) == [False]

    assert "Telegram is not read: Telegram asked to wait until" in skipped(telegram.catchup())
    assert "Telegram is not read: Telegram asked to wait until" in skipped(telegram.seal())
    assert telegram.server.count("GetHistoryRequest") <= 2, "one of each channel that was being read"
    assert telegram.world.rows("SELECT count(*) FROM channel_hours WHERE state = 'failed'") == [(0,)]


@pytest.mark.parametrize(
    ("call", "forget"),
    [(ResolveUsernameRequest, FORGET_THE_HASH), (GetHistoryRequest, FORGET_THE_CURSOR)],
    ids=["a name is looked up", "a channel is read again"],
)
def test_a_flood_wait_is_obeyed_by_the_tail_and_stops_no_channel_that_needs_other_calls(
    telegram: Telegram, call: type, forget: str
) -> None:
    telegram.tail()
    with telegram.world.services.database.connection() as connection:
        connection.execute(forget)
    telegram.server.flood(call, 0, 3000)
    telegram.server.forget_calls()

    for number in range(3):
        posted = telegram.server.post(ALPHA, f"number {number}", push=False)
        telegram.world.clock.advance(timedelta(minutes=1))
        told = telegram.tail()
        assert told.startswith("1 channels: 1 new, 0 edited, 0 deleted. ")
        assert f"t.me/{BETA} failed: Telegram: asks to wait with {call.__name__} until" in told
        assert telegram.stored(ALPHA)[posted] == f"number {number}"

    assert telegram.server.count(call.__name__) == 1


def test_a_channel_that_became_private_fails_alone(telegram: Telegram) -> None:
    telegram.tail()
    telegram.server.private(BETA)

    telegram.run(requests(telegram.seal()))
    for _ in range(10):
        telegram.run(requests(telegram.catchup()))
        telegram.drain()

    assert telegram.stored(ALPHA) == telegram.server.truth(ALPHA)
    assert telegram.states(ALPHA) == {"sealed": HOURS}
    assert telegram.states(BETA) == {"failed": HOURS}


def test_a_session_that_was_revoked_is_parked_and_both_sensors_say_so(telegram: Telegram) -> None:
    telegram.tail()
    found = requests(telegram.seal())
    telegram.server.revoke(1)

    assert telegram.run(found) == [False]

    assert "is parked" in skipped(telegram.seal())
    assert telegram.world.rows("SELECT count(*) FROM channel_hours WHERE state = 'failed'") == [(0,)]
    assert telegram.tail().startswith("2 channels: ")
