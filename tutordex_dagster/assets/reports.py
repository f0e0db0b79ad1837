"""What the store knows of partitions, as events: counts on all of them, a table and a plot on the newest."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from tutordex_dagster.assets.events import Input, Version, materialization
from tutordex_dagster.assets.keys import (
    ASSIGNMENTS,
    ASSIGNMENTS_CODE_VERSION,
    RAW_CODE_VERSION,
    RAW_MESSAGES,
    extraction_key,
)
from tutordex_dagster.assets.pictures import bars, per_hour, table
from tutordex_dagster.capture.contract import HourReport
from tutordex_dagster.extraction.versions import PipelineSpec, fingerprint
from tutordex_dagster.partitions import contiguous, partition_key
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.extractions import PartitionCounts
from tutordex_dagster.windows import HOUR, Window

SAMPLE_ROWS = 10
NO_RESULTS = "empty"
"""Data version of a partition without any finished job."""

Hours = Mapping[Channel, Collection[datetime]]
"""Which hours of which channels a report is about."""


def raw_events(
    services: Services, channel: Channel, reports: Sequence[HourReport]
) -> list[dg.AssetMaterialization]:
    """Return the events of a channel's hours as the ledger has them, oldest first."""
    pictures = _raw_pictures(services, channel, reports) if reports else {}
    last = len(reports) - 1
    return [
        materialization(
            RAW_MESSAGES,
            partition=partition_key(channel.reference, report.hour),
            version=Version(code=RAW_CODE_VERSION, data=report.digest or NO_RESULTS),
            metadata={
                "messages": report.messages,
                "state": report.state,
                **_ids(report),
                **(pictures if index == last else {}),
            },
        )
        for index, report in enumerate(reports)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedHour:
    """The jobs of one partition by status (None: no job), and the digest of the messages behind them."""

    channel: Channel
    hour: datetime
    counts: PartitionCounts | None
    raw_digest: str

    @property
    def unprocessed(self) -> int:
        """Count the jobs nobody has come to yet."""
        return self.counts.pending + self.counts.processing if self.counts else 0

    @property
    def by_status(self) -> dict[str, int]:
        """Return the ended jobs by status."""
        names = ("ok", "skipped", "failed", "dead")
        return {name: getattr(self.counts, name) if self.counts else 0 for name in names}


def extracted_hours(services: Services, spec: PipelineSpec, hours: Hours) -> list[ExtractedHour]:
    """Look up how far a version is with these hours, channel by channel, oldest first."""
    found = _counts(services, spec, hours)
    digests = {
        (channel.channel_id, report.hour): report.digest
        for channel, wanted in hours.items()
        for window in contiguous(wanted)
        for report in services.coverage.hours(channel.channel_id, window)
    }
    return [
        ExtractedHour(
            channel=channel,
            hour=hour,
            counts=found.get((channel.channel_id, hour)),
            raw_digest=digests.get((channel.channel_id, hour)) or NO_RESULTS,
        )
        for channel, wanted in hours.items()
        for hour in sorted(wanted)
    ]


def extraction_events(
    services: Services,
    spec: PipelineSpec,
    hours: Sequence[ExtractedHour],
    *,
    newest_raw_event: int | None,
    of_the_run: Mapping[str, Any] | None = None,
) -> list[dg.AssetMaterialization]:
    """Return the events of these partitions, with pictures on the newest one of every channel.

    `newest_raw_event` is the newest event of `raw_messages` from before the counts were read; `of_the_run`
    is told on the last event.
    """
    code = fingerprint(spec)
    newest = {each.channel.channel_id: each for each in hours}
    return [
        materialization(
            extraction_key(spec),
            partition=partition_key(each.channel.reference, each.hour),
            version=Version(
                code=code,
                data=each.counts.digest if each.counts else NO_RESULTS,
                inputs={RAW_MESSAGES: Input(data=each.raw_digest, pointer=newest_raw_event)},
            ),
            metadata={
                **each.by_status,
                **(
                    _extraction_pictures(services, spec, hours, each)
                    if newest[each.channel.channel_id] is each
                    else {}
                ),
                **(of_the_run or {} if each is hours[-1] else {}),
            },
        )
        for each in hours
    ]


def empty_hours(channel: Channel, reports: Iterable[HourReport]) -> list[ExtractedHour]:
    """Return the hours without messages: there is nothing to extract, so every version is done with them."""
    return [
        ExtractedHour(channel=channel, hour=report.hour, counts=None, raw_digest=report.digest or NO_RESULTS)
        for report in reports
        if not report.messages
    ]


def assignments_event(services: Services, metadata: Mapping[str, Any]) -> dg.AssetMaterialization:
    """Return the event of `assignments` as the table is now."""
    stats, live = services.assignments.stats(), services.live.name
    newest = stats.newest.isoformat() if stats.newest else NO_RESULTS
    return materialization(
        ASSIGNMENTS,
        version=Version(code=ASSIGNMENTS_CODE_VERSION, data=f"{live}-{stats.open}-{stats.closed}-{newest}"),
        metadata={
            "open": stats.open,
            "closed": stats.closed,
            "pipeline_version": live,
            **metadata,
            "newest": table(services.assignments.sample(SAMPLE_ROWS)),
            "likely_duplicates": table(services.duplicates.shown(SAMPLE_ROWS)),
            **(
                {"open_by_level": bars("open assignments by level", stats.by_level)} if stats.by_level else {}
            ),
            **(
                {"open_by_channel": bars("open assignments by channel", stats.by_channel)}
                if stats.by_channel
                else {}
            ),
        },
    )


def _ids(report: HourReport) -> dict[str, int]:
    if report.first_message_id is None or report.last_message_id is None:
        return {}
    return {"first_message_id": report.first_message_id, "last_message_id": report.last_message_id}


def _raw_pictures(services: Services, channel: Channel, reports: Sequence[HourReport]) -> dict[str, Any]:
    """Show the messages of the newest hour that has any, and how many every hour has."""
    newest = next((report for report in reversed(reports) if report.messages), reports[-1])
    sample = services.raw_log.sample(channel.channel_id, Window(newest.hour, newest.hour + HOUR), SAMPLE_ROWS)
    hours = [report.hour for report in reports]
    counts = {"messages": [report.messages for report in reports]}
    return {
        "sample": table(sample),
        "messages_per_hour": per_hour(f"{channel.reference}: messages per hour (UTC)", hours, counts),
    }


def _extraction_pictures(
    services: Services, spec: PipelineSpec, hours: Sequence[ExtractedHour], newest: ExtractedHour
) -> dict[str, Any]:
    own = [each for each in hours if each.channel == newest.channel]
    shown = next((each for each in reversed(own) if each.counts), None)
    if shown is None:
        return {}
    window = Window(shown.hour, shown.hour + HOUR)
    sample = services.queue.samples(spec.name, newest.channel.channel_id, window, SAMPLE_ROWS)
    series = {status: [each.by_status[status] for each in own] for status in newest.by_status}
    title = f"{newest.channel.reference}: {spec.name}, messages per hour (UTC) by outcome"
    return {
        "sample": table(sample),
        "outcomes_per_hour": per_hour(title, [each.hour for each in own], series),
    }


def _counts(
    services: Services, spec: PipelineSpec, hours: Hours
) -> dict[tuple[int, datetime], PartitionCounts]:
    """Count with one query a contiguous span over all channels: a little too much is cheaper than many."""
    ids = [channel.channel_id for channel in hours]
    return {
        (counts.channel_id, counts.hour): counts
        for window in contiguous(_all(hours.values()))
        for counts in services.queue.counts_by_hour(spec.name, ids, window)
    }


def _all(groups: Iterable[Collection[datetime]]) -> list[datetime]:
    return [hour for group in groups for hour in group]
