"""Run failures → one structured line in the log, for whoever watches it."""

import logging

import dagster as dg

log = logging.getLogger(__name__)

_TAGS = ("tutordex/version", "tutordex/started_by", "dagster/partition", "dagster/backfill")


@dg.run_failure_sensor(
    name="failure",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes one line to the log for every run that failed.",
)
def failure_sensor(context: dg.RunFailureSensorContext) -> None:
    """Name the run, its job and what it was about; the error itself stays in the event log."""
    run = context.dagster_run
    about = " ".join(f"{tag}={run.tags[tag]}" for tag in _TAGS if tag in run.tags)
    log.error("event=run_failed job=%s run_id=%s %s", run.job_name, run.run_id, about)
