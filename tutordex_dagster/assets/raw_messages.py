"""The raw messages of each channel and hour: materializing a partition reads its hour from the source."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from pydantic import Field

from tutordex_dagster.assets.events import NO_VALUE, done, newest_event, report_in_run
from tutordex_dagster.assets.failures import partition_failure
from tutordex_dagster.assets.keys import RAW_CODE_VERSION, RAW_MESSAGES
from tutordex_dagster.assets.reports import empty_hours, extraction_events, raw_events
from tutordex_dagster.capture.contract import (
    ChannelInfo,
    ChannelSource,
    HourReport,
    Lane,
    Message,
    SourceKind,
    Unreadable,
)
from tutordex_dagster.capture.sweep import sweep
from tutordex_dagster.errors import PermanentError, TutorDexError
from tutordex_dagster.partitions import windows_by_channel
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import Window

GROUP = "telegram"


class RawMessagesConfig(dg.Config):
    """How a run over partitions of `raw_messages` goes about it."""

    lane: Lane = Field("backfill", description="How urgently new messages are extracted.")
    max_messages: int | None = Field(None, ge=1, description="Stop a channel after this many messages.")
    force: bool = Field(False, description="Extract again what was extracted already.")
    read: bool = Field(True, description="False reports what is stored, without asking the source.")
    follow: bool = Field(
        False, description="Report hours without messages as extracted too: no other run will touch them."
    )


def raw_messages_asset(*, grid: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Make the asset on this grid."""

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
    )
    def raw_messages(
        context: dg.AssetExecutionContext, config: RawMessagesConfig, services: dg.ResourceParam[Services]
    ) -> Iterator[dg.Output[None]]:
        windows = windows_by_channel(context.partition_keys)
        channels = {channel.reference: channel for channel in services.channels.all()}
        failed: dict[tuple[str, datetime], str] = {}
        for reference, wanted in windows.items():
            reasons = _materialize(context, services, channels.get(reference), wanted, config)
            failed |= {(reference, hour): reason for hour, reason in reasons.items()}
        if failed:
            raise partition_failure(failed, of=len(context.partition_keys))
        yield done()

    return raw_messages


def _materialize(
    context: dg.AssetExecutionContext,
    services: Services,
    channel: Channel | None,
    windows: Sequence[Window],
    config: RawMessagesConfig,
) -> dict[datetime, str]:
    """Read and report one channel; return its failed hours. What goes wrong here fails this channel alone."""
    if channel is None:
        return _all_failed(windows, "is not a registered channel; add it to CHANNEL_LIST")
    try:
        failed = _read(context, services, channel, windows, config) if config.read else {}
        good = _report(context, services, channel, windows, failed)
        if config.follow:
            _report_empty(context, services, channel, good, config.lane)
    except TutorDexError as error:
        return _all_failed(windows, str(error))
    return failed


def _read(
    context: dg.AssetExecutionContext,
    services: Services,
    channel: Channel,
    windows: Sequence[Window],
    config: RawMessagesConfig,
) -> dict[datetime, str]:
    source = _source(services, channel)
    enqueue = services.enqueue_for(config.lane)
    failed: dict[datetime, str] = {}
    for window in windows:
        swept = sweep(
            source,
            window,
            log=services.raw_log,
            clock=services.clock,
            enqueue=enqueue,
            lag=services.settings.target_lag,
            max_messages=config.max_messages,
        )
        failed |= swept.failed
        stored = swept.stored
        context.log.info(
            "%s: %d messages (%d new, %d edited, %d deleted) in %d hours, of which %d failed",
            channel.reference,
            swept.messages,
            stored.new,
            stored.edited,
            stored.deleted,
            len(swept.hours),
            len(swept.failed),
        )
        for wish in enqueue if config.force else ():
            services.queue.enqueue_window(
                wish.version, channel_ids=[channel.channel_id], window=window, lane=wish.lane, force=True
            )
    return failed


def _report(
    context: dg.AssetExecutionContext,
    services: Services,
    channel: Channel,
    windows: Sequence[Window],
    failed: dict[datetime, str],
) -> list[HourReport]:
    """Write the events of the hours that did not fail and return these hours.

    The ledger notes that Dagster knows all of them.
    """
    at = services.clock()
    hours = [hour for window in windows for hour in services.coverage.hours(channel.channel_id, window)]
    good = [hour for hour in hours if hour.hour not in failed]
    report_in_run(context, raw_events(services, channel, good))
    services.coverage.mark_reported(channel.channel_id, [hour.hour for hour in hours], at)
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


def _all_failed(windows: Sequence[Window], reason: str) -> dict[datetime, str]:
    return {hour: reason for window in windows for hour in window.hours()}


def _source(services: Services, channel: Channel) -> ChannelSource:
    try:
        return services.source_for(channel)
    except PermanentError as error:
        return _Unavailable(channel=channel, error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unavailable:
    """A source that cannot even be opened: sweeping it notes in the ledger which hours failed, and why."""

    channel: Channel
    error: PermanentError

    authoritative = False

    @property
    def kind(self) -> SourceKind:
        """Name the kind of source."""
        return self.channel.source_kind

    @property
    def info(self) -> ChannelInfo:
        """Tell which channel this is."""
        channel = self.channel
        return ChannelInfo(channel_id=channel.channel_id, reference=channel.reference, title=channel.title)

    def vouches_until(self, now: datetime) -> datetime:
        """Return now; it never comes to that."""
        return now

    def observed_at(self, now: datetime) -> datetime:
        """Return now; it never comes to that."""
        return now

    def read(self, window: Window) -> Iterator[Message | Unreadable]:  # noqa: ARG002 - there is nothing to read
        """Raise what the source could not be opened for."""
        raise PermanentError(str(self.error)) from self.error
        yield from ()
