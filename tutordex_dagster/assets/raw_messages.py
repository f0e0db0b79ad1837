"""The raw messages of each channel and hour: materializing a partition reads its hour from the source."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime

import dagster as dg
from pydantic import Field

from tutordex_dagster.assets.events import NO_VALUE, done, newest_event, report_in_run
from tutordex_dagster.assets.failures import partition_failure
from tutordex_dagster.assets.keys import RAW_CODE_VERSION, RAW_MESSAGES
from tutordex_dagster.assets.reading import Order, Part, read_channels
from tutordex_dagster.assets.reports import empty_hours, extraction_events, raw_events
from tutordex_dagster.capture.contract import HourReport, Lane
from tutordex_dagster.capture.sweep import SweepSummary
from tutordex_dagster.errors import TutorDexError
from tutordex_dagster.partitions import windows_by_channel
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import HOUR, Window

GROUP = "telegram"
_GROUP_HOURS = 7 * 24
"""Events of so many hours are written at once: a write takes its time, however few they are."""
_UNKNOWN = "is not a registered channel; add it to CHANNEL_LIST"


class RawMessagesConfig(dg.Config):
    """How a run over partitions of `raw_messages` goes about it."""

    lane: Lane = Field("backfill", description="How urgently new messages are extracted.")
    max_messages: int | None = Field(None, ge=1, description="Stop a channel after this many messages.")
    force: bool = Field(False, description="Extract again what was extracted already.")
    read: bool = Field(True, description="False reports what is stored, without asking the source.")
    follow: bool = Field(
        False, description="Report hours without messages as extracted too: no other run will touch them."
    )


def raw_messages_asset(*, grid: dg.PartitionsDefinition[str], pool: str | None = None) -> dg.AssetsDefinition:
    """Make the asset on this grid; runs of it take turns in the pool."""

    @dg.asset(
        key=RAW_MESSAGES,
        description="Every revision of every message, by channel and hour of posting, as its source shows it."
        " A partition is read whole and then sealed; an hour that cannot be read fails alone.",
        group_name=GROUP,
        kinds={"postgres"},
        partitions_def=grid,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version=RAW_CODE_VERSION,
        dagster_type=NO_VALUE,
        output_required=False,
        pool=pool,
    )
    def raw_messages(
        context: dg.AssetExecutionContext, config: RawMessagesConfig, services: dg.ResourceParam[Services]
    ) -> Iterator[dg.Output[None]]:
        windows = windows_by_channel(context.partition_keys)
        channels = {channel.reference: channel for channel in services.channels.all()}
        failed = {
            (reference, hour): _UNKNOWN
            for reference, wanted in windows.items()
            if reference not in channels
            for window in wanted
            for hour in window.hours()
        }
        known = [(channels[reference], windows[reference]) for reference in windows if reference in channels]
        with closing(_parts(services, known, config)) as parts:
            for group in _grouped(_logged(context, parts), hours=dict(known)):
                reasons = _report(context, services, group, config)
                failed |= {(group[0].channel.reference, hour): why for hour, why in reasons.items()}
        if failed:
            raise partition_failure(failed, of=len(context.partition_keys))
        yield done()

    return raw_messages


def _parts(
    services: Services, wanted: Sequence[tuple[Channel, Sequence[Window]]], config: RawMessagesConfig
) -> Generator[Part, None, None]:
    """Read the channels, or take what is stored of them as it is."""
    if config.read:
        order = Order(lane=config.lane, force=config.force, max_messages=config.max_messages)
        yield from read_channels(services, wanted, order)
        return
    for channel, windows in wanted:
        for window in windows:
            yield Part(channel=channel, window=window)


def _logged(context: dg.AssetExecutionContext, parts: Iterable[Part]) -> Iterator[Part]:
    """Say of every part what came of it."""
    for part in parts:
        span = f"{part.window.since:%Y-%m-%d %H:%M} … {part.window.until:%Y-%m-%d %H:%M}"
        if part.swept:
            context.log.info("%s %s: %s", part.channel.reference, span, _summed_up(part.swept))
        for reason in dict.fromkeys(part.failed.values()):
            context.log.warning("%s %s: %s", part.channel.reference, span, reason)
        yield part


def _summed_up(swept: SweepSummary) -> str:
    stored = swept.stored
    counts = f"{stored.new} new, {stored.edited} edited, {stored.deleted} deleted"
    return f"{swept.messages} messages ({counts}) in {len(swept.hours)} hours"


def _grouped(parts: Iterable[Part], *, hours: Mapping[Channel, Sequence[Window]]) -> Iterator[list[Part]]:
    """Gather a channel's parts into groups worth a write of their own: a week of hours, or all it has."""
    left = {channel: sum(map(_hours, windows)) for channel, windows in hours.items()}
    held: dict[Channel, list[Part]] = {}
    for part in parts:
        group = held.setdefault(part.channel, [])
        group.append(part)
        left[part.channel] -= _hours(part.window)
        if left[part.channel] == 0 or sum(_hours(each.window) for each in group) >= _GROUP_HOURS:
            yield held.pop(part.channel)


def _hours(window: Window) -> int:
    return (window.until - window.since) // HOUR


def _report(
    context: dg.AssetExecutionContext, services: Services, parts: Sequence[Part], config: RawMessagesConfig
) -> Mapping[datetime, str]:
    """Report parts of one channel; return their failed hours. A failure of reporting fails these alone."""
    failed = {hour: reason for part in parts for hour, reason in part.failed.items()}
    try:
        good = _report_stored(context, services, parts, failed)
        if config.follow:
            _report_empty(context, services, parts[0].channel, good, config.lane)
    except TutorDexError as error:
        return {hour: str(error) for part in parts for hour in part.window.hours()}
    return failed


def _report_stored(
    context: dg.AssetExecutionContext, services: Services, parts: Sequence[Part], failed: Collection[datetime]
) -> list[HourReport]:
    """Write the events of the hours that did not fail and return these hours.

    The ledger notes that Dagster knows these; what is stored of the others is reported by the tail sensor.
    """
    channel = parts[0].channel
    hours = [hour for part in parts for hour in services.coverage.hours(channel.channel_id, part.window)]
    good = [hour for hour in hours if hour.hour not in failed]
    report_in_run(context, raw_events(services, channel, good))
    services.coverage.mark_reported(channel.channel_id, good, services.clock())
    return good


def _report_empty(
    context: dg.AssetExecutionContext,
    services: Services,
    channel: Channel,
    reports: Sequence[HourReport],
    lane: Lane,
) -> None:
    """Write the extraction events of hours without messages, for the versions that follow new messages."""
    hours = empty_hours(channel, reports)
    pointer = newest_event(context.instance, RAW_MESSAGES)
    for wish in services.enqueue_for(lane):
        spec = services.pipeline(wish.version)
        report_in_run(context, extraction_events(services, spec, hours, newest_raw_event=pointer))
