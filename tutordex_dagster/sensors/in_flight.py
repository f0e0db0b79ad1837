"""What is running, as far as a sensor must know: so that two runs never do the same work side by side."""

from collections.abc import Sequence

import dagster as dg

IN_PROGRESS = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_MANY = 500


def latest_run(instance: dg.DagsterInstance, job_name: str, tags: dict[str, str]) -> dg.RunRecord | None:
    """Return the newest run of a job with these tags, or None."""
    filters = dg.RunsFilter(job_name=job_name, tags=tags)
    return next(iter(instance.get_run_records(filters, limit=1)), None)


def runs_over(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Sequence[dg.DagsterRun]:
    """Return the unfinished runs that materialize the asset, whoever started them."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(IN_PROGRESS)), limit=_MANY)
    return [run for run in runs if run.asset_selection is None or asset in run.asset_selection]
