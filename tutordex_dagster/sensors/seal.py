"""Hours that ended and are not known for good → runs that read and seal them. This is how every gap heals.

The ledger says what is missing, open, failed or not yet shown in the grid, whatever the source, so the sensor
keeps no state: each tick looks again. Hours that just ended are always read, older ones wait until live work
is done.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from tutordex_dagster.assets.keys import COLLECT_JOB, RAW_MESSAGES
from tutordex_dagster.capture.contract import Lane
from tutordex_dagster.capture.grid import Rectangle, rectangles
from tutordex_dagster.partitions import CHANNELS, grid_order, parse_key, range_tags, rectangle_of
from tutordex_dagster.resources.channels import ChannelSync, sync_channels
from tutordex_dagster.resources.services import Services
from tutordex_dagster.sensors.in_flight import latest_run, runs_over
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.coverage import DueHour
from tutordex_dagster.windows import HOUR, Window, hour_of

PARTITIONS_PER_TICK = 5000
RETRY_FAILED_AFTER = timedelta(hours=1)
SEAL_TAG = {"tutordex/started_by": "seal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Rectangles that are read alike."""

    rectangles: Sequence[Rectangle]
    lane: Lane
    read: bool


def seal_sensor(*, settings: Settings) -> dg.SensorDefinition:
    """Make the sensor. It asks our database and Dagster's, nothing outside."""

    @dg.sensor(
        name="seal",
        job_name=COLLECT_JOB,
        minimum_interval_seconds=settings.recovery_catchup_check_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads hours that ended until every one of them is sealed, and keeps the channels of the"
        " grid in step with CHANNEL_LIST.",
    )
    def seal(
        context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
    ) -> dg.SensorResult | dg.SkipReason:
        if not services.settings.recovery_catchup_enabled:
            return dg.SkipReason(
                "RECOVERY_CATCHUP_ENABLED is 0: hours that ended are not read by themselves."
            )
        sync = sync_channels(services)
        known = grid_order(context.instance)
        new = [channel.reference for channel in sync.registered if channel.reference not in set(known)]
        order = [*known, *new]
        due = _due(services)
        free = not_taken(due, _in_flight(context.instance), order)
        requests = list(
            _requests(slices(free, order=order, recent=_recent(services)), _newest(context.instance))
        )
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _why_not(services, due, sync),
            dynamic_partitions_requests=[CHANNELS.build_add_request(new)] if new else [],
        )

    return seal


def slices(due: Sequence[DueHour], *, order: Sequence[str], recent: datetime) -> list[Slice]:
    """Cover the due hours: those from `recent` on, then older ones, then those that only need reporting."""
    reading = [hour for hour in due if hour.why != "unreported"]
    groups: list[tuple[Lane, bool, list[DueHour]]] = [
        ("live", True, [hour for hour in reading if hour.hour >= recent]),
        ("catchup", True, [hour for hour in reading if hour.hour < recent]),
        ("catchup", False, [hour for hour in due if hour.why == "unreported"]),
    ]
    return [
        Slice(
            rectangles=rectangles(
                [(hour.reference, hour.hour) for hour in hours],
                channel_order=order,
                max_partitions=PARTITIONS_PER_TICK,
            ),
            lane=lane,
            read=read,
        )
        for lane, read, hours in groups
    ]


def not_taken(due: Iterable[DueHour], taken: Collection[Rectangle], order: Sequence[str]) -> list[DueHour]:
    """Leave out the hours that a run is reading already."""
    place = {reference: index for index, reference in enumerate(order)}
    spans = [
        (place.get(each.first_channel, -1), place.get(each.last_channel, -1), each.window) for each in taken
    ]
    return [
        hour
        for hour in due
        if not any(
            first <= place.get(hour.reference, len(order)) <= last and hour.hour in window
            for first, last, window in spans
        )
    ]


def _due(services: Services) -> list[DueHour]:
    """Return what needs a run now: everything while the queue is drained, else only what just ended."""
    settings = services.settings
    now = services.clock()
    start = settings.grid_start if _queue_is_low(services) else max(settings.grid_start, _recent(services))
    return services.coverage.due(
        target=hour_of(now - settings.target_lag),
        grid_start=start,
        retry_failed_before=now - RETRY_FAILED_AFTER,
        limit=PARTITIONS_PER_TICK,
    )


def _recent(services: Services) -> datetime:
    return hour_of(services.clock()) - services.settings.recovery_catchup_chunk_hours * HOUR


def _queue_is_low(services: Services) -> bool:
    live = services.live.name
    waiting = sum(
        row.jobs
        for row in services.queue.backlog()
        if row.version == live and row.status in {"pending", "processing"}
    )
    return waiting <= services.settings.recovery_catchup_queue_low_watermark


def _in_flight(instance: dg.DagsterInstance) -> list[Rectangle]:
    taken: list[Rectangle] = []
    for run in runs_over(instance, RAW_MESSAGES):
        rectangle = rectangle_of(run.tags)
        if rectangle is None and (key := run.tags.get("dagster/partition")):
            reference, hour = parse_key(key)
            rectangle = Rectangle(
                first_channel=reference, last_channel=reference, window=Window(hour, hour + HOUR)
            )
        if rectangle:
            taken.append(rectangle)
    return taken


def _newest(instance: dg.DagsterInstance) -> str:
    latest = latest_run(instance, COLLECT_JOB, SEAL_TAG)
    return latest.dagster_run.run_id if latest else "first"


def _requests(found: Iterable[Slice], before: str) -> Iterable[dg.RunRequest]:
    for each in found:
        config = {"lane": each.lane, "read": each.read, "follow": True}
        for rectangle in each.rectangles:
            tags = range_tags(rectangle)
            key = "\n".join([before, *tags.values(), str(each.read)])
            yield dg.RunRequest(
                run_key=hashlib.sha256(key.encode()).hexdigest()[:32],
                run_config={"ops": {RAW_MESSAGES.to_python_identifier(): {"config": config}}},
                tags={**tags, **SEAL_TAG},
            )


def _why_not(services: Services, due: Sequence[DueHour], sync: ChannelSync) -> str:
    waiting = "".join(f" {reference} waits: {reason}." for reference, reason in sync.waiting.items())
    if due:
        return f"{len(due)} hours are due, and runs are reading all of them.{waiting}"
    if not _queue_is_low(services):
        return f"No hour that just ended is due; older ones wait until live extraction is done.{waiting}"
    return f"Every hour that ended is sealed.{waiting}"
