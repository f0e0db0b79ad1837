"""`tutordex status`: what there is, what is missing, what waits and what runs."""

from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.console import instant, stdout, table
from tutordex_dagster.cli.session import open_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from tutordex_dagster.operations.status import RunInProgress, Status
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.windows import Window

_RUN_ID = 8  # as the UI shortens them


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def status(*, as_json: bool) -> None:
    """Show coverage of every channel, the backlog of every version, assignments, and what is running."""
    import orjson

    from tutordex_dagster.operations import status as model

    with open_session() as services:
        current = read_status(services)
        if as_json:
            record = model.as_json(current, schema_version=services.settings.schema_version)
            click.echo(orjson.dumps(record, option=orjson.OPT_INDENT_2))
            return
    console = stdout()
    for part in _tables(current):
        console.print(part)
        console.print()


def read_status(services: "Services") -> "Status":
    """Read everything the status consists of."""
    from tutordex_dagster.operations.status import Status, by_version

    return Status(
        at=services.clock(),
        live_version=services.live.name,
        channels=services.coverage.summary(),
        backlog=by_version(services.queue.backlog()),
        assignments=services.assignments.stats(),
        runs=_runs(services),
    )


def _runs(services: "Services") -> "Sequence[RunInProgress] | None":
    from tutordex_dagster.cli.environment import dagster_home, dagster_instance
    from tutordex_dagster.resources.databases import database_urls

    if not dagster_home(services.settings).is_dir():
        return None
    from tutordex_dagster.cli.inspection import runs_in_progress

    with dagster_instance(services.settings, database_urls(services.settings)) as instance:
        return runs_in_progress(instance)


def _tables(current: "Status") -> "Iterator[Table | str]":
    if not current.channels:
        yield "No channels yet: `tutordex up` reads the recorded ones, `tutordex import` takes in an export."
        return
    yield _coverage(current)
    yield from _gaps(current)
    yield _backlog(current)
    shown = current.assignments
    yield (
        f"[bold]Assignments[/bold] of {current.live_version}: {shown.open} open, {shown.closed} closed,"
        f" newest {instant(shown.newest)} UTC"
    )
    yield _running(current.runs)


def _coverage(current: "Status") -> "Table":
    counts = ("sealed", "open", "failed", "missing", "messages")
    rows = table("Coverage (hours, UTC)", "channel", "newest message", *counts, numbers=counts)
    for channel in current.channels:
        rows.add_row(
            channel.reference,
            instant(channel.newest_message_at),
            *(_count(getattr(channel, name), alarm=name in {"failed", "missing"}) for name in counts),
        )
    return rows


def _gaps(current: "Status") -> "Iterator[Table]":
    """Yield a table of the oldest gaps, if there is any gap."""
    rows = table("Gaps", "channel", "from (UTC)", "to", "hours", numbers=["hours"])
    for channel in current.channels:
        for gap in channel.gaps:
            rows.add_row(channel.reference, instant(gap.since), instant(gap.until), str(_hours(gap)))
    if rows.row_count:
        yield rows


def _backlog(current: "Status") -> "Table":
    from tutordex_dagster.operations.status import STATUSES

    rows = table("Extractions", "version", *STATUSES, numbers=STATUSES)
    for version, counts in current.backlog.items():
        name = f"{version} (live)" if version == current.live_version else version
        rows.add_row(name, *(_count(counts[each], alarm=each in {"failed", "dead"}) for each in STATUSES))
    return rows


def _running(runs: "Sequence[RunInProgress] | None") -> "Table | str":
    if runs is None:
        return "[bold]Dagster[/bold]: not started yet (`tutordex up`)."
    if not runs:
        return "[bold]Dagster[/bold]: no run in progress."
    rows = table("Runs in progress", "run", "state", "since (UTC)", "what")
    for run in runs:
        rows.add_row(run.run_id[:_RUN_ID], run.state, instant(run.since), run.what)
    return rows


def _count(value: int, *, alarm: bool) -> str:
    return f"[red]{value}[/red]" if value and alarm else str(value)


def _hours(gap: "Window") -> int:
    return sum(1 for _ in gap.hours())
