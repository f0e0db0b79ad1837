"""`tutordex breaker`: whether calls are paused after failures, and letting them go on by hand."""

from datetime import timedelta

import click
from rich.markup import escape

from tutordex_dagster.cli.console import instant, say, stdout, table
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.identity import os_user

NO_FAILURE = "no call has failed yet, so every breaker is closed"


@click.group()
def breaker() -> None:
    """Show or reset the circuit breakers, which pause calls to a service that keeps failing."""


@breaker.command("show")
def show() -> None:
    """List the breakers: their state and since when, failures within the window, and the last reason."""
    from tutordex_dagster.store.resilience import Breakers

    rows = table("Breakers", "component", "state", "since (UTC)", "failures", "reason", numbers=["failures"])
    with open_session() as services:
        window = timedelta(seconds=services.settings.circuit_breaker_window_seconds)
        for row in Breakers(services.database).all():
            rows.add_row(
                row.component,
                row.breaker.state,
                instant(row.changed_at),
                str(sum(at > services.clock() - window for at in row.breaker.failures)),
                escape(row.breaker.reason or "-"),
            )
    if rows.row_count:
        stdout().print(rows)
    else:
        say(NO_FAILURE)


@breaker.command("reset")
@click.argument("component")
def reset(component: str) -> None:
    """Close the breaker of COMPONENT now, after what failed was put right."""
    from tutordex_dagster.resilience.breaker import STATE_VALUE
    from tutordex_dagster.resilience.metrics import BREAKER_STATE
    from tutordex_dagster.store.metrics import PostgresMetrics
    from tutordex_dagster.store.resilience import Breakers

    with open_session() as services:
        breakers = Breakers(services.database)
        before = breakers.reset(component, services.clock(), actor=os_user())
        if before is None:
            known = ", ".join(row.component for row in breakers.all())
            raise UsageError(component, "is no breaker", f"choose from: {known}" if known else NO_FAILURE)
        PostgresMetrics(services.database).gauge(BREAKER_STATE, STATE_VALUE["closed"], component=component)
    say(f"{component}: closed (it was {before.state}); calls go on.")
