"""Runs the command line makes in its own process: the same assets, and visible in the UI like any other."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from tutordex_dagster.assets.drain import touched_events
from tutordex_dagster.assets.events import report_outside_runs
from tutordex_dagster.assets.keys import (
    ASSIGNMENTS,
    PIPELINE_JOB,
    RAW_MESSAGES,
    extraction_key,
)
from tutordex_dagster.capture.contract import Lane
from tutordex_dagster.capture.grid import Rectangle
from tutordex_dagster.operations.identity import PROCESS_TAG, own_identity
from tutordex_dagster.partitions import (
    grid_order,
    publish_partitions,
    range_tags,
    rectangles_over,
    within_grid,
)
from tutordex_dagster.resources.services import Services
from tutordex_dagster.windows import Window

_QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
"""The terminal belongs to the command's own lines; the event log has everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillSummary:
    """The ids of the runs, the keys of failed partitions, and why steps failed as a whole."""

    runs: tuple[str, ...] = ()
    failed_partitions: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def backfill(
    instance: dg.DagsterInstance,
    services: Services,
    *,
    channels: Sequence[str],
    window: Window,
    versions: Sequence[str],
    assignments: bool,
    max_messages: int | None = None,
    force: bool = False,
    lane: Lane = "backfill",
) -> BackfillSummary:
    """Read the channels' hours in the window, extract them with these versions, and project.

    One run covers each rectangle of channels that are neighbours in the grid. Hours outside of the grid are
    left out. A failed hour fails alone: what was stored is extracted all the same.
    """
    publish_partitions(instance, channels)
    span = within_grid(window, start=services.settings.grid_start, now=services.clock())
    if span is None:
        return BackfillSummary()
    specs = [services.pipeline(version) for version in versions]
    config = {"lane": lane, "max_messages": max_messages, "force": force}
    downstream = [*(extraction_key(spec) for spec in specs), *([ASSIGNMENTS] if assignments else [])]
    ended: list[_Ended] = []
    for rectangle in rectangles_over(channels, span, order=grid_order(instance)):
        first = _run(instance, services, rectangle, [RAW_MESSAGES, *downstream], config)
        ended.append(first)
        if downstream and first.failed_step == RAW_MESSAGES.to_python_identifier():
            ended.append(_run(instance, services, rectangle, downstream, config))
    return BackfillSummary(
        runs=tuple(each.run_id for each in ended),
        failed_partitions=tuple(dict.fromkeys(key for each in ended for key in each.failed_partitions)),
        errors=tuple(each.error for each in ended if each.error),
    )


def report_extractions(
    instance: dg.DagsterInstance, services: Services, versions: Mapping[str, Collection[tuple[int, datetime]]]
) -> int:
    """Tell Dagster in which hours (channel id, full hour) jobs of each version ended; return their number."""
    told = 0
    for version, touched in versions.items():
        events = touched_events(instance, services, services.pipeline(version), touched)
        report_outside_runs(instance, events)
        told += len(events)
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    run_id: str
    failed_step: str | None = None
    failed_partitions: tuple[str, ...] = ()
    error: str | None = None


def _run(
    instance: dg.DagsterInstance,
    services: Services,
    rectangle: Rectangle,
    assets: Sequence[dg.AssetKey],
    config: Mapping[str, Any],
) -> _Ended:
    from tutordex_dagster.definitions import build

    job = build(services.settings, services=services).resolve_job_def(PIPELINE_JOB)
    configured = [key for key in assets if key != ASSIGNMENTS]
    result = job.execute_in_process(
        instance=instance,
        asset_selection=list(assets),
        run_config={
            "ops": {key.to_python_identifier(): {"config": config} for key in configured},
            "loggers": _QUIET,
        },
        tags={
            **range_tags(rectangle),
            "tutordex/started_by": "command line",
            PROCESS_TAG: own_identity(),
        },
        raise_on_error=False,
    )
    failure = next((event for event in result.all_events if event.is_step_failure), None)
    if failure is None:
        return _Ended(run_id=result.run_id)
    partitions = tuple(_failed_partitions(failure))
    reason = failure.step_failure_data.error_display_string.strip().splitlines()[0]
    return _Ended(
        run_id=result.run_id,
        failed_step=failure.step_key,
        failed_partitions=partitions,
        error=None if partitions else f"{failure.step_key}: {reason}",
    )


def _failed_partitions(failure: dg.DagsterEvent) -> Iterator[str]:
    data = failure.step_failure_data.user_failure_data
    listed = data.metadata.get("failed") if data else None
    if isinstance(listed, dg.TableMetadataValue):
        yield from (str(record.data["partition"]) for record in listed.records)
