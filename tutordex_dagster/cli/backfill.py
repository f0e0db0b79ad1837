"""`tutordex backfill`: read a window of channels from their sources, as Dagster runs that the UI shows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.console import instant, progress, say
from tutordex_dagster.cli.options import channels_option, window_of, window_options
from tutordex_dagster.cli.session import chosen_channels, open_session, require_raw
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.windows import HOUR, Window

if TYPE_CHECKING:
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.runs import BackfillSummary

SLICE = 24 * HOUR
"""Hours of one run: what a crash in the middle has to read again, and what the bar advances by."""

_SHOWN = 5


@click.command()
@window_options
@channels_option
@click.option("--max-messages", type=click.IntRange(1), help="At most this many messages of each channel.")
@click.option("--force-enqueue", is_flag=True, help="Extract again what was extracted already.")
@click.option(
    "--overlap-minutes",
    type=click.IntRange(0),
    help="Start that much earlier. Default: RECOVERY_CATCHUP_OVERLAP_MINUTES.",
)
def backfill(
    since: datetime | None,
    until: datetime | None,
    channels: str | None,
    max_messages: int | None,
    overlap_minutes: int | None,
    *,
    force_enqueue: bool,
) -> None:
    """Read a window of channels again, store what is new, extract it and update assignments.

    Without --since the window is the last INITIAL_HISTORY_HOURS. Reading it again changes no row.
    """
    from tutordex_dagster.resources.channels import sync_channels

    with open_session() as services:
        require_raw(services)
        sync_channels(services)
        window = _window(services, since, until, overlap_minutes)
        references = [channel.reference for channel in chosen_channels(services, channels)]
        _run(services, references, window, max_messages=max_messages, force=force_enqueue)


def _window(
    services: "Services", since: datetime | None, until: datetime | None, overlap_minutes: int | None
) -> Window:
    """Return the full hours to read; UsageError when none of them is in the grid."""
    settings, now = services.settings, services.clock()
    minutes = settings.recovery_catchup_overlap_minutes if overlap_minutes is None else overlap_minutes
    default = Window(now - settings.initial_history_hours * HOUR, now)
    asked = window_of(since, until, default=default, overlap=timedelta(minutes=minutes))
    first, last = max(asked.since, settings.grid_start), min(asked.until, now)
    if first >= last:
        raise UsageError(
            f"{instant(asked.since)} … {instant(asked.until)} UTC",
            f"holds no hour of the grid, which runs from {instant(settings.grid_start)} to now",
            "choose another window or set GRID_START earlier",
        )
    return Window(first, last).whole_hours()


def _run(
    services: "Services", references: list[str], window: Window, *, max_messages: int | None, force: bool
) -> None:
    from tutordex_dagster import runs
    from tutordex_dagster.cli.environment import dagster_instance
    from tutordex_dagster.resources.databases import database_urls

    versions = [
        services.registered(services.pipeline(wish.version)).name for wish in services.enqueue_for("backfill")
    ]
    # A limit counts over the whole window, so that window has to stay one run.
    slices = [window] if max_messages else list(slices_of(window))
    done: list[runs.BackfillSummary] = []
    with (
        dagster_instance(services.settings, database_urls(services.settings)) as instance,
        progress(unit="slices") as bar,
    ):
        for part in bar.track(slices, description=f"Reading {len(references)} channels"):
            summary = runs.backfill(
                instance,
                services,
                channels=references,
                window=part,
                versions=versions,
                assignments=bool(versions),
                max_messages=max_messages,
                force=force,
            )
            done.append(summary)
    _report(references, window, done)


def slices_of(window: Window) -> Iterator[Window]:
    """Cut a window into slices of a day, oldest first; the last one may be shorter."""
    since = window.since
    while since < window.until:
        until = min(since + SLICE, window.until)
        yield Window(since, until)
        since = until


def _report(references: list[str], window: Window, done: "list[BackfillSummary]") -> None:
    """Say what was done; PermanentError when something failed, so that a script notices."""
    failed = [key for summary in done for key in summary.failed_partitions]
    errors = [error for summary in done for error in summary.errors]
    partitions = len(references) * int((window.until - window.since) / HOUR)
    say(
        f"{len(references)} channels from {instant(window.since)} to {instant(window.until)} UTC:"
        f" {partitions} partitions in {sum(len(summary.runs) for summary in done)} runs, {len(failed)} failed"
    )
    if errors:
        raise PermanentError(f"{errors[0]}; open the run in the Dagster UI for the whole story")
    if failed:
        raise PermanentError(
            f"{', '.join(failed[:_SHOWN])}{' …' if len(failed) > _SHOWN else ''}: could not be read;"
            " open the run in the Dagster UI for the reason of each"
        )
