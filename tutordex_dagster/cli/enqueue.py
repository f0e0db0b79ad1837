"""`tutordex enqueue`: stored messages into the queue of a version, no source read."""

from datetime import UTC, datetime

import click

from tutordex_dagster.cli.console import progress, say
from tutordex_dagster.cli.options import channels_option, window_of, window_options
from tutordex_dagster.cli.session import chosen_channels, open_session, require_raw
from tutordex_dagster.windows import Window

_FIRST = datetime(2013, 8, 14, tzinfo=UTC)
"""Telegram's first day: no post is older."""


@click.command()
@window_options
@channels_option
@click.option("--max-messages", type=click.IntRange(1), help="At most this many messages of each channel.")
@click.option("--force", is_flag=True, help="Also those that are done, skipped, failed or dead.")
@click.option(
    "--version", "name", help="Pipeline version. Default: EXTRACTION_PIPELINE_VERSION, or the live one."
)
def enqueue(
    since: datetime | None,
    until: datetime | None,
    channels: str | None,
    max_messages: int | None,
    name: str | None,
    *,
    force: bool,
) -> None:
    """Queue stored messages for extraction; without --force only those the version has not seen."""
    with open_session() as services:
        require_raw(services)
        window = window_of(since, until, default=Window(_FIRST, services.clock()))
        chosen = chosen_channels(services, channels)
        version = services.registered(services.chosen(name)).name
        with progress(unit="messages") as bar:
            task = bar.add_task(f"Enqueuing for {version}", total=None)
            jobs = services.queue.enqueue_window(
                version,
                channel_ids=[channel.channel_id for channel in chosen],
                window=window,
                lane="reparse",
                force=force,
                max_per_channel=max_messages,
                on_page=lambda messages: bar.advance(task, messages),
            )
    say(f"{version}: {jobs} jobs from {len(chosen)} channels; next: tutordex drain --version {version}")
