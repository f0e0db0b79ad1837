"""Secrets never reach a log: every record of this process is masked when it is made.

A filter on a logger or handler would miss the handlers others add (Dagster adds its own in every run), so the
mask sits where records are made.
"""

import logging
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tutordex_dagster.errors import UsageError

if TYPE_CHECKING:  # settings are heavy, and a command that only prints its help reads none
    from tutordex_dagster.settings import Settings

MASK = "***"

_SHORTEST = 6
"""A shorter secret is no secret, and masking every `x` would make the log unreadable."""

_PATTERNS = (
    # a password in a URL
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+@", re.IGNORECASE), rf"\1{MASK}@"),
    # a token in a URL, or a password in a libpq string
    (re.compile(r"\b((?:\w*token|\w*password|api_?key|secret)=)[^\s&'\"]+", re.IGNORECASE), rf"\1{MASK}"),
    # a phone number as people write it: +65 9123 4567
    (re.compile(r"(?<![\w+])\+[1-9](?:[ -]?\d){7,14}(?!\d)"), MASK),
    # a Telegram session: dc, address, port and 256 bytes of key
    (re.compile(r"(?<![\w-])1[\w-]{340,}={0,2}"), MASK),
)

_formatter = logging.Formatter()


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with these secrets, passwords in URLs, phone numbers and sessions replaced by `***`."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def secrets_of(settings: "Settings") -> tuple[str, ...]:
    """Return the secret values of the settings, and the passwords of those that are URLs, longest first."""
    from pydantic import SecretStr

    values = (getattr(settings, name) for name in type(settings).model_fields)
    whole = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    passwords = [password for each in whole for password in _passwords(each)]
    return tuple(
        sorted({each for each in (*whole, *passwords) if len(each) >= _SHORTEST}, key=len, reverse=True)
    )


def mask_logs(read: "Callable[[], Settings] | None" = None) -> None:
    """Mask every log record this process makes from now on; calling it again only reads settings anew.

    `read` (by default the environment is read) is called with the first record, so that nobody waits for
    settings who logs nothing.
    """
    before = logging.getLogRecordFactory()
    plain = before.plain if isinstance(before, _Factory) else before
    logging.setLogRecordFactory(_Factory(plain, read or _load))


def _load() -> "Settings":
    from tutordex_dagster.settings import load_settings

    return load_settings()


class _Factory:
    """Makes records as `plain` does, then masks what they say."""

    def __init__(self, plain: Callable[..., logging.LogRecord], read: "Callable[[], Settings]") -> None:
        self.plain = plain
        self._read = read
        self._secrets: tuple[str, ...] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - as LogRecord takes them
        record = self.plain(*args, **kwargs)
        _mask_record(record, partial(mask, secrets=self._known()))
        return record

    def _known(self) -> tuple[str, ...]:
        if self._secrets is None:
            self._secrets = ()  # reading settings may itself log
            try:
                self._secrets = secrets_of(self._read())
            except UsageError:  # whoever needs the settings reports it; the patterns still hold
                return ()
        return self._secrets


def _mask_record(record: logging.LogRecord, masked: Callable[[str], str]) -> None:
    said = _message(record)
    if (clean := masked(said)) != said:
        record.msg, record.args = clean, ()
    if record.exc_info:
        trace = _formatter.formatException(record.exc_info)
        if (clean := masked(trace)) != trace:
            record.exc_info, record.exc_text = None, clean


def _message(record: logging.LogRecord) -> str:
    """Return what the record says, also when its arguments do not fit its text."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def _passwords(value: str) -> tuple[str, ...]:
    """Return the password of a URL as it is written and as it is meant; nothing for any other text."""
    try:
        password = urlsplit(value).password
    except ValueError:
        return ()
    return (password, unquote(password)) if password else ()
