"""Keeps the table of channels in step with CHANNEL_LIST and with what can be read."""

from dataclasses import dataclass

from tutordex_dagster.capture.references import parse_channel_list
from tutordex_dagster.errors import UsageError
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import HOUR, hour_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSync:
    """What a sync found: `registered` channels, and per channel that cannot be read yet the reason."""

    registered: tuple[Channel, ...]
    waiting: dict[str, str]


def sync_channels(services: Services) -> ChannelSync:
    """Register every channel of CHANNEL_LIST (all recorded ones when it is unset) that has a source.

    A new channel is collected from INITIAL_HISTORY_HOURS ago, but not from before GRID_START. Channels of
    imported exports are registered by the import. One channel that cannot be registered stops no other.
    Raises UsageError when CHANNEL_LIST itself cannot be read.
    """
    settings, now = services.settings, services.clock()
    listed = (
        parse_channel_list(settings.channel_list) if settings.channel_list else tuple(services.recordings)
    )
    known = {channel.reference: channel for channel in services.channels.all()}
    since = max(settings.grid_start, hour_of(now) - settings.initial_history_hours * HOUR)
    waiting: dict[str, str] = {}
    for reference in listed:
        recording = services.recordings.get(reference)
        if recording is None:
            if reference not in known:
                waiting[reference] = (
                    "no recording and no imported export has it; import one with: tutordex import"
                )
        elif reference not in known:
            try:
                known[reference] = services.channels.register(
                    recording.info, source="recorded", collect_since=since
                )
            except UsageError as error:
                waiting[reference] = str(error)
    return ChannelSync(registered=tuple(known[reference] for reference in sorted(known)), waiting=waiting)
