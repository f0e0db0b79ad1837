"""Which Telegram session does what, from the settings alone: nothing is connected here."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tutordex_dagster.capture.telegram.session import SessionString, parse_session, read_session_file
from tutordex_dagster.errors import UsageError
from tutordex_dagster.settings import Settings

if TYPE_CHECKING:
    from pydantic import SecretStr

Role = Literal["tail", "recovery", "media"]
"""What a session is for: following channels, reading history, fetching files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSession:
    """The session of a role; `name` is the role it was made for, which differs when one is shared."""

    name: Role
    session: SessionString

    @property
    def fingerprint(self) -> str:
        """Return what names the session and gives nothing away."""
        return self.session.fingerprint


def session_variable(role: Role) -> str:
    """Return the variable that holds a role's session string."""
    return "SESSION_STRING" if role == "tail" else f"SESSION_STRING_{role.upper()}"


def session_path(settings: Settings, role: Role) -> Path:
    """Return the file a role's session is kept in."""
    name: str = getattr(settings, "tg_session" if role == "tail" else f"tg_session_{role}")
    return settings.tutordex_home / name


def choose_session(settings: Settings, role: Role) -> ChosenSession | None:
    """Return the session of a role, or None when there is none; history falls back to the following one.

    Raises UsageError, without the secret, for a session string or file that cannot be used.
    """
    own = _own_session(settings, role)
    if own is None and role == "recovery":
        return _own_session(settings, "tail")
    return own


def require_session(settings: Settings, role: Role) -> ChosenSession:
    """Return the session of a role; UsageError when there is none."""
    chosen = choose_session(settings, role)
    if chosen is None:
        raise UsageError(
            session_variable(role),
            f"is not set, and {session_path(settings, role).name} does not exist",
            f"make a session with `tutordex login --session {role}`",
        )
    return chosen


def shares_one_session(settings: Settings) -> bool:
    """Tell whether history is read through the session that follows, so that the two have to take turns."""
    tail, recovery = choose_session(settings, "tail"), choose_session(settings, "recovery")
    return bool(tail and recovery and tail.fingerprint == recovery.fingerprint)


def _own_session(settings: Settings, role: Role) -> ChosenSession | None:
    suffix = "" if role == "tail" else f"_{role}"
    given: SecretStr | None = getattr(settings, f"session_string{suffix}")
    path = session_path(settings, role)
    if given is not None:
        session = parse_session(given.get_secret_value(), where=session_variable(role))
    elif path.exists():
        session = read_session_file(path)
    else:
        return None
    return ChosenSession(name=role, session=session)
