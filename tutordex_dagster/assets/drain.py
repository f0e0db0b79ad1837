"""The job behind the extract sensor: takes due work from wherever it is, reports the partitions it touched.

Day-to-day work is rarely a rectangle of partitions (an edit here, a retry there), and messages older than the
grid have no partition at all. So this is an op over the queue, not an asset over partitions; the assets get
their events anyway.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import dagster as dg
from pydantic import Field

from tutordex_dagster.assets.assignments import project_and_report
from tutordex_dagster.assets.events import newest_event, report_in_run
from tutordex_dagster.assets.keys import DRAIN_JOB, RAW_MESSAGES
from tutordex_dagster.assets.reports import Hours, extracted_hours, extraction_events
from tutordex_dagster.assets.spending import spending
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.operations.stopping import stop_signals
from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.resources.services import Services
from tutordex_dagster.resources.work import VersionWorker
from tutordex_dagster.windows import hour_of

VERSION_TAG = "tutordex/version"

Touched = set[tuple[int, datetime]]
"""Channel ids and hours whose jobs ended."""


class DrainConfig(dg.Config):
    """Which work to take, and how much of it in one run."""

    version: str = Field(description="The pipeline version whose due jobs are taken, most urgent lane first.")
    max_jobs: int = Field(50_000, ge=1, description="Stop after this many; the sensor starts the next run.")
    seconds: float = Field(300, gt=0, description="Stop after this long; the sensor starts the next run.")


@dg.op(description="Extract the due messages of a version, and project them when it is the live one.")
def drain_due(
    context: dg.OpExecutionContext, config: DrainConfig, services: dg.ResourceParam[Services]
) -> None:
    """Drain, then tell Dagster what changed."""
    spec = services.registered(services.pipeline(config.version))
    tally, touched, ended = _drain(services, spec, config)
    context.log.info(
        "%s: %d jobs (%d ok, %d skipped, %d to be tried again, %d dead) in %d hours",
        spec.name,
        tally.done,
        tally.ok,
        tally.skipped,
        tally.failed,
        tally.dead,
        len(touched),
    )
    if tally.obstacle:
        context.log.warning("%s", tally.obstacle)
    context.add_output_metadata(spending(tally))
    report_in_run(context, touched_events(context.instance, services, spec, touched))
    if spec == services.live:
        project_and_report(context, services)
    if ended:
        raise dg.DagsterExecutionInterruptedError("the run was told to end; what it had begun is done")


def drain_job() -> dg.JobDefinition:
    """Make the job of this one op."""

    @dg.job(
        name=DRAIN_JOB,
        executor_def=dg.in_process_executor,
        description="Takes the due extraction work of one version, and reports the partitions it touched.",
    )
    def drain_graph() -> None:
        drain_due()

    return drain_graph


def touched_events(
    instance: dg.DagsterInstance,
    services: Services,
    spec: PipelineSpec,
    touched: Collection[tuple[int, datetime]],
) -> list[dg.AssetMaterialization]:
    """Return the events of the touched partitions; hours before the grid's start have none."""
    pointer = newest_event(instance, RAW_MESSAGES)
    hours = _in_grid(services, touched)
    extracted = [hour for hour in extracted_hours(services, spec, hours) if not hour.unprocessed]
    return extraction_events(services, spec, extracted, newest_raw_event=pointer)


def _drain(services: Services, spec: PipelineSpec, config: DrainConfig) -> tuple[Tally, Touched, bool]:
    """Return what was done, which hours it touched, and whether the run was told to end."""
    touched: Touched = set()

    def note(batch: Sequence[Finished]) -> None:
        touched.update((end.job.channel_id, hour_of(end.job.posted_at)) for end in batch)

    deadline = services.clock() + timedelta(seconds=config.seconds)
    with stop_signals() as stop:
        tally = VersionWorker(services=services, spec=spec).work(
            max_jobs=config.max_jobs,
            should_stop=lambda: stop.is_set() or services.clock() >= deadline,
            on_batch=note,
        )
    return tally, touched, stop.is_set()


def _in_grid(services: Services, touched: Collection[tuple[int, datetime]]) -> Hours:
    start = services.settings.grid_start
    hours = {
        channel: sorted(
            hour for channel_id, hour in touched if channel_id == channel.channel_id and hour >= start
        )
        for channel in services.channels.all()
    }
    return {channel: found for channel, found in hours.items() if found}
