"""Sessions and channels that Telegram refuses for good."""

import math
from collections.abc import Callable

import pytest
from telethon.tl import functions

from tests.integration.telegram.world import NAME, REFERENCE, Connect, ids, source_of
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.capture.telegram.connection import TelegramConnection
from tutordex_dagster.capture.telegram.source import TelegramSource
from tutordex_dagster.errors import UsageError
from tutordex_dagster.resilience.errors import ChannelUnavailable, SessionDead

HISTORY = functions.messages.GetHistoryRequest
End = Callable[[LoopbackTelegram], None]

ENDS = pytest.mark.parametrize(
    ("end", "why"),
    [
        (LoopbackTelegram.revoke, "unknown to Telegram"),
        (LoopbackTelegram.duplicate, "used from two addresses at once"),
        (LoopbackTelegram.ban, "account that Telegram banned"),
        (LoopbackTelegram.unauthorize, "ended from another device"),
    ],
    ids=["revoked", "duplicated", "banned", "signed out"],
)


@ENDS
def test_a_refused_session_is_not_opened_and_tried_once(
    telegram: LoopbackTelegram, connect: Connect, end: End, why: str
) -> None:
    telegram.account()
    connection = connect()
    end(telegram)
    with pytest.raises(SessionDead, match=why) as dead:
        connection.open()
    assert "tutordex login" in str(dead.value)
    assert telegram.count("GetConfigRequest") <= 1
    assert not connection.connected


@ENDS
def test_a_session_that_is_refused_while_it_is_used_stops_everything(
    telegram: LoopbackTelegram, connection: TelegramConnection, source: TelegramSource, end: End, why: str
) -> None:
    assert ids(source.newest(1)) == [1000]
    telegram.forget_calls()
    end(telegram)
    telegram.drop_all()
    for _ in range(3):
        with pytest.raises(SessionDead, match=why):
            source.newest(1)
    assert not connection.connected
    assert telegram.count("GetConfigRequest") <= 1
    assert telegram.count("GetHistoryRequest") <= 1


def test_a_frozen_account_stops_everything(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    telegram.on(HISTORY, fault(error=(420, "FROZEN_METHOD_INVALID")), times=math.inf)
    for _ in range(2):
        with pytest.raises(SessionDead, match="has frozen"):
            source.newest(1)
    assert telegram.count("GetHistoryRequest") == 1


def test_wrong_api_credentials_name_the_setting(telegram: LoopbackTelegram, connect: Connect) -> None:
    telegram.on(functions.help.GetConfigRequest, fault(error=(400, "API_ID_INVALID")))
    with pytest.raises(UsageError, match="TELEGRAM_API_ID"):
        connect().open()


def test_a_private_channel_ends_its_own_reading_only(
    telegram: LoopbackTelegram, connection: TelegramConnection, source: TelegramSource
) -> None:
    telegram.channel("other")
    telegram.post("other", "hello")
    other = source_of(telegram, connection, "other")
    telegram.private(NAME)
    for ask in (source.cursor, lambda: source.newest(1), lambda: source.changes(1)):
        with pytest.raises(ChannelUnavailable, match=f"^{REFERENCE}: is private"):
            ask()
    assert telegram.count("GetHistoryRequest") == 1
    assert ids(other.newest(1)) == [1]
    telegram.private(NAME, private=False)
    assert ids(source.newest(1)) == [1000]


def test_an_access_hash_of_another_account_is_no_channel(
    connection: TelegramConnection, source: TelegramSource
) -> None:
    stranger = TelegramSource(connection, source.info, access_hash=1)
    with pytest.raises(ChannelUnavailable, match="is not known to this account"):
        stranger.newest(1)
