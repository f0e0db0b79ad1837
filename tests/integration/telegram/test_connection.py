"""A connection in the hands of many threads, from opening to closing."""

from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

import pytest
from telethon.tl import functions

from tests.integration.telegram.world import (
    START,
    STEP,
    Connect,
    FlyingTime,
    ids,
    in_background,
    quick_guard,
    source_of,
    wait_for,
)
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.capture.telegram.connection import TelegramConnection
from tutordex_dagster.capture.telegram.source import TelegramSource
from tutordex_dagster.resilience.errors import Postponed, SessionDead, TelegramUnavailable
from tutordex_dagster.resilience.memory import MemoryPaces
from tutordex_dagster.resilience.pacing import PacePolicy

HISTORY = functions.messages.GetHistoryRequest
STATE = functions.updates.GetStateRequest
TAKEOUT = 424242


def call(connection: TelegramConnection) -> None:
    connection.call(STATE())


def read_all(source: TelegramSource) -> list[int | None]:
    return ids(source.newer(0))


def test_opening_tells_whose_session_it_is(connect: Connect) -> None:
    connection = connect(3)
    assert not connection.connected
    assert connection.open() == 1003
    assert connection.connected


def test_a_check_asks_only_when_nothing_was_answered_lately(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    time = FlyingTime()
    connection = connect(clock=time.clock)
    connection.open()
    telegram.forget_calls()
    connection.check(START)
    assert telegram.calls() == []
    connection.check(START + timedelta(seconds=1))
    assert [call.name for call in telegram.calls()] == ["GetStateRequest"]
    telegram.revoke()
    with pytest.raises(SessionDead):
        connection.check(START + timedelta(seconds=1))


def test_eight_threads_read_at_once_over_one_link(
    telegram: LoopbackTelegram, connection: TelegramConnection
) -> None:
    names = [f"channel_{number}" for number in range(8)]
    for name in names:
        telegram.channel(name)
        telegram.fill(name, 300, START, STEP)
    telegram.latency(0.05)
    sources = [source_of(telegram, connection, name) for name in names]
    began = monotonic()
    readers = [in_background(partial(read_all, source)) for source in sources]
    for thread, results in readers:
        thread.join()
        assert results == [list(range(1, 301))]
    assert monotonic() - began < 8 * 4 * 0.05, "they wait for their answers together"
    assert telegram.most_connections() == 1


def test_closing_ends_the_calls_under_way_and_leaves_nothing(
    telegram: LoopbackTelegram, connection: TelegramConnection, source: TelegramSource
) -> None:
    telegram.on(HISTORY, fault(stall=True), times=4)
    telegram.on(STATE, fault(error=(420, "FLOOD_WAIT_50")))
    work = [in_background(lambda: source.newest(1)) for _ in range(4)]
    work.append(in_background(partial(call, connection)))
    wait_for("all calls to arrive", lambda: telegram.count("GetHistoryRequest") == 4)
    wait_for("the flood wait", lambda: telegram.count("GetStateRequest") == 1)
    closers = [in_background(connection.close) for _ in range(3)]
    for thread, _ in [*work, *closers]:
        thread.join(5)
        assert not thread.is_alive()
    for _, results in work:
        assert [type(result) for result in results] == [TelegramUnavailable]
    assert "open a new one" in str(work[0][1][0])
    connection.close()
    wait_for("the server to see it", lambda: telegram.connections() == 0)


def test_a_closed_connection_says_so(connection: TelegramConnection, source: TelegramSource) -> None:
    connection.close()
    assert not connection.connected
    for ask in (partial(call, connection), connection.reconnect, lambda: source.newest(1)):
        with pytest.raises(TelegramUnavailable, match="was closed; open a new one"):
            ask()


def test_a_connection_that_was_never_opened_is_closed_without_a_word(connect: Connect) -> None:
    connection = connect()
    connection.close()
    with pytest.raises(TelegramUnavailable):
        call(connection)


def test_nobody_there_is_no_way_to_open(telegram: LoopbackTelegram, connect: Connect) -> None:
    connection = connect()
    telegram.stop_listening()
    with pytest.raises(TelegramUnavailable, match="connect did not get through"):
        connection.open()
    assert not connection.connected


def test_it_is_a_context_manager(telegram: LoopbackTelegram, connect: Connect) -> None:
    with connect() as connection:
        assert connection.connected
    assert not connection.connected
    assert telegram.most_connections() == 1


def test_calls_are_paced_and_closing_tells_the_next_process_how_many_were_made(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    time, paces = FlyingTime(), MemoryPaces()
    limit = PacePolicy(calls=3, window=timedelta(seconds=30))
    guard = quick_guard(clock=time.clock, sleep=time.sleep, paces=paces, limits={"GetHistoryRequest": limit})
    connection = connect(guard=guard)
    connection.open()
    source = source_of(telegram, connection)
    assert ids(source.newer(0)) == list(range(1, 1001))
    assert telegram.count("GetHistoryRequest") == 11
    assert time.now - START == 3 * timedelta(seconds=30)
    connection.close()
    kept = paces.load("test", "GetHistoryRequest")
    assert kept is not None
    assert kept.recent == (time.now, time.now)


def test_in_a_takeout_every_call_belongs_to_it_and_it_is_finished(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    connection = connect(takeout=True)
    connection.open()
    source = source_of(telegram, connection)
    assert ids(source.newest(250)) == list(range(751, 1001))
    connection.close()
    assert {call.takeout for call in telegram.calls()} == {TAKEOUT}
    assert telegram.count("FinishTakeoutSessionRequest") == 1


def test_a_takeout_that_telegram_puts_off_tells_until_when(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    telegram.run(lambda server: setattr(server, "takeout_delay", 86_400))
    time = FlyingTime(now=datetime(2025, 1, 1, tzinfo=UTC))
    connection = connect(takeout=True, guard=quick_guard(clock=time.clock, sleep=time.sleep))
    with pytest.raises(Postponed, match="no takeout session before 2025-01-02 00:00 UTC") as put_off:
        connection.open()
    assert put_off.value.until == datetime(2025, 1, 2, tzinfo=UTC)
    assert not connection.connected


def test_no_secret_is_logged(
    telegram: LoopbackTelegram, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect()
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(cut=30))
    source.newest(1)
    telegram.duplicate()
    telegram.drop_all()
    with pytest.raises(Exception, match="used from two addresses") as dead:
        source.newest(1)
    session, account = telegram.session_string(), telegram.account()
    said = caplog.text + str(dead.value) + repr(connection.__dict__)
    assert "event=telegram_link_lost" in said
    for secret in (session, session[30:60], account.key.hex(), account.phone, "hash-of-the-test"):
        assert secret not in said
