"""`tutordex db`: the tables."""

import click

from tutordex_dagster.cli.console import say
from tutordex_dagster.cli.session import require_ready


@click.group()
def db() -> None:
    """Migrate or check the database."""


@db.command("migrate")
def migrate_command() -> None:
    """Make both databases if they do not exist and bring our tables up to this code's version."""
    from tutordex_dagster.resources.databases import database_urls
    from tutordex_dagster.settings import load_settings
    from tutordex_dagster.store.database import Database
    from tutordex_dagster.store.migrate import ensure_database, migrate

    urls = database_urls(load_settings())
    ensure_database(urls.tutordex)
    ensure_database(urls.dagster)
    database = Database(urls.tutordex)
    try:
        applied = migrate(database)
    finally:
        database.close()
    for name in applied:
        say(f"applied {name}")
    say(f"{database.name}: {'migrated' if applied else 'nothing to do'}")


@db.command("check")
def check_command() -> None:
    """Say whether the tables are as this code needs them; exit code 2 when not."""
    from tutordex_dagster.resources.databases import database_urls
    from tutordex_dagster.settings import load_settings
    from tutordex_dagster.store.database import Database
    from tutordex_dagster.store.migrate import check

    database = Database(database_urls(load_settings()).tutordex)
    try:
        problems = check(database)
    finally:
        database.close()
    require_ready(problems, database.name)
    say(f"{database.name}: as this code needs it")
