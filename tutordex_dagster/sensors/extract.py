"""Due extraction work of a version → one run that takes it. Versions do not wait for each other."""

import hashlib
from datetime import UTC, datetime, timedelta

import dagster as dg

from tutordex_dagster.assets.drain import VERSION_TAG
from tutordex_dagster.assets.keys import DRAIN_JOB
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.resources.services import Services
from tutordex_dagster.resources.work import VersionWorker
from tutordex_dagster.sensors.in_flight import IN_PROGRESS, latest_run
from tutordex_dagster.sensors.intervals import minimum_interval
from tutordex_dagster.sensors.requests import priority_tags

INTERVAL_SECONDS = 5
RETRY_FAILED_AFTER = timedelta(minutes=1)
"""A run that failed as a whole (not its messages) is followed by the next one after that long."""


def extract_sensor(*, spec: PipelineSpec) -> dg.SensorDefinition:
    """Make the sensor of one version. It asks our database and Dagster's, nothing outside."""

    @dg.sensor(
        name=f"extract_{spec.asset_name}",
        job_name=DRAIN_JOB,
        minimum_interval_seconds=minimum_interval(INTERVAL_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts a run of `{DRAIN_JOB}` whenever messages are due for version {spec.name}.",
    )
    def extract(
        context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
    ) -> dg.RunRequest | dg.SkipReason:
        latest = latest_run(context.instance, DRAIN_JOB, {VERSION_TAG: spec.name})
        reason = _why_not(services, spec, latest)
        if reason:
            return dg.SkipReason(f"{spec.name}: {reason}.")
        return dg.RunRequest(
            run_key=_run_key(spec, latest),
            run_config={"ops": {"drain_due": {"config": {"version": spec.name}}}},
            tags={VERSION_TAG: spec.name, **priority_tags("live" if spec == services.live else "reparse")},
        )

    return extract


def _why_not(services: Services, spec: PipelineSpec, latest: dg.RunRecord | None) -> str | None:
    """Say why no run is needed now, in plain words; None when one is."""
    if not services.settings.supabase_enabled:
        return "SUPABASE_ENABLED is 0"
    if latest and latest.dagster_run.status in IN_PROGRESS:
        return f"run {latest.dagster_run.run_id[:8]} is at it"
    unprojected = spec == services.live and services.assignments.waiting(spec.name)
    if not unprojected and not services.queue.due(spec.name).jobs:
        next_due = services.queue.next_due_at(spec.name)
        return f"nothing is due before {next_due:%Y-%m-%d %H:%M:%S} UTC" if next_due else "nothing is due"
    obstacle = VersionWorker(services=services, spec=spec).obstacle()
    if obstacle:
        return obstacle
    if latest and latest.dagster_run.status == dg.DagsterRunStatus.FAILURE:
        again = _ended_at(latest) + RETRY_FAILED_AFTER
        if services.clock() < again:
            return (
                f"run {latest.dagster_run.run_id[:8]} failed; the next one starts after {again:%H:%M:%S} UTC"
            )
    return None


def _run_key(spec: PipelineSpec, latest: dg.RunRecord | None) -> str:
    """Name the run by the one before it: a repeated tick asks for the same run, a crashed run is followed."""
    before = latest.dagster_run.run_id if latest else "first"
    return hashlib.sha256(f"{spec.name}\n{before}".encode()).hexdigest()[:32]


def _ended_at(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
