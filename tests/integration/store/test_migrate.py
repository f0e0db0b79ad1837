"""Migrations: they lead to schema.sql, run once, and refuse a ledger they do not understand."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.store import migrate
from tutordex_dagster.store.database import Database, with_database

if TYPE_CHECKING:
    from collections.abc import Callable

LABELS = [step.label for step in migrate.shipped()]
NEXT = migrate.shipped()[-1].version + 1
SCHEMA = Path(migrate.__file__).parent / "schema.sql"
CATALOG = """
    SELECT 'column', format('%s.%s %s %s %s %s %s', attrelid::regclass, attname,
        format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid),
        row_number() OVER (PARTITION BY attrelid ORDER BY attnum))
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'relation', format('%s %s %s', relname, relkind, reloptions) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint', format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'view', format('%s %s', viewname, definition) FROM pg_views WHERE schemaname = 'public'
    UNION ALL SELECT 'enum', format('%s %s %s', enumtypid::regtype, enumsortorder, enumlabel) FROM pg_enum
    UNION ALL SELECT 'row', format('projection %s', row_to_json(projection)) FROM projection
    ORDER BY 1, 2
"""


def catalog(url: str) -> list[tuple[str, str]]:
    """Describe everything in a database but the rows of its ledger."""
    with psycopg.connect(url) as connection:
        return [(str(kind), str(text)) for kind, text in connection.execute(CATALOG)]


@pytest.fixture
def empty(empty_url: str) -> "Database":
    """Give an empty database."""
    return Database(empty_url)


def test_migrations_lead_to_the_schema(database_url: str, empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute(SCHEMA.read_bytes())
    migrated, made = catalog(database_url), catalog(empty_url)
    assert {kind for kind, _ in made} == {
        "column", "relation", "index", "constraint", "trigger", "function", "view", "enum", "row",
    }  # fmt: skip
    assert migrated == made


def test_migrating_twice_applies_every_step_once(empty: Database) -> None:
    assert migrate.check(empty) == [
        f"migration {label} is not applied; run `tutordex db migrate`" for label in LABELS
    ]
    assert migrate.migrate(empty) == LABELS
    assert migrate.migrate(empty) == []
    assert migrate.check(empty) == []
    empty.close()


def test_processes_that_migrate_at_once_wait_for_each_other(empty: Database) -> None:
    with ThreadPoolExecutor(3) as pool:
        applied = list(pool.map(lambda _: migrate.migrate(empty), range(3)))
    assert sorted(applied) == [[], [], LABELS]
    empty.close()


def test_a_step_that_fails_leaves_no_step_behind(empty: Database) -> None:
    bad = migrate.Migration(
        version=NEXT, name="bad", checksum="x", script=b"CREATE TABLE half (); SELECT 1 / 0;"
    )
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.migrate(empty, steps=[*migrate.shipped(), bad])
    assert len(migrate.check(empty)) == len(LABELS)
    assert empty.value("SELECT to_regclass('half') IS NULL AND to_regclass('channels') IS NULL", {})
    empty.close()


def test_a_step_whose_text_changed_is_refused(database: Database) -> None:
    *others, last = migrate.shipped()
    changed = [*others, replace(last, checksum="other")]
    message = f"migration {last.label} was applied with another text"
    with pytest.raises(UsageError, match=message):
        migrate.migrate(database, steps=changed)
    (line,) = migrate.check(database, steps=changed)
    assert message in line


def test_a_ledger_from_a_newer_release_is_refused(database: Database) -> None:
    future = migrate.Migration(version=NEXT, name="future", checksum="x", script=b"SELECT 1")
    migrate.migrate(database, steps=[*migrate.shipped(), future])
    with pytest.raises(UsageError, match=f"has migration {future.label}, which this release does not know"):
        migrate.migrate(database)


def test_steps_are_read_in_their_order(tmp_path: Path) -> None:
    for name in ("0010_c.sql", "0002_b.sql", "0001_a.sql", "notes.txt"):
        (tmp_path / name).write_text("SELECT 1")
    assert [step.label for step in migrate.shipped(tmp_path)] == ["0001_a", "0002_b", "0010_c"]


def test_a_database_is_created_once(server_url: "Callable[[str], str]", empty_url: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(empty_url)["dbname"]
    url = with_database(empty_url, f"{name}_new")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate.ensure_database, [url, url, empty_url]))
    database = Database(url)
    assert migrate.migrate(database) == LABELS
    database.close()
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}_new"'.encode())


def test_creating_a_database_says_when_the_server_is_not_there() -> None:
    with pytest.raises(UsageError, match="cannot be reached"):
        migrate.ensure_database("postgresql://user@127.0.0.1:1/name")
