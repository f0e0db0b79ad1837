"""One asset per experiment: what its versions make of the same posts, and which of them is better."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from tutordex_dagster.assets.events import NO_VALUE, Version, done, materialization, report_in_run
from tutordex_dagster.assets.keys import comparison_key, extraction_key
from tutordex_dagster.comparison.experiments import ExperimentSpec
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.resources.comparisons import Report, compare_experiment, run_experiment
from tutordex_dagster.resources.services import Services

GROUP = "comparisons"
CODE_VERSION = "1"
"""Raise it when the same results would be judged differently: every comparison then shows as stale."""

COMPARISONS = dg.AssetSelection.groups(GROUP)


class ComparisonConfig(dg.Config):
    """How a run of an experiment goes about it."""

    extract: bool = Field(
        True, description="First extract the posts a version has not seen; without it only compare."
    )


def comparison_asset(*, spec: ExperimentSpec, pipelines: Sequence[PipelineSpec]) -> dg.AssetsDefinition:
    """Make the asset of one experiment, downstream of its versions.

    One that names a version without a pipeline file stops nothing else: its own run says so and fails.
    """
    versions = [version for version in pipelines if version.name in spec.versions]

    @dg.asset(
        key=comparison_key(spec),
        description=spec.description,
        group_name=GROUP,
        kinds={"python", "postgres"},
        metadata={"versions": list(spec.versions), "window": f"{spec.window.since} to {spec.window.until}"},
        deps=[extraction_key(version) for version in versions],
        code_version=CODE_VERSION,
        dagster_type=NO_VALUE,
        output_required=False,
    )
    def comparison(
        context: dg.AssetExecutionContext, config: ComparisonConfig, services: dg.ResourceParam[Services]
    ) -> dg.Output[None]:
        reports = run_experiment(services, spec) if config.extract else compare_experiment(services, spec)
        for report in reports:
            context.log.info("%s: %s", report.comparison.title, report.comparison.verdict)
        report_in_run(context, [comparison_event(spec, reports)])
        return done()

    return comparison


def comparison_event(spec: ExperimentSpec, reports: Sequence[Report]) -> dg.AssetMaterialization:
    """Return the event of an experiment, with the findings of every pair of versions."""
    first = reports[0].comparison
    metadata: dict[str, Any] = {"posts": first.posts, "channels": first.channels}
    for report in reports:
        metadata.update(_findings(report))
    return materialization(
        comparison_key(spec),
        version=Version(code=CODE_VERSION, data=first.compared_at.isoformat()),
        metadata=metadata,
    )


def _findings(report: Report) -> Iterator[tuple[str, Any]]:
    from tutordex_dagster.comparison import plots
    from tutordex_dagster.comparison.summary import markdown

    found = report.comparison
    name = f"{found.a.version}_vs_{found.b.version}"
    plot = plots.differences(found.fields, a=found.a.version, b=found.b.version)
    picture = b64encode(plot.encode()).decode("ascii")
    yield f"{name}_verdict", found.verdict
    yield f"{name}_decisive", len(found.decisive)
    yield f"{name}_fields", dg.MetadataValue.md(markdown(found))
    yield f"{name}_plot", dg.MetadataValue.md(f"![B minus A](data:image/svg+xml;base64,{picture})")
    yield f"{name}_report", dg.MetadataValue.path(str(report.folder / "report.html"))
