"""Hours that were stored outside of runs, by the tail or by a command: the grid shows them all the same."""

from collections.abc import Sequence
from itertools import groupby

import dagster as dg

from tutordex_dagster.assets.events import newest_event, report_outside_runs
from tutordex_dagster.assets.keys import RAW_MESSAGES
from tutordex_dagster.assets.reports import empty_hours, extraction_events, raw_events
from tutordex_dagster.capture.contract import HourReport
from tutordex_dagster.partitions import contiguous
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.coverage import DueHour

REPORTED_AT_ONCE = 500
"""Hours one tick of a sensor reports; more of them are given to a run."""


def report_unreported(instance: dg.DagsterInstance, services: Services, due: Sequence[DueHour]) -> None:
    """Write the events of these hours as the ledger has them, and note that Dagster knows them.

    Sealed hours without messages count as extracted: there is nothing in them that ever would be.
    """
    channels = {channel.channel_id: channel for channel in services.channels.all()}
    for channel_id, hours in groupby(sorted(due, key=_place), lambda each: each.channel_id):
        _report(instance, services, channels[channel_id], list(hours))


def _report(
    instance: dg.DagsterInstance, services: Services, channel: Channel, due: Sequence[DueHour]
) -> None:
    hours = {each.hour for each in due}
    reports = [
        report
        for window in contiguous(hours)
        for report in services.coverage.hours(channel.channel_id, window)
    ]
    events = [*raw_events(services, channel, reports), *_extracted(instance, services, channel, reports)]
    report_outside_runs(instance, events)
    services.coverage.mark_reported(channel.channel_id, reports, services.clock())


def _extracted(
    instance: dg.DagsterInstance, services: Services, channel: Channel, reports: Sequence[HourReport]
) -> list[dg.AssetMaterialization]:
    sealed = [report for report in reports if report.state == "sealed"]
    hours = empty_hours(channel, sealed)
    pointer = newest_event(instance, RAW_MESSAGES) if hours else None
    return [
        event
        for wish in services.enqueue_for("live")
        for event in extraction_events(
            services, services.pipeline(wish.version), hours, newest_raw_event=pointer
        )
    ]


def _place(due: DueHour) -> tuple[int, object]:
    return due.channel_id, due.hour
