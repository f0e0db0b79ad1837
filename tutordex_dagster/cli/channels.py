"""`tutordex channels`: who is collected."""

import click
from rich.markup import escape

from tutordex_dagster.cli.console import instant, stdout, table
from tutordex_dagster.cli.session import open_session


@click.command()
def channels() -> None:
    """List the channels, where they are read from, and since when their hours should exist."""
    rows = table("Channels", "channel", "title", "source", "collected since (UTC)", "id", numbers=["id"])
    with open_session() as services:
        for channel in services.channels.all():
            rows.add_row(
                channel.reference,
                escape(channel.title),
                channel.source_kind,
                instant(channel.collect_since),
                str(channel.channel_id),
            )
    stdout().print(rows)
