"""What Telethon raises, as errors with a verdict and a sentence for a person.

Telethon's own texts never enter a message: some quote a request, and a request may hold a phone number.
"""

import asyncio
import struct
from collections.abc import Mapping
from typing import Final

from telethon import errors as tg
from telethon.errors import rpcbaseerrors as base

from tutordex_dagster.errors import PermanentError, TutorDexError, UsageError
from tutordex_dagster.resilience.errors import (
    ChannelUnavailable,
    Flooded,
    SessionDead,
    TelegramFaulty,
    TelegramUnavailable,
)

TELEGRAM: Final = "Telegram"
FLOOD_WITHOUT_NUMBER: Final = 60
"""Seconds to wait when Telegram says that it is too much, but not for how long."""

RAISED_BY_TELETHON: Final = (
    tg.RPCError,
    tg.AuthKeyNotFound,
    tg.TypeNotFoundError,
    tg.SecurityError,
    tg.BadMessageError,
    tg.InvalidChecksumError,
    OSError,  # with it ConnectionError and TimeoutError
    EOFError,  # with it asyncio.IncompleteReadError
    BufferError,
    struct.error,
    ValueError,
    LookupError,
)
"""All that a call can end with, apart from CancelledError."""

_Sentence = tuple[str, str]
"""Reason and next step."""

_NEW_LOGIN: Final = "make a new session with `tutordex login`"
_DEAD: Final[Mapping[type[Exception], _Sentence]] = {
    tg.AuthKeyDuplicatedError: (
        "was used from two addresses at once, so Telegram ended it for good",
        f"{_NEW_LOGIN} and use it in one place only",
    ),
    tg.AuthKeyNotFound: ("is unknown to Telegram: it was ended, or is very old", _NEW_LOGIN),
    tg.AuthKeyUnregisteredError: ("is not signed in, or was ended from another device", _NEW_LOGIN),
    tg.SessionRevokedError: ("was ended from another device", _NEW_LOGIN),
    tg.SessionExpiredError: ("has expired", _NEW_LOGIN),
    tg.SessionPasswordNeededError: ("was never signed in completely: the password is missing", _NEW_LOGIN),
    tg.UserDeactivatedBanError: (
        "belongs to an account that Telegram banned",
        "write to recover@telegram.org, or make a session of another account with `tutordex login`",
    ),
    tg.UserDeactivatedError: (
        "belongs to an account that was deleted",
        "make a session of another account with `tutordex login`",
    ),
    tg.FrozenMethodInvalidError: (
        "belongs to an account that Telegram has frozen",
        "open Telegram with that account and follow what it says there",
    ),
    base.UnauthorizedError: ("is not accepted by Telegram", _NEW_LOGIN),
    base.InvalidDCError: ("belongs to another data centre", _NEW_LOGIN),
}
_TAKE_OUT_OF_LIST: Final = "or take it out of CHANNEL_LIST"
_CHANNEL: Final[Mapping[type[Exception], _Sentence]] = {
    tg.ChannelPrivateError: (
        "is private, and the account is no member or was banned from it",
        f"join it with the account, {_TAKE_OUT_OF_LIST}",
    ),
    tg.ChannelInvalidError: ("is not known to this account", f"check its name, {_TAKE_OUT_OF_LIST}"),
    tg.UsernameNotOccupiedError: ("is nobody's name", f"correct it in CHANNEL_LIST, {_TAKE_OUT_OF_LIST[3:]}"),
    tg.UsernameInvalidError: ("can be nobody's name", "correct it in CHANNEL_LIST"),
    tg.ChannelBannedError: ("was banned by Telegram", "take it out of CHANNEL_LIST"),
    tg.UserBannedInChannelError: ("has banned the account", _TAKE_OUT_OF_LIST[3:]),
    tg.ChatForbiddenError: ("may not be read by the account", f"join it, {_TAKE_OUT_OF_LIST}"),
    tg.ChatRestrictedError: ("is restricted by Telegram", "take it out of CHANNEL_LIST"),
    tg.ChannelPublicGroupNaError: ("is not available to the account", f"join it, {_TAKE_OUT_OF_LIST}"),
    tg.ChatAdminRequiredError: ("shows this to its administrators only", _TAKE_OUT_OF_LIST[3:]),
    tg.ChatIdInvalidError: ("is no channel", "correct it in CHANNEL_LIST"),
    tg.PeerIdInvalidError: ("is not known to this account", f"check its name, {_TAKE_OUT_OF_LIST}"),
}
_API_ID: Final = (tg.ApiIdInvalidError, tg.ApiIdPublishedFloodError, tg.ConnectionApiIdInvalidError)
_PASSING: Final = (
    base.ServerError,
    base.TimedOutError,
    tg.ConnectionNotInitedError,
    tg.MsgWaitFailedError,
    tg.TakeoutInvalidError,
    tg.TakeoutRequiredError,
)
_SERVER_FAULT: Final = 500


