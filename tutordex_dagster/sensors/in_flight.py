"""What is running, as far as a sensor must know: so that two runs never do the same work side by side."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import dagster as dg

from tutordex_dagster.assets.keys import RAW_MESSAGES
from tutordex_dagster.capture.grid import Rectangle
from tutordex_dagster.operations.identity import PROCESS_TAG
from tutordex_dagster.partitions import parse_key, rectangle_of
from tutordex_dagster.store.coverage import DueHour
from tutordex_dagster.windows import HOUR, Window

IN_PROGRESS = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_MANY = 500


def latest_run(instance: dg.DagsterInstance, job_name: str, tags: Mapping[str, str]) -> dg.RunRecord | None:
    """Return the newest run of a job with these tags, or None."""
    filters = dg.RunsFilter(job_name=job_name, tags=dict(tags))
    return next(iter(instance.get_run_records(filters, limit=1)), None)


def run_in_progress(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> dg.DagsterRun | None:
    """Return a run with these tags that has not ended, or None."""
    filters = dg.RunsFilter(tags=dict(tags), statuses=list(IN_PROGRESS))
    return next(iter(instance.get_runs(filters, limit=1)), None)


def failed_since(instance: dg.DagsterInstance, tags: Mapping[str, str], since: datetime) -> bool:
    """Tell whether a run with these tags failed after that instant."""
    filters = dg.RunsFilter(tags=dict(tags), statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    return bool(instance.get_run_records(filters, limit=1))


def rectangles_being_read(instance: dg.DagsterInstance) -> list[Rectangle]:
    """Return what unfinished runs of `raw_messages` cover, whoever started them."""
    return [rectangle for run in _over_raw(instance) if (rectangle := _rectangle(run.tags))]


def taking_turns(instance: dg.DagsterInstance) -> bool:
    """Tell whether an unfinished run of `raw_messages` came through the queue, as any further one would.

    The runs of a command line do not: it keeps its session from one to the next.
    """
    return any(PROCESS_TAG not in run.tags for run in _over_raw(instance))


def _over_raw(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    runs = instance.get_runs(dg.RunsFilter(statuses=list(IN_PROGRESS)), limit=_MANY)
    return [run for run in runs if run.asset_selection is None or RAW_MESSAGES in run.asset_selection]


def _rectangle(tags: Mapping[str, str]) -> Rectangle | None:
    key = tags.get("dagster/partition")
    if key is None:
        return rectangle_of(tags)
    reference, hour = parse_key(key)
    return Rectangle(first_channel=reference, last_channel=reference, window=Window(hour, hour + HOUR))


def not_taken(due: Iterable[DueHour], taken: Collection[Rectangle], order: Sequence[str]) -> list[DueHour]:
    """Leave out the hours that a run is reading already."""
    place = {reference: index for index, reference in enumerate(order)}
    spans = [
        (place.get(each.first_channel, -1), place.get(each.last_channel, -1), each.window) for each in taken
    ]
    return [
        hour
        for hour in due
        if not any(
            first <= place.get(hour.reference, len(order)) <= last and hour.hour in window
            for first, last, window in spans
        )
    ]
