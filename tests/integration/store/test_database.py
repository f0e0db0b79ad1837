"""Reaching the server: lazily, in UTC, with errors a person can act on and no password in them."""

from datetime import UTC, datetime

import pytest

from tutordex_dagster.errors import TransientError, UsageError
from tutordex_dagster.store.database import Database, connect, database_name, describe, with_database


def test_nothing_is_reached_before_the_first_use() -> None:
    Database("postgresql://user:secret@127.0.0.1:1/nowhere").close()


def test_an_unreachable_server_is_one_line_without_the_password() -> None:
    database = Database("postgresql://user:secret@127.0.0.1:1/nowhere")
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:1/nowhere: cannot be reached") as caught:
        database.value("SELECT 1", {})
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mysql://user:secret@host/name", "postgresql://user:secret@[host/name", "secret"]
)
def test_what_is_no_url_is_refused_at_once_without_repeating_it(url: str) -> None:
    with pytest.raises(UsageError, match="the database URL: is no libpq URL") as caught:
        Database(url)
    assert "secret" not in str(caught.value)


def test_a_block_is_one_transaction(database: Database) -> None:
    insert = "INSERT INTO pipeline_versions (name, fingerprint, spec) VALUES ('v', 'f', '{}')"

    def insert_and_fail() -> None:
        with database.connection() as connection:
            connection.execute(insert)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_fail()
    assert database.value("SELECT count(*) FROM pipeline_versions", {}) == 0
    assert database.execute(insert, {}) == 1


def test_times_arrive_in_utc(database: Database) -> None:
    instant = database.value("SELECT timestamptz '2025-12-29 08:00+08'", {})
    assert (instant, instant.utcoffset()) == (datetime(2025, 12, 29, tzinfo=UTC), UTC.utcoffset(None))


def test_a_connection_the_server_closed_is_replaced(database: Database) -> None:
    first = database.value("SELECT pg_backend_pid()", {})
    with connect(database.url, autocommit=True) as killer:
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert database.value("SELECT pg_backend_pid()", {}) != first


def test_a_server_that_goes_away_in_the_middle_is_worth_another_try(database: Database) -> None:
    def lose_the_server() -> None:
        with database.connection() as connection:
            with connect(database.url, autocommit=True) as killer:
                killer.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            connection.execute("SELECT 1")

    with pytest.raises(TransientError, match="check TUTORDEX_DATABASE_URL"):
        lose_the_server()


def test_a_url_without_a_database_is_refused() -> None:
    assert database_name("postgresql://host/app") == "app"
    with pytest.raises(UsageError, match="host:5432/: names no database; add one"):
        database_name("postgresql://host")


def test_an_address_is_described_without_its_secrets() -> None:
    assert describe("postgresql://me:secret@db.example:6543/app?sslmode=require") == "db.example:6543/app"
    assert describe("postgresql:///app?host=/run/pg") == "/run/pg:5432/app"
    assert describe("dbname=app") == "localhost:5432/app"


def test_another_database_on_the_same_server_has_the_same_address() -> None:
    assert (
        describe(with_database("postgresql://me@db:6543/app?sslmode=require", "dagster")) == "db:6543/dagster"
    )
