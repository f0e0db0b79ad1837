"""Reading while the link, or Telegram, has trouble."""

import math
from datetime import timedelta

import pytest
from telethon.tl import functions

from tests.integration.telegram.world import (
    NAME,
    START,
    Connect,
    FlyingTime,
    ids,
    in_background,
    quick_guard,
    source_of,
    wait_for,
)
from tests.mtproto.faults import Action
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.capture.telegram.connection import TelegramConnection
from tutordex_dagster.capture.telegram.source import TelegramSource
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.resilience.breaker import BreakerPolicy
from tutordex_dagster.resilience.errors import BreakerOpen, FloodWait, TelegramFaulty, TelegramUnavailable
from tutordex_dagster.resilience.retry import ONE_ATTEMPT, RetryPolicy

HISTORY = functions.messages.GetHistoryRequest
EVERYTHING = list(range(1, 1001))
SOON = 0.3
"""Seconds that count as a stall in these tests."""


@pytest.mark.parametrize(
    "trouble",
    [
        fault(close=True),
        fault(cut=1000),
        fault(cut=10),
        fault(error=(-503, "Timeout")),
        fault(error=(420, "FLOOD_WAIT_1")),
    ],
    ids=["closed", "cut", "cut in the head", "failed on its side", "flood"],
)
def test_trouble_in_the_middle_loses_and_doubles_nothing(
    telegram: LoopbackTelegram, source: TelegramSource, trouble: Action
) -> None:
    telegram.on(HISTORY, trouble, when=lambda request: request.offset_id == 501)
    assert ids(source.newer(0)) == EVERYTHING
    assert telegram.most_connections() == 1


def test_a_short_flood_wait_is_waited_for_and_burns_no_attempt(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    time = FlyingTime()
    connection = connect(guard=quick_guard(clock=time.clock, sleep=time.sleep, retry=ONE_ATTEMPT))
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(error=(420, "FLOOD_WAIT_5")), times=3)
    assert ids(source.newest(2)) == [999, 1000]
    assert time.slept == [5, 5, 5]
    assert telegram.count("GetHistoryRequest") == 4


def test_a_long_flood_wait_ends_the_reading_and_nobody_asks_before_it_is_over(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    time = FlyingTime()
    connection = connect(guard=quick_guard(clock=time.clock, sleep=time.sleep))
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(error=(420, "FLOOD_PREMIUM_WAIT_3600")))
    for _ in range(3):
        with pytest.raises(FloodWait) as flood:
            source.newest(2)
        assert flood.value.until == START + timedelta(hours=1)
        assert flood.value.method == "GetHistoryRequest"
    assert telegram.count("GetHistoryRequest") == 1
    assert source.cursor() == telegram.pts(NAME), "a flood wait is for one kind of call"
    time.now += timedelta(hours=1)
    assert ids(source.newest(2)) == [999, 1000]


@pytest.mark.parametrize("text", ["FLOOD", "SLOWMODE_WAIT_60"])
def test_a_flood_without_a_number_is_a_minute(
    telegram: LoopbackTelegram, connect: Connect, text: str
) -> None:
    time = FlyingTime()
    connection = connect(guard=quick_guard(clock=time.clock, sleep=time.sleep))
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(error=(420, text)))
    assert ids(source.newest(2)) == [999, 1000]
    assert time.slept == [60]


def test_an_answer_that_never_comes_is_asked_for_again_over_a_new_link(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    connection = connect(guard=quick_guard(answer_seconds=SOON))
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(stall=True), when=lambda request: request.offset_id == 501)
    assert ids(source.newer(0)) == EVERYTHING
    assert telegram.count("GetHistoryRequest") == 12
    assert telegram.most_connections() == 1


def test_a_stall_in_one_thread_does_not_stop_the_others(telegram: LoopbackTelegram, connect: Connect) -> None:
    connection = connect(guard=quick_guard(answer_seconds=SOON))
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(stall=True), times=3)
    readers = [in_background(lambda: ids(source.newer(0))) for _ in range(3)]
    for thread, results in readers:
        thread.join()
        assert results == [EVERYTHING]
    assert telegram.connections() == telegram.most_connections() == 1


