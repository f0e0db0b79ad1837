"""Reads by the clock: for changes in hours that are known already, which the seal sensor leaves alone."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from tutordex_dagster.assets.keys import COLLECT_JOB, PIPELINE_JOB
from tutordex_dagster.partitions import grid_order, range_tags, rectangles_over, within_grid
from tutordex_dagster.resources.services import Services
from tutordex_dagster.settings import Settings
from tutordex_dagster.windows import HOUR, Window, hour_of

LATE_CHANGES = timedelta(hours=48)
"""How far back the nightly read looks for edits and deletions."""


def hourly_schedule() -> dg.ScheduleDefinition:
    """Make the schedule that reads the running hour and the one before it."""

    @dg.schedule(
        name="hourly",
        job_name=COLLECT_JOB,
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads the running hour and the one before it again, for all channels.",
    )
    def hourly(
        context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
    ) -> list[dg.RunRequest]:
        return list(_read_again(context, services, 2 * HOUR))

    return hourly


def nightly_schedule(*, settings: Settings) -> dg.ScheduleDefinition:
    """Make the schedule that looks for late changes and runs every check."""

    @dg.schedule(
        name="nightly",
        job_name=PIPELINE_JOB,
        cron_schedule="30 3 * * *",
        execution_timezone=settings.nightly_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads the last 48 hours of all channels again for late changes, and runs all checks.",
    )
    def nightly(
        context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
    ) -> list[dg.RunRequest]:
        return list(_read_again(context, services, LATE_CHANGES))

    return nightly


def _read_again(
    context: dg.ScheduleEvaluationContext, services: Services, span: timedelta
) -> Iterator[dg.RunRequest]:
    """Ask for one run over all channels, exports left out: they show nothing new."""
    now = context.scheduled_execution_time
    until = hour_of(now) + HOUR
    window = within_grid(Window(until - span, until), start=services.settings.grid_start, now=now)
    order = grid_order(context.instance)
    channels = {channel.reference for channel in services.channels.all() if channel.source_kind != "export"}
    if window is None or not channels:
        return
    for rectangle in rectangles_over(sorted(channels & set(order)), window, order=order):
        yield dg.RunRequest(
            run_key=f"{now:%Y-%m-%dT%H:%M}:{rectangle.first_channel}",
            tags={**range_tags(rectangle), "tutordex/started_by": "schedule"},
        )
