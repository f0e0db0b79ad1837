"""`tutordex queue`: what a person may have to do with the queue by hand."""

import click

from tutordex_dagster.cli.console import say
from tutordex_dagster.cli.session import open_session, registered_version


@click.group()
def queue() -> None:
    """Manage the extraction queue."""


@queue.command("redrive")
@click.option("--version", "name", help="Pipeline version. Default: the live one.")
def redrive(name: str | None) -> None:
    """Give every dead job of a version its attempts back, after what killed it was put right."""
    with open_session() as services:
        version = registered_version(services, name).name
        jobs = services.queue.redrive(version)
    say(f"{version}: {jobs} dead {'job waits' if jobs == 1 else 'jobs wait'} for extraction again.")