def test_a_half_open_link_is_replaced(telegram: LoopbackTelegram, connect: Connect) -> None:
    patient = RetryPolicy(max_attempts=20, max_elapsed=60, base=1, max=1)
    connection = connect(guard=quick_guard(answer_seconds=SOON, retry=patient), connect_seconds=SOON)
    connection.open()
    source = source_of(telegram, connection)
    telegram.mute()
    reader, results = in_background(lambda: ids(source.newer(0)))
    wait_for("the link to be given up", lambda: not connection.connected)
    telegram.unmute()
    reader.join()
    assert results == [EVERYTHING]
    assert telegram.connections() == 1


def test_while_telegram_is_away_calls_fail_at_once_and_afterwards_the_link_is_back_by_itself(
    telegram: LoopbackTelegram, connection: TelegramConnection, source: TelegramSource
) -> None:
    telegram.stop_listening()
    wait_for("the loss to be noticed", lambda: not connection.connected)
    for _ in range(2):
        with pytest.raises(TelegramUnavailable):
            source.newest(2)
    assert not connection.connected
    telegram.listen_again()
    wait_for("the link to come back", lambda: connection.connected)
    assert ids(source.newest(2)) == [999, 1000]
    assert telegram.connections() == 1


def test_a_connection_can_be_told_to_try_again_at_once(
    telegram: LoopbackTelegram, connection: TelegramConnection
) -> None:
    telegram.stop_listening()
    with pytest.raises(TelegramUnavailable):
        connection.reconnect()
    telegram.listen_again()
    connection.reconnect()
    assert connection.connected


def test_faults_open_the_breaker_only_where_nothing_else_is_answered(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    policy = BreakerPolicy(window=timedelta(minutes=1), threshold=1, open_timeout=timedelta(minutes=1))
    time = FlyingTime()
    guard = quick_guard(breaker=policy, clock=time.clock, sleep=time.sleep, retry=ONE_ATTEMPT)
    connection = connect(guard=guard)
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(error=(500, "HISTORY_GET_FAILED")), times=math.inf)
    for _ in range(2):  # Telethon takes two seconds over each
        with pytest.raises(TelegramFaulty):
            source.newest(2)
        assert source.cursor() == telegram.pts(NAME)
    time.now += policy.window
    with pytest.raises(TelegramFaulty):
        source.newest(2)
    with pytest.raises(BreakerOpen):
        source.cursor()


def test_an_outage_opens_the_breaker_and_flood_waits_do_not(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    policy = BreakerPolicy(window=timedelta(minutes=1), threshold=3, open_timeout=timedelta(minutes=1))
    time = FlyingTime()
    connection = connect(guard=quick_guard(breaker=policy, clock=time.clock, sleep=time.sleep))
    connection.open()
    source = source_of(telegram, connection)
    telegram.on(HISTORY, fault(error=(420, "FLOOD_WAIT_5")), times=5)
    assert ids(source.newest(2)) == [999, 1000]
    telegram.on(HISTORY, fault(close=True), times=math.inf)
    with pytest.raises(BreakerOpen):
        source.newest(2)
    assert telegram.count("GetHistoryRequest") == 6 + 3


def test_a_refusal_is_not_tried_again(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    telegram.on(HISTORY, fault(error=(400, "MSG_ID_INVALID")))
    with pytest.raises(PermanentError, match="MsgIdInvalidError"):
        source.newest(2)
    assert telegram.count("GetHistoryRequest") == 1


def test_words_unknown_to_this_version_are_not_tried_again(
    telegram: LoopbackTelegram, source: TelegramSource
) -> None:
    telegram.on(HISTORY, fault(result=b"\x01\x02\x03\x04" * 4))
    with pytest.raises(PermanentError, match="update TutorDex"):
        source.newest(2)
    assert ids(source.newest(2)) == [999, 1000]
