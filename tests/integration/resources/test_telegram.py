"""Who may use which session, what is looked up how often, and what stands in the way of reading history."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep

import pytest
from telethon.tl import functions

from tests.integration.resources.conftest import MakeServices
from tests.mtproto.faults import fault
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.errors import UsageError
from tutordex_dagster.resilience.errors import ChannelUnavailable, SessionBusy, SessionDead, SessionParked
from tutordex_dagster.resources.feed import TAIL, WAITING, open_tail
from tutordex_dagster.resources.services import Services
from tutordex_dagster.resources.telegram import Use, hold_session
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import Window, utc_now

TAIL_USE = Use(role="tail", patience_seconds=1)


def followed(services: Services) -> list[Channel]:
    with services.tail() as feed:
        feed.sync()
        return feed.channels()


def test_a_listed_channel_is_looked_up_once_and_read_by_both_accounts(
    services: Services, telegram: LoopbackTelegram
) -> None:
    (channel,) = followed(services)
    assert (channel.reference, channel.source_kind, channel.member) == ("t.me/alpha_agency", "telegram", True)
    window = Window(utc_now() - timedelta(hours=4), utc_now())
    for _ in range(3):
        assert len(list(services.source_for(channel).read(window))) == 6
        followed(services)
    assert telegram.count("ResolveUsernameRequest") == 2  # access hashes belong to an account


def test_a_name_that_leads_nowhere_stops_no_other_and_is_not_asked_for_again_within_the_hour(
    make_services: MakeServices, telegram: LoopbackTelegram
) -> None:
    services = make_services(channel_list="@nobody_here, @beta_agency")
    assert [channel.reference for channel in followed(services)] == ["t.me/beta_agency"]
    followed(services)
    assert telegram.count("ResolveUsernameRequest") == 2
    assert "nobody" in services.channels.wanted()["t.me/nobody_here"].problem
    later = replace(services, clock=lambda: utc_now() + timedelta(hours=2))
    followed(later)
    assert telegram.count("ResolveUsernameRequest") == 3


def test_a_channel_without_a_name_is_found_among_those_the_account_joined(
    make_services: MakeServices, telegram: LoopbackTelegram
) -> None:
    beta = telegram.run(lambda server: server.by_name["beta_agency"].id)
    services = make_services(channel_list=f"t.me/c/{beta}, t.me/c/4711")
    assert [channel.reference for channel in followed(services)] == [f"t.me/c/{beta}"]
    assert "has joined" in services.channels.wanted()["t.me/c/4711"].problem


def test_a_channel_without_a_name_that_is_joined_later_is_found_by_the_same_follower(
    make_services: MakeServices, telegram: LoopbackTelegram
) -> None:
    gamma, delta = (telegram.channel(name, joined=False) for name in ("gamma_agency", "delta_agency"))
    telegram.fill("gamma_agency", 1, utc_now(), timedelta())
    late = [timedelta()]
    services = replace(
        make_services(channel_list=f"t.me/c/{gamma}, t.me/c/{delta}"), clock=lambda: utc_now() + late[0]
    )
    with open_tail(services, on_push=lambda _: None) as feed:
        feed.sync()
        assert feed.channels() == []
        assert telegram.count("GetDialogsRequest") == 1
        telegram.run(lambda server: setattr(server.by_name["gamma_agency"], "joined", True))
        late[0] = timedelta(hours=2)
        feed.sync()
        assert [channel.reference for channel in feed.channels()] == [f"t.me/c/{gamma}"]
    assert telegram.count("GetDialogsRequest") == 2  # for both that were not there


def test_a_look_up_that_is_refused_for_a_reason_nobody_knows_is_noted_and_stops_no_other(
    make_services: MakeServices, telegram: LoopbackTelegram
) -> None:
    services = make_services(channel_list="@alpha_agency, @beta_agency")
    telegram.on(functions.contacts.ResolveUsernameRequest, fault(error=(400, "NAME_OF_TOMORROW")))
    with open_tail(services, on_push=lambda _: None) as feed:
        feed.sync()
        assert [channel.reference for channel in feed.channels()] == ["t.me/beta_agency"]
    assert "NAME_OF_TOMORROW" in services.channels.wanted()["t.me/alpha_agency"].problem


def test_a_session_that_is_refused_during_a_look_up_is_nothing_to_note_of_the_channel(
    services: Services, telegram: LoopbackTelegram
) -> None:
    with open_tail(services, on_push=lambda _: None) as feed:
        telegram.on(functions.contacts.ResolveUsernameRequest, fault(error=(401, "SESSION_REVOKED")))
        with pytest.raises(SessionDead):
            feed.sync()
    assert services.channels.wanted() == {}


def test_a_name_that_now_belongs_to_another_channel_is_no_longer_read(
    services: Services, telegram: LoopbackTelegram
) -> None:
    (channel,) = followed(services)
    telegram.run(lambda server: server.by_name.update(alpha_agency=server.by_name["beta_agency"]))
    with pytest.raises(ChannelUnavailable, match=f"list it as t.me/c/{channel.channel_id}"):
        services.source_for(channel)


def test_a_session_in_use_is_refused_to_a_second_process_which_never_connects(
    services: Services, telegram: LoopbackTelegram
) -> None:
    held = hold_session(services.settings, services.database, services.clock, TAIL_USE)
    with pytest.raises(SessionBusy, match=socket.gethostname()):
        hold_session(services.settings, services.database, services.clock, TAIL_USE)
    assert telegram.most_connections(0) == 1
    held.close()
    hold_session(services.settings, services.database, services.clock, TAIL_USE).close()


def test_a_session_is_refused_in_another_environment(make_services: MakeServices) -> None:
    followed(make_services())
    other = make_services(environment="production")
    with pytest.raises(UsageError, match="belongs to environment development"):
        hold_session(other.settings, other.database, other.clock, TAIL_USE)


@pytest.mark.parametrize("refused", ["revoke", "duplicate", "ban", "unauthorize"])
def test_a_refused_session_is_parked_after_one_attempt(
    services: Services, telegram: LoopbackTelegram, refused: str
) -> None:
    telegram.account(0)
    getattr(telegram, refused)(0)
    with pytest.raises(SessionDead):
        followed(services)
    asked = len(telegram.calls())
    with pytest.raises(SessionParked, match="tutordex login"):
        followed(services)
    assert len(telegram.calls()) == asked


def test_a_session_that_is_refused_while_in_use_is_parked(
    services: Services, telegram: LoopbackTelegram
) -> None:
    (channel,) = followed(services)
    telegram.unauthorize(0)
    with services.tail() as feed, pytest.raises(SessionDead):
        feed.source_for(channel).cursor()
    assert [row.name for row in services.sessions.all() if row.parked_at] == ["tail"]


def test_who_lost_the_lease_is_disconnected_and_makes_no_further_call(
    services: Services, telegram: LoopbackTelegram
) -> None:
    held = hold_session(services.settings, services.database, services.clock, TAIL_USE)
    with services.database.connection() as connection:
        connection.execute("UPDATE telegram_sessions SET lease_token = gen_random_uuid(), holder = 'another'")
    deadline = monotonic() + 10
    while held.held or telegram.connections(0):
        assert monotonic() < deadline, "the lease was never noticed to be lost"
        sleep(0.05)
    with pytest.raises(SessionBusy, match="lease was lost"):
        held.call(None)
    held.close()


def test_who_cannot_renew_because_the_database_hangs_is_disconnected_before_another_may_connect(
    services: Services, telegram: LoopbackTelegram
) -> None:
    held = hold_session(services.settings, services.database, services.clock, TAIL_USE)
    with services.database.connection() as connection:
        connection.execute("SELECT 1 FROM telegram_sessions FOR UPDATE")
        deadline = monotonic() + 10
        while held.held or telegram.connections(0):
            assert monotonic() < deadline, "it stays connected without a lease"
            sleep(0.05)
        (left,) = connection.execute("SELECT lease_expires_at > clock_timestamp() FROM telegram_sessions")
        assert left == (True,)
    held.close()


def test_the_sensor_stays_connected_between_ticks(services: Services, telegram: LoopbackTelegram) -> None:
    for _ in range(3):
        followed(services)
    assert telegram.count("GetConfigRequest") == 1
    assert telegram.connections(0) == 1


def test_the_sensor_gives_the_session_to_a_service_that_waits_for_it(
    services: Services, telegram: LoopbackTelegram
) -> None:
    followed(services)
    services.heartbeats.beat(TAIL, "host:1", {"state": WAITING})
    with pytest.raises(SessionBusy, match="host:1 takes it over"):
        followed(services)
    with open_tail(services, on_push=lambda _: None) as feed:
        assert feed.live
    assert telegram.most_connections(0) == 1


def test_one_session_for_both_is_used_in_turns(
    make_services: MakeServices, telegram: LoopbackTelegram
) -> None:
    services = make_services(session_string_recovery=None)
    (channel,) = followed(services)
    assert telegram.connections(0) == 0
    assert services.recovery_obstacle() is None
    assert services.source_for(channel).cursor() == telegram.pts("alpha_agency")  # type: ignore[attr-defined] # a live one
    assert "is used by" in str(services.recovery_obstacle(in_turn=True))
    with pytest.raises(SessionBusy):
        followed(services)


def test_what_stands_in_the_way_of_history_is_said_in_plain_words(
    services: Services, telegram: LoopbackTelegram
) -> None:
    (channel,) = followed(services)
    assert services.recovery_obstacle() is None
    services.source_for(channel)
    assert f"is used by {socket.gethostname()}" in str(services.recovery_obstacle())
    assert services.recovery_obstacle(in_turn=True) is None
    services.history.close()
    assert services.recovery_obstacle() is None
    row = next(row for row in services.sessions.all() if row.name == "recovery")
    services.sessions.park(row.fingerprint, "revoked")
    assert "parked: revoked" in str(services.recovery_obstacle(in_turn=True))
    assert telegram.most_connections(1) == 1


def test_who_reads_history_waits_for_the_one_who_reads_now(
    make_services: MakeServices, telegram: LoopbackTelegram
) -> None:
    first, second = make_services(), make_services(session_lease_secs=30)
    (channel,) = followed(first)
    first.source_for(channel)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.source_for, channel)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        first.history.close()
        assert len(list(waiting.result().read(Window(utc_now() - timedelta(hours=4), utc_now())))) == 6
    assert telegram.most_connections(1) == 1


def test_without_credentials_nothing_of_telegram_is_asked(make_services: MakeServices) -> None:
    services = make_services(telegram_api_id=None, telegram_api_hash=None)
    assert services.recovery_obstacle() is None
    with services.tail() as feed:
        feed.sync()
        assert feed.channels() == []
        assert feed.connected()
