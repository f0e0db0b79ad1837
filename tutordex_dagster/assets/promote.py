"""The jobs `promote` and `rollback`: `tutordex promote` and `tutordex rollback` from the UI's launchpad."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from tutordex_dagster.assets.events import report_in_run
from tutordex_dagster.assets.keys import PROMOTE_JOB, ROLLBACK_JOB
from tutordex_dagster.assets.pictures import table
from tutordex_dagster.assets.reports import assignments_event
from tutordex_dagster.errors import TutorDexError
from tutordex_dagster.resources.promotion import Change
from tutordex_dagster.resources.services import Services
from tutordex_dagster.windows import parse_instant


class RollbackConfig(dg.Config):
    """How to go about a change of the live version."""

    dry_run: bool = Field(False, description="Only show what would change; build the projection unseen.")


class PromoteConfig(RollbackConfig):
    """Which version to make the live one."""

    version: str = Field(description="The pipeline version that `assignments` is to show.")
    since: str | None = Field(
        None, description="Posts from here on must be extracted (2026-03-01T00:00:00+00:00). Default: all."
    )
    anyway: bool = Field(False, description="Promote although something speaks against it; it is recorded.")


@dg.op(description="Build the version's projection unseen, then show it whole, from one moment to the next.")
def promote_version(
    context: dg.OpExecutionContext, config: PromoteConfig, services: dg.ResourceParam[Services]
) -> None:
    """Promote as the command does; what it says stands in the metadata, also when it refuses."""
    with _change(context, services, dry_run=config.dry_run) as change:
        since = None if config.since is None else parse_instant(config.since)
        change.promote(config.version, since=since, anyway=config.anyway)


@dg.op(description="Make the version live again that was it before the last promotion.")
def roll_back(
    context: dg.OpExecutionContext, config: RollbackConfig, services: dg.ResourceParam[Services]
) -> None:
    """Roll back as the command does."""
    with _change(context, services, dry_run=config.dry_run) as change:
        change.roll_back()


def promotion_jobs() -> list[dg.JobDefinition]:
    """Make the two jobs of one op each; nothing starts them but a person."""

    @dg.job(
        name=PROMOTE_JOB,
        executor_def=dg.in_process_executor,
        description="Makes a version the live one, as `tutordex promote` does.",
    )
    def promote_graph() -> None:
        promote_version()

    @dg.job(
        name=ROLLBACK_JOB,
        executor_def=dg.in_process_executor,
        description="Makes the version live again that was it before, as `tutordex rollback` does.",
    )
    def rollback_graph() -> None:
        roll_back()

    return [promote_graph, rollback_graph]


@contextmanager
def _change(context: dg.OpExecutionContext, services: Services, *, dry_run: bool) -> Iterator[Change]:
    """Lend a change made by this run, and show what it said; `assignments` gets its event when it is done.

    The lines quote posts, so they are metadata and not log lines.
    """
    said: list[str] = []
    try:
        yield Change(
            services=services, actor=f"Dagster run {context.run_id}", say=said.append, dry_run=dry_run
        )
    except TutorDexError as error:
        raise dg.Failure(str(error), metadata=_shown(said), allow_retries=False) from error
    context.add_output_metadata(_shown(said))
    if not dry_run:
        report_in_run(context, [assignments_event(services, {})])


def _shown(said: Sequence[str]) -> dict[str, dg.TableMetadataValue | dg.MarkdownMetadataValue]:
    return {"said": table([{"line": line} for line in said])}
