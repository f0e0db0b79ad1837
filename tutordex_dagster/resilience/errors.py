"""What can go wrong with an outside service, as types with a verdict."""

from datetime import datetime

from tutordex_dagster.errors import PermanentError, TransientError


class TelegramUnavailable(TransientError):  # noqa: N818 - a verdict, not every name ends in Error
    """No answer, a broken link or a fault on Telegram's side: retried, and counted by the breaker."""


class TelegramFaulty(TelegramUnavailable):
    """Telegram answered that it failed: perhaps with this call or channel alone.

    The breaker counts it once for all attempts of a call, and not while other calls are answered.
    """


class Postponed(TransientError):  # noqa: N818 - as above
    """Nothing is wrong, but no call may be made before `until` (aware UTC)."""

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class FloodWait(Postponed):
    """Telegram asked to wait; `method` is the kind of call it asked for."""

    def __init__(self, *, method: str, until: datetime) -> None:
        super().__init__(
            f"Telegram: asks to wait with {method} until {until:%Y-%m-%d %H:%M:%S} UTC; it goes on by itself",
            until=until,
        )
        self.method = method


class Flooded(TransientError):  # noqa: N818 - as above
    """Telegram answered one call with a flood wait of so many `seconds`.

    What a call raises inside CallGuard, which waits or turns it into a FloodWait; nobody else meets it.
    """

    def __init__(self, *, method: str, seconds: float) -> None:
        super().__init__(f"Telegram: asks to wait {seconds:g} s with {method}; call it through CallGuard")
        self.method = method
        self.seconds = seconds


class BreakerOpen(Postponed):
    """Too many calls failed lately: none is made until the open timeout has passed."""


class BreakerStopped(PermanentError):  # noqa: N818 - as above
    """No call is made until a person has put something right and reset the breaker."""


class SessionBusy(TransientError):  # noqa: N818 - as above
    """Another process holds the session: it may be used by one at a time."""


class SessionDead(PermanentError):  # noqa: N818 - as above
    """Telegram refused the session for good (duplicated, revoked, banned): it has to be parked."""


class SessionParked(PermanentError):  # noqa: N818 - as above
    """The session was refused for good earlier: it is not tried again."""


class ChannelUnavailable(PermanentError):  # noqa: N818 - as above
    """This channel cannot be read (private, gone, unknown name, banned); others can."""


_OF_THE_SESSION = (Postponed, SessionBusy, SessionDead, SessionParked)
_OPENING = frozenset({"connect", "GetUsersRequest"})
"""The calls that open a session."""


def concerns_all(error: TransientError | PermanentError, call: str) -> bool:
    """Tell whether no other channel can be read either, where reading any takes this kind of call.

    A flood wait is for one kind of call: with another one, it concerns the channel that needs it.
    """
    if isinstance(error, FloodWait):
        return error.method == call or error.method in _OPENING
    return isinstance(error, _OF_THE_SESSION)
