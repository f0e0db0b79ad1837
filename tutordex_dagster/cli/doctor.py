"""`tutordex doctor`: look at every part once and say what to do."""

import os
import shutil
import time
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from tutordex_dagster.cli.console import stdout
from tutordex_dagster.errors import TutorDexError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tutordex_dagster.cli.telegram_findings import Mode
    from tutordex_dagster.operations.doctor import Finding
    from tutordex_dagster.settings import Settings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option(
    "--mode",
    type=click.Choice(["live", "backfill"]),
    default="live",
    show_default=True,
    help="What is about to be done: everything by itself, or a window of history by hand.",
)
@click.option("--online", is_flag=True, help="Also connect once to Telegram, with the recovery session.")
def doctor(mode: "Mode", *, online: bool) -> None:
    """Check settings, disk, pipelines, language model, recordings, database, Telegram and Dagster.

    Exit code 1 if one fails.
    """
    console, failed = stdout(), False
    for finding in examine(mode, online=online):
        failed = failed or finding.level == "fail"
        mark = f"[{_COLOURS[finding.level]}]{finding.level:<4}[/]"
        step = f"\n     {'':<16} → {finding.next_step}" if finding.next_step else ""
        console.print(f"{mark} {finding.subject:<16} {escape(finding.detail)}{escape(step)}", soft_wrap=True)
    if failed:
        raise click.exceptions.Exit(1)


def examine(mode: "Mode", *, online: bool) -> "Iterator[Finding]":
    """Yield one finding after the other; what needs settings or a database is left out when those fail."""
    from tutordex_dagster.operations.doctor import attempt, disk, from_error, variables
    from tutordex_dagster.settings import load_settings, unknown_variables

    try:
        settings = load_settings()
    except UsageError as error:
        yield from_error("settings", error)
        return
    yield variables(unknown_variables(os.environ))
    place = next(path for path in (settings.tutordex_home, *settings.tutordex_home.parents) if path.exists())
    yield disk(place, shutil.disk_usage(place).free)
    pipelines = attempt("pipelines", lambda: _pipelines(settings))
    yield pipelines
    yield attempt("recordings", lambda: _recordings(settings))
    database = attempt("database", lambda: _database(settings))
    yield database
    if database.level != "fail":
        if pipelines.level != "fail":
            yield from _versions(settings)
        yield from _lanes(settings)
        yield from _telegram(settings, mode, online=online)
        yield from _dagster(settings)


def _pipelines(settings: "Settings") -> "Finding":
    from tutordex_dagster.operations.doctor import ok
    from tutordex_dagster.resources.pipelines import load_versions
    from tutordex_dagster.resources.services import check_setting

    pipelines = load_versions(settings)
    check_setting(pipelines, settings)
    return ok("pipelines", ", ".join(spec.name for spec in pipelines))


def _versions(settings: "Settings") -> "Iterator[Finding]":
    """Say which version is live, whether commands work on another one, and how the models they ask are."""
    from tutordex_dagster.cli.llm_findings import llm_findings
    from tutordex_dagster.operations.doctor import from_error, live_version
    from tutordex_dagster.resources.services import open_services

    try:
        with open_services(settings) as services:
            live, chosen = services.live, services.chosen(None)
    except TutorDexError as error:
        yield from_error("live version", error)
        return
    yield live_version(live.name, chosen.name)
    for spec in {each.name: each for each in (live, chosen)}.values():
        yield from llm_findings(spec, settings)


def _recordings(settings: "Settings") -> "Finding":
    from tutordex_dagster.capture.recorded import load_recordings
    from tutordex_dagster.operations.doctor import ok
    from tutordex_dagster.windows import utc_now

    return ok("recordings", f"{len(load_recordings(settings.tutordex_recorded_channels, utc_now))} readable")


def _database(settings: "Settings") -> "Finding":
    from tutordex_dagster.operations.doctor import migrations
    from tutordex_dagster.resources.databases import database_urls
    from tutordex_dagster.store.database import Database
    from tutordex_dagster.store.migrate import check

    database = Database(database_urls(settings).tutordex)
    try:
        return migrations(check(database))
    finally:
        database.close()


def _lanes(settings: "Settings") -> "Sequence[Finding]":
    from tutordex_dagster.operations.doctor import lanes
    from tutordex_dagster.resources.databases import database_urls
    from tutordex_dagster.resources.work import LANE
    from tutordex_dagster.store.database import Database
    from tutordex_dagster.store.resilience import Breakers

    database = Database(database_urls(settings).tutordex)
    try:
        rows = [row for row in Breakers(database).all() if row.component.startswith(LANE)]
    finally:
        database.close()
    return lanes({row.component: (row.breaker.state, row.breaker.reason or "-") for row in rows})


def _telegram(settings: "Settings", mode: "Mode", *, online: bool) -> "Iterator[Finding]":
    from tutordex_dagster.cli.telegram_findings import telegram_findings
    from tutordex_dagster.operations.doctor import from_error
    from tutordex_dagster.resources.services import open_services

    try:
        with open_services(settings) as services:
            yield from telegram_findings(services, mode, online=online)
    except TutorDexError as error:
        yield from_error("channels", error)


def _dagster(settings: "Settings") -> "Iterator[Finding]":
    from tutordex_dagster.cli.environment import dagster_home, dagster_instance
    from tutordex_dagster.operations.doctor import from_error, warn
    from tutordex_dagster.resources.databases import database_urls

    if not dagster_home(settings).is_dir():
        yield warn("Dagster", "was never started here", "start it with `tutordex up`")
        return
    from tutordex_dagster.cli.inspection import daemon_finding, pool_finding

    try:
        with dagster_instance(settings, database_urls(settings)) as instance:
            yield daemon_finding(instance, time.time())
            yield pool_finding(instance)
    except UsageError as error:
        yield from_error("Dagster", error)
