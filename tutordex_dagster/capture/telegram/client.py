"""The Telethon client as we use it: it waits for nothing, retries nothing and remembers nobody."""

import logging
from typing import Final

from telethon import TelegramClient
from telethon.sessions import StringSession
from typing_extensions import override

from tutordex_dagster.capture.telegram.messages import TL
from tutordex_dagster.capture.telegram.session import SessionString
from tutordex_dagster.capture.telegram.updates import OnMissed, OnPush, singly, subscribe

_PATIENT: Final = {
    "request_retries": 3,  # an account's home may be another data centre, and the call is made again there
    "connection_retries": 1,
    "auto_reconnect": True,
}
_PROMPT: Final = {"request_retries": 0, "connection_retries": 0, "retry_delay": 0, "auto_reconnect": False}


class _Forgetful(StringSession):  # type: ignore[misc] # Telethon is untyped
    """A session that keeps no people: their names and phone numbers are nothing to us."""

    @override
    def process_entities(self, tlo: TL) -> None:
        """Do nothing; access hashes of channels are kept by whoever needs them."""


class _Reticent(TelegramClient):  # type: ignore[misc] # as above
    """A client that hands updates over as they come and never asks for any by itself.

    Telethon fills gaps with calls of its own. They go past the guard, in the middle of a flood wait too, and
    what such a call does not bring is dropped with the update that showed the gap.
    """

    @override
    async def _update_loop(self) -> None:
        while self.is_connected():
            for update in singly(await self._updates_queue.get()):
                await self._dispatch_update(update)


def make_client(
    session: SessionString | None,
    *,
    api_id: int,
    api_hash: str,
    connect_seconds: float,
    on_push: OnPush | None = None,
    on_missed: OnMissed = lambda: None,
    patient: bool = False,
) -> TelegramClient:
    """Return a client that is not connected yet; without a session it is a new one, not signed in.

    It neither sleeps through flood waits nor reconnects nor fills gaps by itself: what happens to a call or
    to the link is raised at once, and dealt with in one place. Without `on_push` no updates are asked for;
    `on_missed` is told when there were too many to push. A `patient` one helps itself, for signing in, where
    a person waits and nobody else deals with anything.
    """
    _silence_telethon()
    client = (TelegramClient if patient else _Reticent)(
        _Forgetful(session.text if session else None),
        api_id,
        api_hash,
        timeout=connect_seconds,
        flood_sleep_threshold=0,
        raise_last_call_error=True,
        sequential_updates=True,
        receive_updates=patient or on_push is not None,
        **(_PATIENT if patient else _PROMPT),
    )
    if on_push:
        subscribe(client, on_push, on_missed)
    return client


def _silence_telethon() -> None:
    """Mute Telethon: it logs whole requests, and calls a lost link an error that we report ourselves."""
    logging.getLogger("telethon").setLevel(logging.CRITICAL)
