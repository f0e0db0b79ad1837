"""Which Telegram channel a reference means: looked up once, then known by id and access hash for ever."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from tutordex_dagster.capture.contract import ChannelInfo, LiveSource
from tutordex_dagster.capture.references import id_in_reference
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.resilience.errors import ChannelUnavailable, SessionDead, SessionParked
from tutordex_dagster.resources.telegram import HeldSession
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.channels import Channel, Channels
from tutordex_dagster.windows import HOUR, Clock, hour_of

if TYPE_CHECKING:
    from tutordex_dagster.capture.telegram.resolve import Resolved

LOOK_UP_AGAIN_AFTER = timedelta(hours=1)
"""Looking names up is what Telegram limits most: one that led nowhere is not asked for more often."""

LIST_AGAIN_AFTER = timedelta(minutes=1)
"""The account's chats are listed once for all ids that are asked for together, joined or not."""

LOOK_UPS_AT_ONCE = 2
"""A long new list is looked up over many ticks, none of which has to wait long for its turn."""


class Directory:
    """The channels one account can read, through a session in use."""

    def __init__(self, held: HeldSession, channels: Channels, settings: Settings, clock: Clock) -> None:
        self._held = held
        self._channels = channels
        self._settings = settings
        self._clock = clock
        self._joined: Mapping[int, Resolved] = {}
        self._listed_at: datetime | None = None

    def source(self, channel: Channel) -> LiveSource:
        """Return the source of a registered channel; ChannelUnavailable when the account cannot find it."""
        from tutordex_dagster.capture.telegram.source import TelegramSource

        access_hash = self._access.get(channel.channel_id)
        if access_hash is None:
            access_hash = self._look_up_registered(channel)
        info = ChannelInfo(channel_id=channel.channel_id, reference=channel.reference, title=channel.title)
        return TelegramSource(self._held, info=info, access_hash=access_hash)

    def register_new(self, references: Iterable[str]) -> list[Channel]:
        """Look up some of the references that are no channels of Telegram yet; return those registered now.

        One that leads nowhere, or is refused, is noted with the reason and stops no other. Raises
        TransientError when Telegram cannot be asked now, SessionDead or SessionParked when it never can be.
        """
        recently = self._clock() - LOOK_UP_AGAIN_AFTER
        wanted = self._channels.wanted()
        asked = [
            reference
            for reference in references
            if reference not in wanted or wanted[reference].checked_at < recently
        ]
        looked_up = [self._register(reference) for reference in asked[:LOOK_UPS_AT_ONCE]]
        return [channel for channel in looked_up if channel is not None]

    @cached_property
    def _access(self) -> dict[int, int]:
        return self._channels.access(self._held.account_id)

    def _register(self, reference: str) -> Channel | None:
        now = self._clock()
        since = hour_of(now) - self._settings.initial_history_hours * HOUR
        try:
            found = self._look_up(reference)
            channel = self._channels.register(
                found.info, source="telegram", collect_since=max(self._settings.grid_start, since)
            )
        except (SessionDead, SessionParked):
            raise
        except PermanentError as error:
            self._channels.note_wanted(reference, str(error), now)
            return None
        self._remember(found)
        self._channels.forget_wanted([reference])
        return channel

    def _look_up_registered(self, channel: Channel) -> int:
        found = self._look_up(channel.reference)
        if found.info.channel_id != channel.channel_id:
            raise ChannelUnavailable(
                f"{channel.reference}: now names another channel ({found.info.title}); the one collected so "
                f"far has id {channel.channel_id}, list it as t.me/c/{channel.channel_id}"
            )
        self._remember(found)
        return found.access_hash

    def _look_up(self, reference: str) -> "Resolved":
        """Ask Telegram for a name, or the account's dialogs for an id, which no server can look up."""
        from tutordex_dagster.capture.telegram.resolve import resolve

        channel_id = id_in_reference(reference)
        if channel_id is None:
            return resolve(self._held, reference)
        found = self._find_joined(channel_id)
        if found is None:
            raise ChannelUnavailable(
                f"{reference}: is no channel this account has joined; join it, or list it by its public name"
            )
        return replace(found, info=replace(found.info, reference=reference))

    def _find_joined(self, channel_id: int) -> "Resolved | None":
        """Look in the list of the account's chats, and in a new one for a channel that was joined since."""
        from tutordex_dagster.capture.telegram.resolve import dialogs

        now = self._clock()
        old = self._listed_at is None or self._listed_at + LIST_AGAIN_AFTER <= now
        if channel_id not in self._joined and old:
            self._joined = {found.info.channel_id: found for found in dialogs(self._held)}
            self._listed_at = now
        return self._joined.get(channel_id)

    def _remember(self, found: "Resolved") -> None:
        self._channels.note_access(self._held.account_id, found.info.channel_id, found.access_hash)
        self._channels.note_member(found.info.channel_id, member=found.member)
        self._access[found.info.channel_id] = found.access_hash
