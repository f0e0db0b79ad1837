"""The composition root: what exists, what makes it, when, and with what."""

import dagster as dg

from tutordex_dagster.assets.assignments import assignments_asset
from tutordex_dagster.assets.checks import assignments_checks, extraction_checks, raw_checks
from tutordex_dagster.assets.drain import drain_job
from tutordex_dagster.assets.extractions import extraction_asset
from tutordex_dagster.assets.keys import (
    ASSIGNMENTS,
    COLLECT_JOB,
    NIGHTLY_JOB,
    PIPELINE_JOB,
    RAW_MESSAGES,
    TELEGRAM_POOL,
)
from tutordex_dagster.assets.raw_messages import raw_messages_asset
from tutordex_dagster.extraction.versions import load_pipelines
from tutordex_dagster.operations.logs import mask_logs
from tutordex_dagster.partitions import grid
from tutordex_dagster.resources.opened import services_resource
from tutordex_dagster.resources.services import FIRST_VERSION, Services, find_pipeline
from tutordex_dagster.schedules import nightly_schedule
from tutordex_dagster.sensors.catchup import catchup_sensor
from tutordex_dagster.sensors.extract import extract_sensor
from tutordex_dagster.sensors.failure import failure_sensor
from tutordex_dagster.sensors.seal import seal_sensor
from tutordex_dagster.sensors.tail import tail_sensor
from tutordex_dagster.settings import Settings, settings


def build(settings: Settings, *, services: Services | None = None) -> dg.Definitions:
    """Assemble everything from these settings; only the pipeline files are read.

    Runs and ticks open services of their own unless some are handed in.
    """
    pipelines = load_pipelines(settings.tutordex_pipelines)
    find_pipeline(pipelines, settings.extraction_pipeline_version or FIRST_VERSION)
    partitions = grid(settings.grid_start)

    return dg.Definitions(
        assets=[
            raw_messages_asset(grid=partitions, pool=TELEGRAM_POOL if settings.telegram_configured else None),
            *(extraction_asset(spec=spec, grid=partitions) for spec in pipelines),
            assignments_asset(versions=pipelines),
        ],
        asset_checks=[
            raw_checks(),
            *(extraction_checks(spec=spec) for spec in pipelines),
            assignments_checks(),
        ],
        jobs=[
            dg.define_asset_job(COLLECT_JOB, dg.AssetSelection.assets(RAW_MESSAGES)),
            dg.define_asset_job(PIPELINE_JOB, dg.AssetSelection.all()),
            dg.define_asset_job(
                NIGHTLY_JOB, dg.AssetSelection.assets(ASSIGNMENTS) | dg.AssetSelection.all_asset_checks()
            ),
            drain_job(),
        ],
        sensors=[
            tail_sensor(settings=settings),
            seal_sensor(settings=settings),
            catchup_sensor(settings=settings),
            *(extract_sensor(spec=spec) for spec in pipelines),
            failure_sensor,
        ],
        schedules=[nightly_schedule(settings=settings)],
        resources={"services": services or services_resource(settings)},
        executor=dg.in_process_executor,
    )


mask_logs()
defs = build(settings())
