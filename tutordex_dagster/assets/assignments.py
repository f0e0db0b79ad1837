"""`assignments`: what the live pipeline version found, as the one table readers ask."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from tutordex_dagster.assets.events import NO_VALUE, RunContext, done, report_in_run
from tutordex_dagster.assets.keys import ASSIGNMENTS, ASSIGNMENTS_CODE_VERSION, extraction_key
from tutordex_dagster.assets.reports import assignments_event
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.operations.quality import Finding, too_many_failures
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.assignments import ProjectionResult

GROUP = "assignments"
_JUDGED = timedelta(days=1)


def assignments_asset(*, versions: Sequence[PipelineSpec]) -> dg.AssetsDefinition:
    """Make the asset downstream of every version: any of them can be the live one, and that is a row."""

    @dg.asset(
        key=ASSIGNMENTS,
        description="The projection of the live pipeline version: latest revision of every post, one row a"
        " segment, closed when the post is deleted, or it or a status post says so.",
        group_name=GROUP,
        kinds={"postgres"},
        deps=[extraction_key(spec) for spec in versions],
        code_version=ASSIGNMENTS_CODE_VERSION,
        dagster_type=NO_VALUE,
        output_required=False,
    )
    def assignments(
        context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
    ) -> dg.Output[None]:
        project_and_report(context, services)
        return done()

    return assignments


def project_and_report(context: RunContext, services: Services) -> None:
    """Bring the table up to date with the live version and write the event.

    Raises Failure, and leaves the table as it is, when too many of the version's last messages failed.
    """
    finding = failures_of(services, services.live)
    if not finding.passed:
        raise dg.Failure(
            f"assignments stay as they are: {finding.summary}. Look at the dead jobs (tutordex dead list),"
            " repair the version or choose another one, then materialize assignments again",
            allow_retries=False,
        )
    result = project_all(services)
    while services.duplicates.update(services.live.name):
        pass
    metadata: dict[str, Any] = {
        "upserted": result.upserted,
        "newly_closed": result.closed,
        "reopened": result.reopened,
        "removed": result.removed,
    }
    report_in_run(context, [assignments_event(services, metadata)])


def failures_of(services: Services, spec: PipelineSpec) -> Finding:
    """Judge the share of failures of a version over the last day."""
    share = services.assignments.failure_share(spec.name, services.clock() - _JUDGED)
    return too_many_failures(share, services.settings.extraction_failure_share_limit, version=spec.name)


def project_all(services: Services) -> ProjectionResult:
    """Project page by page until no end of the live version is left, and sum up."""
    total = ProjectionResult()
    while True:
        page = services.assignments.project(services.live.name)
        total += page
        if not page.more:
            return total
