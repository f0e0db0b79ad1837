"""`tutordex prune`: the results of an obsolete version, exported and deleted. Raw messages stay for ever."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.console import say, stderr
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.identity import os_user

if TYPE_CHECKING:
    from tutordex_dagster.resources.services import Services


@click.command()
@click.argument("version")
@click.option("--yes", is_flag=True, help="Do it. Without it, only what would be done is shown.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder. Default: pruned, in TUTORDEX_HOME.",
)
def prune(version: str, into: Path | None, *, yes: bool) -> None:
    """Export the extractions of VERSION to Parquet, then delete them and its projection.

    Refused for the live version and for one that new posts are enqueued for.
    """
    from tutordex_dagster.operations.archive import write_parquet

    with open_session() as services:
        _refuse(services, version)
        found = services.pruning.count(version)
        folder = into or services.settings.tutordex_home / "pruned"
        path = folder / f"{version}_{services.clock():%Y%m%dT%H%M%SZ}.parquet"
        counts = (
            f"{found.extractions} extractions ({found.held} held by workers) and {found.rows} projected rows"
        )
        warning = _rollback_warning(services, version)
        if warning:
            stderr().print(warning, soft_wrap=True, markup=False)
        if not yes:
            say(f"{version}: {counts} would be deleted after an export to {path}; do it with --yes")
            return
        write = partial(write_parquet, path, schema_version=services.settings.schema_version)
        deleted = services.pruning.prune(version, export=write, actor=os_user(), place=str(path))
    say(f"{version}: {deleted} extractions are in {path} and deleted here.")


def _rollback_warning(services: "Services", version: str) -> str | None:
    """Say that a rollback would make this version live again; None when it would not."""
    live = services.live.name
    promotion = services.promotions.before(live)
    if promotion is None or promotion.previous != version:
        return None
    return (
        f"warning: {version} was live before {live}: without its extractions, `tutordex rollback` is refused"
    )


def _refuse(services: "Services", version: str) -> None:
    known = {each.name for each in services.versions.all()}
    if version not in known:
        raise UsageError(version, "has no results here", f"choose from: {', '.join(sorted(known))}")
    if version == services.live.name:
        raise UsageError(version, "is the live version", "promote another one first")
    if any(spec.name == version and spec.shadow for spec in services.pipelines):
        raise UsageError(version, "follows new posts as a shadow", "set `shadow: false` in its file first")