class CursorRefused(PermanentError):  # noqa: N818 - a verdict, as those of resilience/errors.py
    """Telegram knows nothing of the pts it was asked about: the difference cannot be told."""


def translate(error: BaseException, method: str, *, about: str = TELEGRAM) -> TutorDexError:
    """Return the error that says what to think of one of RAISED_BY_TELETHON or a CancelledError of its own.

    Args:
        error: What a call ended with. A CancelledError means that the link was closed under it.
        method: The kind of call, such as GetHistoryRequest.
        about: What the call was about, for a person: a channel's reference, or Telegram.
    """
    if isinstance(error, asyncio.CancelledError):
        return TelegramUnavailable(_again(f"the link was closed during {method}"))
    if sentence := _sentence(_DEAD, error):
        return SessionDead("Telegram session: {}; {}".format(*sentence))
    if isinstance(error, base.FloodError):
        return Flooded(method=method, seconds=getattr(error, "seconds", None) or _least_wait(error))
    if sentence := _sentence(_CHANNEL, error):
        thing = "the channel" if about == TELEGRAM else about
        return ChannelUnavailable("{}: {}; {}".format(thing, *sentence))
    if isinstance(error, tg.RPCError):
        return _of_rpc(error, method, about)
    return _of_transport(error, method)


def _of_rpc(error: tg.RPCError, method: str, about: str) -> TutorDexError:
    if isinstance(error, _API_ID):
        return UsageError(
            "TELEGRAM_API_ID",
            "is not accepted by Telegram together with TELEGRAM_API_HASH",
            "copy both from https://my.telegram.org",
        )
    if isinstance(error, tg.PersistentTimestampInvalidError | tg.PersistentTimestampEmptyError):
        return CursorRefused(f"{about}: Telegram cannot tell what changed since then; it is read again")
    if isinstance(error, _PASSING) or abs(error.code or 0) >= _SERVER_FAULT:
        return TelegramFaulty(_again(f"{method} failed on its side ({_name(error)})"))
    return _refusal(error, method, about)


def _of_transport(error: BaseException, method: str) -> TutorDexError:
    if isinstance(error, tg.TypeNotFoundError):
        reason = f"answered {method} in words this version does not know"
        return PermanentError(f"{TELEGRAM}: {reason}; update TutorDex")
    if isinstance(error, TimeoutError):
        return TelegramUnavailable(_again(f"no answer to {method} in time"))
    unsuccessful = isinstance(error, ValueError) and "unsuccessful" in str(error)
    if isinstance(error, struct.error | LookupError | ValueError) and not unsuccessful:
        return PermanentError(f"{TELEGRAM}: {method} ended with {_name(error)}; update TutorDex")
    return TelegramUnavailable(_again(f"{method} did not get through ({_name(error)})"))


def _refusal(error: tg.RPCError, method: str, about: str) -> TutorDexError:
    return PermanentError(f"{about}: Telegram refused {method} ({_name(error)}); see `tutordex doctor`")


def _sentence(table: Mapping[type[Exception], _Sentence], error: BaseException) -> _Sentence | None:
    return next((sentence for kind, sentence in table.items() if isinstance(error, kind)), None)


def _least_wait(error: base.FloodError) -> int:
    """Return how long to wait when the error names no time, or 0 s (seen on test servers)."""
    return 1 if hasattr(error, "seconds") else FLOOD_WITHOUT_NUMBER


def _again(what: str) -> str:
    return f"{TELEGRAM}: {what}; it is tried again by itself"


def _name(error: BaseException) -> str:
    """Name an error without its text: Telegram's own name for it when there is one."""
    if type(error) in {tg.RPCError, *base.base_errors.values()}:
        return str(getattr(error, "message", "")) or type(error).__name__
    return type(error).__name__
