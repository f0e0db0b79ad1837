"""Keeps the table of channels in step with CHANNEL_LIST and with what can be read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutordex_dagster.capture.references import parse_channel_list
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import HOUR, hour_of

if TYPE_CHECKING:
    from tutordex_dagster.resources.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSync:
    """What a sync found: `registered` channels, and per channel that cannot be read yet the reason."""

    registered: tuple[Channel, ...]
    waiting: dict[str, str]


def sync_channels(services: "Services") -> ChannelSync:
    """Register every channel of CHANNEL_LIST (all recorded ones when it is unset) that has a recording.

    Channels of Telegram are registered by the tail, which can look them up, and those of exports by the
    import. A new channel is collected from INITIAL_HISTORY_HOURS ago, but not from before GRID_START. One
    channel that cannot be registered stops no other. Raises UsageError when CHANNEL_LIST cannot be read.
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
        if reference in known:
            continue
        if recording is None:
            waiting[reference] = _why_unknown(services, reference)
            continue
        try:
            known[reference] = services.channels.register(
                recording.info, source="recorded", collect_since=since
            )
        except UsageError as error:
            waiting[reference] = str(error)
    services.channels.note_listed(listed if settings.channel_list else known)
    return ChannelSync(registered=tuple(known[reference] for reference in sorted(known)), waiting=waiting)


def _why_unknown(services: "Services", reference: str) -> str:
    if not services.telegram_configured:
        return (
            "no recording and no imported export has it; import one with `tutordex import`, or follow"
            " Telegram as docs/telegram.md tells"
        )
    wanted = services.channels.wanted().get(reference)
    return wanted.problem if wanted else "the tail has not looked it up yet; that takes a moment"
