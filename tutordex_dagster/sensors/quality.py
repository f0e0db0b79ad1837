"""Versions that changed, or a gold set that did → one run that scores them."""

import hashlib
from collections.abc import Iterable
from dataclasses import astuple

import dagster as dg

from tutordex_dagster.assets.keys import QUALITY_JOB, quality_key
from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.gold import load_gold
from tutordex_dagster.operations.scoring import to_score
from tutordex_dagster.resources.services import Services
from tutordex_dagster.sensors.intervals import minimum_interval
from tutordex_dagster.sensors.requests import priority_tags
from tutordex_dagster.store.scores import Scored

INTERVAL_SECONDS = 60


@dg.sensor(
    name="quality",
    job_name=QUALITY_JOB,
    minimum_interval_seconds=minimum_interval(INTERVAL_SECONDS),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Scores a pipeline version on the gold set whenever the version changes, and rules whenever"
    " the set does.",
)
def quality_sensor(
    context: dg.SensorEvaluationContext,  # noqa: ARG001 - Dagster tells a context by its place
    services: dg.ResourceParam[Services],
) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run over all that changed.

    Where one version of several fails, the tick after asks for it alone; a version that fails alone is not
    asked for again before something is changed.
    """
    try:
        gold = load_gold(services.settings.tutordex_gold)
    except UsageError as error:
        return dg.SkipReason(str(error))
    due = to_score(services.pipelines, gold.digest, services.scores.scored())
    if not due:
        return dg.SkipReason("Every version that can be asked is scored as it is now.")
    return dg.RunRequest(
        run_key=_run_key(each for _, each in due),
        asset_selection=[quality_key(spec) for spec, _ in due],
        tags=priority_tags("reparse"),
    )


def _run_key(due: Iterable[Scored]) -> str:
    """Name the run by what it scores: a repeated tick asks for the same run."""
    text = "\n".join("\t".join(astuple(each)) for each in due)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
