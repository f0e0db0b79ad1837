"""Questions to Dagster's instance, answered in this project's own records. Imports Dagster: load it late."""

from datetime import timedelta

from dagster import DagsterInstance, RunsFilter
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES, DagsterRun  # no public name in 1.13

from tutordex_dagster.operations.doctor import Finding, fail, ok, warn
from tutordex_dagster.operations.status import RunInProgress

_MOST_RUNS = 20
_HEARTBEAT_TOLERANCE = timedelta(minutes=2)
"""Dagster's daemons beat every 30 s; four beats missed is no hiccup any more."""


def runs_in_progress(instance: DagsterInstance) -> list[RunInProgress]:
    """Return the newest runs that have not ended, at most 20."""
    records = instance.get_run_records(
        filters=RunsFilter(statuses=list(IN_PROGRESS_RUN_STATUSES)), limit=_MOST_RUNS
    )
    return [
        RunInProgress(
            run_id=record.dagster_run.run_id,
            what=_what(record.dagster_run),
            state=record.dagster_run.status.value.lower(),
            since=record.create_timestamp,
        )
        for record in records
    ]


def _what(run: DagsterRun) -> str:
    """Name the assets of a run and the corner keys of its range."""
    assets = ", ".join(sorted(key.to_user_string() for key in run.asset_selection or ())) or run.job_name
    first, last = (
        run.tags.get("dagster/asset_partition_range_start"),
        run.tags.get("dagster/asset_partition_range_end"),
    )
    partition = run.tags.get("dagster/partition")
    return f"{assets} {first} … {last}" if first else " ".join(filter(None, (assets, partition)))


def daemon_finding(instance: DagsterInstance, now: float) -> Finding:
    """Judge the heartbeats of the daemons this instance needs; `now` is a Unix time in seconds."""
    needed = sorted(instance.get_required_daemon_types())
    beats = instance.get_daemon_heartbeats()
    oldest = now - _HEARTBEAT_TOLERANCE.total_seconds()
    silent = [name for name in needed if name not in beats or beats[name].timestamp < oldest]
    if not silent:
        return ok("Dagster daemon", f"{len(needed)} daemons alive")
    if len(silent) == len(needed):
        return warn(
            "Dagster daemon", "is not running, so nothing happens by itself", "start it with `tutordex up`"
        )
    return fail("Dagster daemon", f"silent: {', '.join(silent)}", "read its log and restart `tutordex up`")


def pool_finding(instance: DagsterInstance) -> Finding:
    """Judge the concurrency pools: one without slots lets nothing run, a held slot needs a run that lives."""
    closed = [limit.name for limit in instance.event_log_storage.get_pool_limits() if limit.limit < 1]
    if closed:
        return fail(
            "pools", f"no slots in {', '.join(closed)}", "give it a limit under Deployment → Concurrency"
        )
    stuck = sorted(_ended_holders(instance))
    if stuck:
        return warn(
            "pools",
            f"slots held by ended runs {', '.join(stuck)}",
            "free them under Deployment → Concurrency",
        )
    return ok("pools", "every pool has slots")


def _ended_holders(instance: DagsterInstance) -> set[str]:
    """Return the short ids of runs that ended and still hold a slot."""
    storage = instance.event_log_storage
    infos = [storage.get_concurrency_info(pool) for pool in storage.get_concurrency_keys()]
    holders = {slot.run_id for info in infos for slot in info.claimed_slots}
    runs = {run_id: instance.get_run_by_id(run_id) for run_id in holders}
    return {run_id[:8] for run_id, run in runs.items() if run is None or run.is_finished}
