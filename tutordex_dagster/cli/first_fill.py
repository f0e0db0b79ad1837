"""What `tutordex up` does beside the starting UI: publishes the channels and reads the hours nobody has read.

A program of its own (`python -m tutordex_dagster.cli.first_fill`), because importing Dagster and reading a
week of every channel must not hold up the UI. What it prints, `up` shows.
"""

import logging
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from tutordex_dagster.windows import HOUR, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dagster import DagsterInstance

    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.store.coverage import DueHour

DAY = 24 * HOUR
"""One run: newest days first, so that there is something to look at while the rest is read."""

_MANY = 1_000_000
"""More hours than one start can lack: a month of a thousand channels."""


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - `up` lets its terminal see this


def main() -> None:
    """Fill what is missing and say so, a line at a time."""
    from tutordex_dagster.cli.environment import dagster_instance
    from tutordex_dagster.cli.leftovers import fail_abandoned_runs
    from tutordex_dagster.operations.logs import mask_logs
    from tutordex_dagster.partitions import publish_partitions
    from tutordex_dagster.resources.databases import database_urls
    from tutordex_dagster.resources.services import open_services
    from tutordex_dagster.settings import load_settings

    logging.basicConfig(level=logging.WARNING)
    mask_logs()
    settings = load_settings()
    with open_services(settings) as services, dagster_instance(settings, database_urls(settings)) as instance:
        fail_abandoned_runs(instance)
        publish_partitions(instance, [channel.reference for channel in services.channels.all()])
        fill(instance, services)


def fill(instance: "DagsterInstance", services: "Services", say: "Callable[[str], None]" = _say) -> None:
    """Backfill every missing hour of every channel, a day at a time; hours read meanwhile are left out.

    The live version and shadows extract them, as they do new posts: any other one may cost money.
    """
    from tutordex_dagster import runs

    began = missing_hours(services)
    versions = [wanted.version for wanted in services.enqueue_for("live")]
    for number, day in enumerate(days_of(began)):
        still_missing = set(missing_hours(services))
        for window, channels in rectangles_of([hour for hour in day if hour in still_missing]):
            summary = runs.backfill(
                instance,
                services,
                channels=channels,
                window=window,
                versions=versions,
                assignments=bool(versions),
                lane="live",
            )
            for error in summary.errors:
                say(f"First fill: {error}")
        if number == 0:
            say(f"First assignments: {_assignments(services)}.")
    say(f"First fill: {len(began)} channel hours read; assignments: {_assignments(services)}.")


def days_of(missing: "Iterable[DueHour]") -> "list[list[DueHour]]":
    """Cut the hours into days, counted back from the newest one, newest day first."""
    newest_first = sorted(missing, key=lambda due: due.hour, reverse=True)
    return [
        list(day) for _, day in groupby(newest_first, lambda due: (newest_first[0].hour - due.hour) // DAY)
    ]


def rectangles_of(missing: "Iterable[DueHour]") -> list[tuple[Window, list[str]]]:
    """Gather channels that lack the same span of hours, oldest span first: few runs instead of many."""
    spans: dict[str, list[datetime]] = {}
    for due in missing:
        spans.setdefault(due.reference, []).append(due.hour)
    channels: dict[Window, list[str]] = {}
    for reference, hours in spans.items():
        channels.setdefault(Window(min(hours), max(hours) + HOUR), []).append(reference)
    return sorted(channels.items())


def missing_hours(services: "Services") -> "list[DueHour]":
    """Return the ended hours that the ledger has no row of, oldest first.

    Those of Telegram are left to the catchup, which reads them at the pace that Telegram allows.
    """
    now = services.clock()
    due = services.coverage.due(
        now=now,
        target=now - services.settings.target_lag,
        grid_start=services.settings.grid_start,
        since=None,
        before=None,
        retry_failed_before=datetime.min.replace(tzinfo=UTC),
        limit=_MANY,
    )
    kinds = {channel.channel_id: channel.source_kind for channel in services.channels.all()}
    return [hour for hour in due if hour.why == "missing" and kinds[hour.channel_id] != "telegram"]


def _assignments(services: "Services") -> str:
    stats = services.assignments.stats()
    return f"{stats.open} open, {stats.closed} closed"


if __name__ == "__main__":
    main()
