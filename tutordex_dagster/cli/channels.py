"""`tutordex channels`: who is collected, and who cannot be."""

import click
from rich.markup import escape

from tutordex_dagster.cli.console import instant, stdout, table
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.cli.status import not_found


@click.command()
def channels() -> None:
    """List the channels, where they are read from, since when, and how their changes arrive."""
    from tutordex_dagster.operations.status import following

    rows = table("Channels", "channel", "title", "source", "since (UTC)", "changes", "id", numbers=["id"])
    lost = table("Not found", "channel", "why", "asked (UTC)")
    with open_session() as services:
        for channel in services.channels.all():
            rows.add_row(
                channel.reference,
                escape(channel.title),
                channel.source_kind,
                instant(channel.collect_since),
                escape(channel.problem or following(channel)),
                str(channel.channel_id),
            )
        for reference, wanted in not_found(services).items():
            lost.add_row(reference, escape(wanted.problem), instant(wanted.checked_at))
    stdout().print(rows)
    if lost.row_count:
        stdout().print(lost)
