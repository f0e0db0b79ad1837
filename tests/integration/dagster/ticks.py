"""What the tests of sensors share: ticks, requests, runs that others left."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from tests.integration.dagster.world import World
from tutordex_dagster.assets.keys import COLLECT_JOB
from tutordex_dagster.capture.grid import Rectangle
from tutordex_dagster.definitions import build
from tutordex_dagster.partitions import rectangle_of


def tick(world: World, sensor: dg.SensorDefinition) -> Any:  # noqa: ANN401 - what a sensor may return
    """Let a sensor look once."""
    with dg.build_sensor_context(world.instance, resources={"services": world.services}) as context:
        return sensor(context)


def requests(result: dg.SensorResult | dg.SkipReason) -> list[dg.RunRequest]:
    """Return the runs a tick asked for."""
    return list(result.run_requests or ()) if isinstance(result, dg.SensorResult) else []


def skipped(result: dg.SensorResult | dg.SkipReason) -> str:
    """Return why a tick asked for no run."""
    reason = result if isinstance(result, dg.SkipReason) else result.skip_reason
    assert reason is not None, result
    return str(reason.skip_message)


def spans(found: list[dg.RunRequest]) -> list[Rectangle]:
    """Return the rectangles of these requests."""
    rectangles = [rectangle_of(request.tags) for request in found]
    return [each for each in rectangles if each]


def config(request: dg.RunRequest) -> Mapping[str, Any]:
    """Return how `raw_messages` goes about this run."""
    found: Mapping[str, Any] = request.run_config["ops"]["raw_messages"]["config"]
    return found


def carry_out(world: World, found: list[dg.RunRequest]) -> list[dg.ExecuteInProcessResult]:
    """Run what was asked for."""
    return [
        world.run(COLLECT_JOB, run_config=request.run_config, tags=dict(request.tags)) for request in found
    ]


def with_settings(world: World, **changed: object) -> World:
    """Return the world with other settings."""
    settings = world.services.settings.model_copy(update=changed)
    return replace(world, services=replace(world.services, settings=settings))


def note_run(
    world: World,
    job: str,
    status: dg.DagsterRunStatus,
    tags: Mapping[str, str],
    run_config: Mapping[str, Any] | None = None,
) -> str:
    """Leave a run of this status in Dagster's storage."""
    definition = build(world.services.settings).resolve_job_def(job)
    run = world.instance.create_run_for_job(
        definition, tags=dict(tags), run_config=dict(run_config or {}), status=status
    )
    if status == dg.DagsterRunStatus.FAILURE:
        world.instance.report_run_failed(run)
    return run.run_id


def read_everything(world: World) -> None:
    """Read every hour of the grid as the command line does."""
    world.publish()
    world.backfill(hours=24, versions=[], assignments=False, lane="live")
