"""`tutordex promote` and `tutordex rollback`: which version `assignments` shows."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.console import progress, say
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.operations.identity import os_user
from tutordex_dagster.windows import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tutordex_dagster.resources.promotion import Change, Rows

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Only show what would change; build the projection unseen."
)


@click.command()
@click.argument("version")
@dry_run_option
@click.option(
    "--since", type=parse_instant, metavar="TIME", help="Posts from here on must be extracted. Default: all."
)
@click.option("--anyway", is_flag=True, help="Promote although something speaks against it; it is recorded.")
def promote(version: str, since: "datetime | None", *, dry_run: bool, anyway: bool) -> None:
    """Make VERSION the live one: `assignments` shows it, and new posts are enqueued for it.

    Its projection is built beside the shown one and then shown whole, from one moment to the next. Posts it
    has not read, such as deleted ones, stay as they are. So do edited ones of which it has read an older
    text; they are enqueued for it.
    """
    with _change(dry_run=dry_run) as change:
        change.promote(version, since=since, anyway=anyway)


@click.command()
@dry_run_option
def rollback(*, dry_run: bool) -> None:
    """Make the version live again that was it before the last promotion.

    Posts and edits that arrived since stay as they are shown until it has read them; they are enqueued for
    it.
    """
    with _change(dry_run=dry_run) as change:
        change.roll_back()


@contextmanager
def _change(*, dry_run: bool) -> "Iterator[Change]":
    """Lend a change made by the person at the terminal."""
    from tutordex_dagster.resources.promotion import Change

    with open_session() as services:
        yield Change(services=services, actor=os_user(), say=say, dry_run=dry_run, building=_building)


@contextmanager
def _building(version: str) -> "Iterator[Rows]":
    with progress(unit="rows") as bar:
        task = bar.add_task(f"Building {version}", total=None)
        yield lambda rows: bar.advance(task, rows)
