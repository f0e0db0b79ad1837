"""What sources and look-ups need of a connection."""

from typing import Protocol

from tutordex_dagster.capture.telegram.errors import TELEGRAM
from tutordex_dagster.capture.telegram.messages import TL


class Caller(Protocol):
    """Sends requests: a TelegramConnection, or whoever holds one."""

    def call(self, request: TL, *, about: str = TELEGRAM) -> TL:
        """Return the answer to a request; see TelegramConnection.call."""
        ...
