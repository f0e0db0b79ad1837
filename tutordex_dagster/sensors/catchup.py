"""Gaps → runs that close them, slice by slice, while live extraction has nothing to do.

The target is the present of every tick, so an outage during the catchup is only more of the same. What a
slice left because its source was away is due as before; what failed for good comes back in an hour, behind
all gaps.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from tutordex_dagster.assets.keys import COLLECT_JOB
from tutordex_dagster.capture.catchup import slices, snapshot
from tutordex_dagster.partitions import grid_order
from tutordex_dagster.resources.services import Services
from tutordex_dagster.sensors.due import RETRY_FAILED_AFTER, recent
from tutordex_dagster.sensors.in_flight import not_taken, rectangles_being_read, run_in_progress
from tutordex_dagster.sensors.intervals import minimum_interval
from tutordex_dagster.sensors.requests import RAW_OFF, STARTED_BY, Reads, readable
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.coverage import DueHour
from tutordex_dagster.windows import HOUR, hour_of

log = logging.getLogger(__name__)

READ = Reads(started_by="catchup", lane="catchup")

_MOST_HOURS = 50_000
"""Due hours looked at in one tick, oldest first: 280 channels that lack a week."""


def catchup_sensor(*, settings: Settings) -> dg.SensorDefinition:
    """Make the sensor. It asks our database and Dagster's, nothing outside."""

    @dg.sensor(
        name="catchup",
        job_name=COLLECT_JOB,
        minimum_interval_seconds=minimum_interval(settings.recovery_catchup_check_interval_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Closes gaps, the oldest of each channel first and a few hours at a time, whenever live"
        " extraction is done; then looks for late edits and deletions.",
    )
    def catchup(
        context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
    ) -> dg.SensorResult | dg.SkipReason:
        if not services.settings.supabase_raw_enabled:
            return dg.SkipReason(RAW_OFF)
        if not services.settings.recovery_catchup_enabled:
            return dg.SkipReason("RECOVERY_CATCHUP_ENABLED is 0: gaps are not closed by themselves.")
        due, backlog = _due(services), _backlog(services)
        _write_snapshot(services, due, backlog)
        reason = _why_wait(context.instance, services, backlog)
        if reason:
            return dg.SkipReason(reason)
        return _next_slice(context.instance, services, [hour for hour in due if hour.hour < recent(services)])

    return catchup


def _due(services: Services) -> list[DueHour]:
    now, settings = services.clock(), services.settings
    return services.coverage.due(
        now=now,
        target=hour_of(now - settings.target_lag),
        grid_start=settings.grid_start,
        since=None,
        before=None,
        retry_failed_before=now - RETRY_FAILED_AFTER,
        limit=_MOST_HOURS,
    )


def _backlog(services: Services) -> int:
    """Count the live version's unfinished jobs; those of other versions hold nothing up."""
    live = services.live.name
    waiting = {"pending", "processing"}
    return sum(row.jobs for row in services.queue.backlog() if row.version == live and row.status in waiting)


def _why_wait(instance: dg.DagsterInstance, services: Services, backlog: int) -> str | None:
    running = run_in_progress(instance, {STARTED_BY: READ.started_by})
    if running:
        return f"Run {running.run_id[:8]} is reading the last slice."
    watermark = services.settings.recovery_catchup_queue_low_watermark
    if backlog > watermark:
        return f"{backlog} live jobs wait to be extracted; the next slice comes at {watermark} or fewer."
    return None


def _next_slice(
    instance: dg.DagsterInstance, services: Services, due: Sequence[DueHour]
) -> dg.SensorResult | dg.SkipReason:
    wanted = [hour for hour in due if hour.why != "unreported"]
    if not wanted:
        return dg.SkipReason("Nothing is missing.")
    now_readable, obstacle = readable(services, wanted)
    if not now_readable:
        return dg.SkipReason(f"{len(wanted)} hours are due, but Telegram is not read: {obstacle}.")
    order, settings = grid_order(instance), services.settings
    for part in slices(
        not_taken(now_readable, rectangles_being_read(instance), order),
        chunk=settings.recovery_catchup_chunk_hours * HOUR,
        overlap=timedelta(minutes=settings.recovery_catchup_overlap_minutes),
        order=order,
        grid_start=settings.grid_start,
    ):
        requests = READ.requests(services, instance, part.rectangles)
        if requests:
            return dg.SensorResult(run_requests=requests)
    return dg.SkipReason(f"{len(wanted)} hours are due; runs are reading them, or failed to a moment ago.")


def _write_snapshot(services: Services, due: Sequence[DueHour], backlog: int) -> None:
    """Write for people what is missing, when that changed; no file is worth stopping the catchup for."""
    settings, now = services.settings, services.clock()
    shown = snapshot(
        due,
        references=[channel.reference for channel in services.channels.all()],
        target=hour_of(now - settings.target_lag),
        backlog=backlog,
        low_watermark=settings.recovery_catchup_queue_low_watermark,
        schema_version=settings.schema_version,
    )
    path = settings.tutordex_home / settings.recovery_catchup_state_file
    try:
        if shown != _without_time(path):
            _replace(path, {"at": now.isoformat(timespec="seconds"), **shown})
    except OSError as error:
        log.warning("event=catchup_state_not_written path=%s reason=%s", path, error)


def _without_time(path: Path) -> Mapping[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {name: value for name, value in known.items() if name != "at"} if isinstance(known, dict) else {}


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    fresh.replace(path)  # never half a file
