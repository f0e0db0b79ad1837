"""The composition root: what exists, what makes it, when, and with what."""

import dagster as dg

from tutordex_dagster.assets.assignments import assignments_asset
from tutordex_dagster.assets.checks import assignments_checks, extraction_checks, raw_checks
from tutordex_dagster.assets.comparisons import COMPARISONS, comparison_asset
from tutordex_dagster.assets.drain import drain_job
from tutordex_dagster.assets.extractions import extraction_asset
from tutordex_dagster.assets.keys import (
    ASSIGNMENTS,
    COLLECT_JOB,
    NIGHTLY_JOB,
    PIPELINE_JOB,
    QUALITY_JOB,
    RAW_MESSAGES,
    TELEGRAM_POOL,
)
from tutordex_dagster.assets.promote import promotion_jobs
from tutordex_dagster.assets.quality import quality_asset
from tutordex_dagster.assets.raw_messages import raw_messages_asset
from tutordex_dagster.comparison.experiments import load_experiments
from tutordex_dagster.operations.logs import mask_logs
from tutordex_dagster.partitions import grid
from tutordex_dagster.resources.opened import services_resource
from tutordex_dagster.resources.pipelines import load_versions
from tutordex_dagster.resources.services import Services, check_setting
from tutordex_dagster.schedules import nightly_schedule
from tutordex_dagster.sensors.catchup import catchup_sensor
from tutordex_dagster.sensors.extract import extract_sensor
from tutordex_dagster.sensors.failure import failure_sensor
from tutordex_dagster.sensors.quality import quality_sensor
from tutordex_dagster.sensors.seal import seal_sensor
from tutordex_dagster.sensors.tail import tail_sensor
from tutordex_dagster.settings import Settings, settings


def build(settings: Settings, *, services: Services | None = None) -> dg.Definitions:
    """Assemble everything from these settings; only the files of versions and experiments are read.

    Runs and ticks open services of their own unless some are handed in.
    """
    pipelines = load_versions(settings)
    check_setting(pipelines, settings)
    experiments = load_experiments(settings.tutordex_experiments)
    partitions = grid(settings.grid_start)
    scores = [quality_asset(spec=spec) for spec in pipelines]
    on_demand = COMPARISONS | dg.AssetSelection.assets(*scores)

    return dg.Definitions(
        assets=[
            raw_messages_asset(grid=partitions, pool=TELEGRAM_POOL if settings.telegram_configured else None),
            *(extraction_asset(spec=spec, grid=partitions) for spec in pipelines),
            assignments_asset(versions=pipelines),
            *scores,
            *(comparison_asset(spec=spec, pipelines=pipelines) for spec in experiments),
        ],
        asset_checks=[
            raw_checks(),
            *(extraction_checks(spec=spec) for spec in pipelines),
            assignments_checks(),
        ],
        jobs=[
            dg.define_asset_job(COLLECT_JOB, dg.AssetSelection.assets(RAW_MESSAGES)),
            dg.define_asset_job(PIPELINE_JOB, dg.AssetSelection.all() - on_demand),
            dg.define_asset_job(
                NIGHTLY_JOB,
                dg.AssetSelection.assets(ASSIGNMENTS)
                | (dg.AssetSelection.all_asset_checks() - dg.AssetSelection.checks_for_assets(*scores)),
            ),
            dg.define_asset_job(QUALITY_JOB, dg.AssetSelection.assets(*scores)),
            drain_job(),
            *promotion_jobs(),
        ],
        sensors=[
            tail_sensor(settings=settings),
            seal_sensor(settings=settings),
            catchup_sensor(settings=settings),
            *(extract_sensor(spec=spec) for spec in pipelines),
            quality_sensor,
            failure_sensor,
        ],
        schedules=[nightly_schedule(settings=settings)],
        resources={"services": services or services_resource(settings)},
        executor=dg.in_process_executor,
    )


mask_logs()
defs = build(settings())
