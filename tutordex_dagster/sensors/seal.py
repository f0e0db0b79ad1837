"""Hours that just ended, and their first re-reads → runs that read and seal them at once.

Older hours are the catchup's. Both ask the ledger, whatever the source, so neither keeps any state: each tick
looks again. Where very many hours were stored without Dagster, by an import say, runs report them as well.
"""

from collections.abc import Sequence

import dagster as dg

from tutordex_dagster.assets.keys import COLLECT_JOB
from tutordex_dagster.assets.unreported import REPORTED_AT_ONCE
from tutordex_dagster.capture.catchup import MOST_PARTITIONS
from tutordex_dagster.capture.grid import Rectangle, rectangles
from tutordex_dagster.errors import UsageError
from tutordex_dagster.partitions import CHANNELS, grid_order
from tutordex_dagster.resources.channels import sync_channels
from tutordex_dagster.resources.services import Services
from tutordex_dagster.sensors.due import RETRY_FAILED_AFTER, recent
from tutordex_dagster.sensors.in_flight import not_taken, rectangles_being_read, taking_turns
from tutordex_dagster.sensors.intervals import minimum_interval
from tutordex_dagster.sensors.requests import RAW_OFF, Reads, readable
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.store.coverage import DueHour
from tutordex_dagster.windows import hour_of

READ = Reads(started_by="seal", lane="live")
REPORT = Reads(started_by="seal", lane="catchup", read=False)


def seal_sensor(*, settings: Settings) -> dg.SensorDefinition:
    """Make the sensor. It asks our database and Dagster's, nothing outside."""

    @dg.sensor(
        name="seal",
        job_name=COLLECT_JOB,
        minimum_interval_seconds=minimum_interval(settings.recovery_catchup_check_interval_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads hours that just ended until they are sealed, and keeps the channels of the grid in"
        " step with CHANNEL_LIST.",
    )
    def seal(
        context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
    ) -> dg.SensorResult | dg.SkipReason:
        if not services.settings.supabase_raw_enabled:
            return dg.SkipReason(RAW_OFF)
        channels, told = _sync(services)
        known = grid_order(context.instance)
        new = [channel.reference for channel in channels if channel.reference not in set(known)]
        order = [*known, *new]
        # Asked for now, its turn comes before the next run of a long backfill: see `priority_tags`.
        due, obstacle = readable(services, _just_ended(services), in_turn=taking_turns(context.instance))
        taken = rectangles_being_read(context.instance)
        requests = [
            *READ.requests(services, context.instance, _rectangles(not_taken(due, taken, order), order)),
            *REPORT.requests(
                services,
                context.instance,
                _rectangles(not_taken(_many_unreported(services), taken, order), order),
            ),
        ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _why_not(due, obstacle, told),
            dynamic_partitions_requests=[CHANNELS.build_add_request(new)] if new else [],
        )

    return seal


def _sync(services: Services) -> tuple[Sequence[Channel], str]:
    """Register newly listed channels; return all that are known, and a text about the others.

    Those that are known are read whatever comes of it.
    """
    try:
        sync = sync_channels(services)
    except UsageError as error:
        return services.channels.all(), f" New channels were not looked up: {error}."
    waiting = "".join(f" {reference} waits: {reason}." for reference, reason in sync.waiting.items())
    return sync.registered, waiting


def _just_ended(services: Services) -> list[DueHour]:
    now, settings = services.clock(), services.settings
    due = services.coverage.due(
        now=now,
        target=hour_of(now - settings.target_lag),
        grid_start=settings.grid_start,
        since=recent(services),
        before=None,
        retry_failed_before=now - RETRY_FAILED_AFTER,
        limit=MOST_PARTITIONS,
    )
    return [hour for hour in due if hour.why != "unreported"]


def _many_unreported(services: Services) -> list[DueHour]:
    """Return older hours to report when they are more than the tail sensor reports by itself."""
    found = services.coverage.unreported_since(services.settings.grid_start, limit=MOST_PARTITIONS)
    return [hour for hour in found if hour.hour < recent(services)] if len(found) > REPORTED_AT_ONCE else []


def _rectangles(due: Sequence[DueHour], order: Sequence[str]) -> list[Rectangle]:
    hours = [(each.reference, each.hour) for each in due]
    return rectangles(hours, channel_order=order, max_partitions=MOST_PARTITIONS)


def _why_not(due: Sequence[DueHour], obstacle: str | None, told: str) -> str:
    if obstacle:
        told = f" Telegram is not read: {obstacle}.{told}"
    if due:
        return f"{len(due)} hours are due; runs are reading them, or failed to a moment ago.{told}"
    return f"No hour that just ended is due.{told}"
