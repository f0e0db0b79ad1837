"""`tutordex breaker`: what a person sees of the breakers, and closing one by hand."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from psycopg.rows import dict_row

from tutordex_dagster.cli.breaker import breaker
from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.identity import os_user
from tutordex_dagster.resilience.breaker import Breaker
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.metrics import PostgresMetrics
from tutordex_dagster.store.resilience import Breakers


@pytest.fixture
def opened(services: Services) -> Services:
    """Give services whose breaker `telegram` has just opened."""
    now = datetime.now(UTC)
    failing = Breaker(state="open", failures=(now,) * 5, opened_at=now, reason="no answer [reset]")
    Breakers(services.database).update("telegram", lambda _: (failing, None))
    return services


def run(*arguments: str) -> Result:
    return CliRunner().invoke(breaker, arguments)


def test_show_names_state_failures_and_reason(opened: Services) -> None:
    since = Breakers(opened.database).all()[0].changed_at
    result = run("show")
    assert result.exit_code == 0, result.output
    row = result.stdout.splitlines()[-1]
    assert row.split() == [
        "telegram",
        "open",
        *f"{since:%Y-%m-%d %H:%M}".split(),
        "5",
        "no",
        "answer",
        "[reset]",
    ]


@pytest.mark.usefixtures("home")
def test_show_without_any_breaker_says_that_all_is_well() -> None:
    assert run("show").stdout == "no call has failed yet, so every breaker is closed\n"


def test_reset_closes_the_breaker_on_record_and_in_the_metrics(opened: Services) -> None:
    PostgresMetrics(opened.database).gauge("breaker_state", 1, component="telegram")
    assert run("reset", "telegram").stdout == "telegram: closed (it was open); calls go on.\n"
    assert Breakers(opened.database).read("telegram") == Breaker()
    assert [row.value for row in PostgresMetrics(opened.database).all()] == [0]
    with opened.database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        (deed,) = cursor.execute("SELECT actor, action FROM audit").fetchall()
    assert deed == {"actor": os_user(), "action": "breaker reset"}


@pytest.mark.usefixtures("opened")
def test_reset_of_an_unknown_breaker_names_the_known_ones() -> None:
    result = run("reset", "telegarm")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == "telegarm: is no breaker; choose from: telegram"


@pytest.mark.usefixtures("home")
def test_reset_before_any_failure_says_so() -> None:
    result = run("reset", "telegram")
    assert "telegram: is no breaker; no call has failed yet" in str(result.exception)
