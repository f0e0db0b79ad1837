"""What Telethon's errors mean."""

import asyncio
import struct

import pytest
from telethon import errors as tg
from telethon.tl import functions, types

from tutordex_dagster.capture.telegram.errors import CursorRefused, translate
from tutordex_dagster.errors import PermanentError, TransientError, TutorDexError, UsageError
from tutordex_dagster.resilience.errors import (
    ChannelUnavailable,
    Flooded,
    SessionDead,
    TelegramFaulty,
    TelegramUnavailable,
)

HISTORY = "GetHistoryRequest"
PHONE = "6581234567"
REQUEST = functions.auth.SendCodeRequest(PHONE, 1, "hash-of-the-test", types.CodeSettings())


def rpc(code: int, text: str) -> Exception:
    """Return what Telethon raises when Telegram answers with this code and text."""
    error: Exception = tg.rpc_message_to_error(types.RpcError(code, text), REQUEST)
    return error


VERDICTS = [
    (rpc(401, "AUTH_KEY_UNREGISTERED"), SessionDead, "is not signed in"),
    (rpc(401, "SESSION_REVOKED"), SessionDead, "ended from another device"),
    (rpc(401, "SESSION_EXPIRED"), SessionDead, "has expired"),
    (rpc(401, "SESSION_PASSWORD_NEEDED"), SessionDead, "the password is missing"),
    (rpc(401, "USER_DEACTIVATED"), SessionDead, "was deleted"),
    (rpc(401, "USER_DEACTIVATED_BAN"), SessionDead, "that Telegram banned"),
    (rpc(401, "AUTH_KEY_PERM_EMPTY"), SessionDead, "is not accepted"),
    (rpc(401, "SOMETHING_NEW"), SessionDead, "is not accepted"),
    (rpc(406, "AUTH_KEY_DUPLICATED"), SessionDead, "from two addresses at once"),
    (rpc(420, "FROZEN_METHOD_INVALID"), SessionDead, "has frozen"),
    (rpc(303, "USER_MIGRATE_4"), SessionDead, "another data centre"),
    (tg.AuthKeyNotFound(), SessionDead, "unknown to Telegram"),
    (rpc(400, "CHANNEL_PRIVATE"), ChannelUnavailable, "is private"),
    (rpc(406, "CHANNEL_PRIVATE"), ChannelUnavailable, "is private"),
    (rpc(400, "CHANNEL_INVALID"), ChannelUnavailable, "is not known to this account"),
    (rpc(400, "USERNAME_INVALID"), ChannelUnavailable, "can be nobody's name"),
    (rpc(400, "USERNAME_NOT_OCCUPIED"), ChannelUnavailable, "is nobody's name"),
    (rpc(400, "USER_BANNED_IN_CHANNEL"), ChannelUnavailable, "has banned the account"),
    (rpc(400, "PERSISTENT_TIMESTAMP_INVALID"), CursorRefused, "it is read again"),
    (rpc(500, "PERSISTENT_TIMESTAMP_OUTDATED"), TelegramFaulty, "failed on its side"),
    (rpc(500, "RPC_CALL_FAIL"), TelegramFaulty, "failed on its side"),
    (rpc(-500, "No workers running"), TelegramFaulty, "No workers running"),
    (rpc(-503, "Timeout"), TelegramFaulty, "failed on its side"),
    (rpc(400, "CONNECTION_NOT_INITED"), TelegramFaulty, "failed on its side"),
    (rpc(400, "API_ID_INVALID"), UsageError, "TELEGRAM_API_ID"),
    (rpc(400, "MSG_ID_INVALID"), PermanentError, "MsgIdInvalidError"),
    (rpc(400, "SOMETHING_NEW"), PermanentError, "SOMETHING_NEW"),
    (rpc(406, "SOMETHING_NEW"), PermanentError, "SOMETHING_NEW"),
    (ConnectionResetError(), TelegramUnavailable, "did not get through"),
    (OSError(113, "No route to host"), TelegramUnavailable, "did not get through"),
    (EOFError(), TelegramUnavailable, "did not get through"),
    (asyncio.IncompleteReadError(b"", 8), TelegramUnavailable, "did not get through"),
    (tg.InvalidBufferError(struct.pack("<i", -429)), TelegramUnavailable, "did not get through"),
    (tg.SecurityError(), TelegramUnavailable, "did not get through"),
    (TimeoutError(), TelegramUnavailable, "no answer to GetHistoryRequest in time"),
    (asyncio.CancelledError(), TelegramUnavailable, "the link was closed"),
    (ValueError("Request was unsuccessful 6 time(s)"), TelegramUnavailable, "did not get through"),
    (tg.TypeNotFoundError(0x12345678, b"rest"), PermanentError, "update TutorDex"),
    (struct.error(), PermanentError, "update TutorDex"),
    (ValueError("something else"), PermanentError, "update TutorDex"),
]


@pytest.mark.parametrize(
    ("error", "verdict", "words"), VERDICTS, ids=[f"{error!r:.40}" for error, _, _ in VERDICTS]
)
def test_every_error_has_a_verdict_and_a_sentence(
    error: BaseException, verdict: type[TutorDexError], words: str
) -> None:
    found = translate(error, HISTORY)
    assert type(found) is verdict
    assert words in str(found)
    thing, _, rest = str(found).partition(": ")
    reason, _, next_step = rest.partition("; ")
    assert thing
    assert reason
    assert next_step
    for secret in (PHONE, "hash-of-the-test", "SendCodeRequest"):
        assert secret not in str(found)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("FLOOD_WAIT_7", 7),
        ("FLOOD_WAIT_0", 1),
        ("FLOOD_PREMIUM_WAIT_3", 3),
        ("SLOWMODE_WAIT_60", 60),
        ("TAKEOUT_INIT_DELAY_86400", 86_400),
        ("FLOOD", 60),
        ("SOMETHING_NEW", 60),
    ],
)
def test_floods_tell_how_long_to_wait(text: str, seconds: int) -> None:
    found = translate(rpc(420, text), HISTORY)
    assert isinstance(found, Flooded)
    assert (found.method, found.seconds) == (HISTORY, seconds)


def test_a_channels_error_names_the_channel() -> None:
    assert str(translate(rpc(400, "CHANNEL_PRIVATE"), HISTORY, about="t.me/x")) == (
        "t.me/x: is private, and the account is no member or was banned from it;"
        " join it with the account, or take it out of CHANNEL_LIST"
    )
    assert str(translate(rpc(400, "CHANNEL_PRIVATE"), HISTORY)).startswith("the channel: is private")


def test_what_helps_itself_is_transient_and_the_rest_is_not() -> None:
    for error, verdict, _ in VERDICTS:
        assert isinstance(translate(error, HISTORY), TransientError) == issubclass(
            verdict, TelegramUnavailable
        )
