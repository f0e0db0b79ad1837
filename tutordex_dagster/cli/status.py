"""`tutordex status`: what is wrong, what there is, what is missing, what waits and what runs."""

from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.session import open_session
from tutordex_dagster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutordex_dagster.operations.status import Catchup, RunInProgress, Service, Status, Telegram
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.store.channels import WantedChannel

_MOST_HOURS = 10_000
"""Missing hours that are counted; more are shown as at least so many."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables, with all metrics.")
@click.option("--metrics", is_flag=True, help="Print every metric.")
def status(*, as_json: bool, metrics: bool) -> None:
    """Show what is wrong, coverage of every channel, the backlog, assignments, sessions and what is running.

    Exit code 0 whatever it shows; `tutordex doctor` is for scripts.
    """
    with open_session() as services:
        current = read_status(services)
        if as_json:
            _print_json(current, services.settings.schema_version)
            return
    from tutordex_dagster.cli.console import stdout
    from tutordex_dagster.cli.status_tables import metric_table, parts

    console = stdout()
    for part in [metric_table(current)] if metrics else parts(current):
        console.print(part)
        console.print()


def _print_json(current: "Status", schema_version: str) -> None:
    import orjson

    from tutordex_dagster.operations.status_json import as_json

    record = as_json(current, schema_version=schema_version)
    click.echo(orjson.dumps(record, option=orjson.OPT_INDENT_2))


def read_status(services: "Services") -> "Status":
    """Read everything the status consists of; no network but the database's is asked."""
    from tutordex_dagster.operations.status import Status, by_version

    return Status(
        at=services.clock(),
        live_version=services.live.name,
        coverage=services.coverage.summary(),
        channels=services.channels.all(),
        backlog=by_version(services.queue.backlog()),
        assignments=services.assignments.stats(),
        runs=_runs(services),
        catchup=_catchup(services),
        telegram=_telegram(services),
        services=_services(services),
        metrics=services.metrics.all(),
    )


def _catchup(services: "Services") -> "Catchup":
    from datetime import UTC, datetime

    from tutordex_dagster.operations.status import catchup_of

    settings, now = services.settings, services.clock()
    due = services.coverage.due(
        now=now,
        target=now - settings.target_lag,
        grid_start=settings.grid_start,
        since=None,
        before=None,
        retry_failed_before=datetime.min.replace(tzinfo=UTC),
        limit=_MOST_HOURS,
    )
    enabled = settings.recovery_catchup_enabled
    return catchup_of(due, limit=_MOST_HOURS, enabled=enabled, obstacle=_obstacle(services))


def _obstacle(services: "Services") -> str | None:
    try:
        return services.recovery_obstacle()
    except UsageError as error:
        return str(error)


def _telegram(services: "Services") -> "Telegram":
    from tutordex_dagster.operations.status import Telegram

    chosen, unusable = _chosen_sessions(services) if services.telegram_configured else ({}, {})
    try:
        wanted = {reference: each.problem for reference, each in not_found(services).items()}
    except UsageError as error:
        wanted, unusable = {}, {**unusable, "CHANNEL_LIST": str(error)}
    return Telegram(
        configured=services.telegram_configured,
        sessions=services.sessions.all(),
        chosen=chosen,
        unusable=unusable,
        wanted=wanted,
        breakers=services.breakers.all(),
        floods=services.paces.flooded(services.clock()),
    )


def not_found(services: "Services") -> "Mapping[str, WantedChannel]":
    """Return the listed channels Telegram does not find; one taken out of CHANNEL_LIST is no longer wanted.

    Raises UsageError when CHANNEL_LIST cannot be read.
    """
    from tutordex_dagster.capture.references import parse_channel_list

    listed = set(parse_channel_list(services.settings.channel_list or ""))
    return {reference: each for reference, each in services.channels.wanted().items() if reference in listed}


def _chosen_sessions(services: "Services") -> "tuple[Mapping[str, str], Mapping[str, str]]":
    """Return the fingerprints of the sessions the settings name, and why others cannot be used, by role."""
    from tutordex_dagster.resources.sessions import Role, require_session

    chosen: dict[str, str] = {}
    unusable: dict[str, str] = {}
    roles: tuple[Role, ...] = ("tail", "recovery")
    for role in roles:
        try:
            chosen[role] = require_session(services.settings, role).fingerprint
        except UsageError as error:
            unusable[role] = str(error)
    return chosen, unusable


def _services(services: "Services") -> "Sequence[Service]":
    from tutordex_dagster.operations.status import Service

    every = services.settings.heartbeat_secs
    return [Service(beat=beat, every_seconds=every) for beat in services.heartbeats.all()]


def _runs(services: "Services") -> "Sequence[RunInProgress] | None":
    from tutordex_dagster.cli.environment import dagster_home, dagster_instance
    from tutordex_dagster.resources.databases import database_urls

    if not dagster_home(services.settings).is_dir():
        return None
    from tutordex_dagster.cli.inspection import runs_in_progress

    with dagster_instance(services.settings, database_urls(services.settings)) as instance:
        return runs_in_progress(instance)
