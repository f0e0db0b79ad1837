"""`tutordex import`: a Telegram Desktop export becomes raw messages, hours and jobs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.console import instant, progress, say
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.windows import hour_of

if TYPE_CHECKING:
    from tutordex_dagster.capture.contract import ChannelInfo
    from tutordex_dagster.capture.imports import ExportFacts, ImportSummary
    from tutordex_dagster.resources.services import Services


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--channel", required=True, help="Which channel this is: t.me/X, @X or a link.")
@click.option("--timezone", help="IANA zone of the file's times, for exports without date_unixtime.")
@click.option("--chat", help="Name or id of the chat, when the file holds several.")
def import_export(file: Path, channel: str, timezone: str | None, chat: str | None) -> None:
    """Take in FILE, Telegram Desktop's result.json of one chat or of a whole account.

    Doing it again, or with a newer export of the same channel, only adds what changed.
    """
    from tutordex_dagster.capture import imports

    with open_session() as services:
        enqueue = services.enqueue_for("backfill")
        for wish in enqueue:
            services.registered(services.pipeline(wish.version))
        with progress(in_bytes=True) as bar:
            task = bar.add_task(f"Importing {file.name}", total=None)
            summary = imports.import_export(
                file,
                reference=channel,
                chat=chat,
                timezone=timezone,
                log=services.raw_log,
                register=lambda info, facts: _register(services, info, facts),
                enqueue=enqueue,
                clock=services.clock,
                on_progress=lambda read, total: bar.update(task, completed=read, total=total),
            )
        for line in _lines(summary, live=services.live.name):
            say(line)


def _register(services: "Services", info: "ChannelInfo", facts: "ExportFacts") -> None:
    """Make the channel and the export known, so that hours, extractions and assignments follow."""
    from tutordex_dagster.store.channels import Export

    services.channels.register(info, source="export", collect_since=hour_of(facts.first_at))
    services.channels.add_export(
        Export(
            channel_id=info.channel_id,
            path=str(facts.path),
            timezone=facts.timezone,
            first_at=facts.first_at,
            vouches_until=facts.vouches_until,
            messages=facts.messages,
        )
    )


def _lines(summary: "ImportSummary", *, live: str) -> list[str]:
    """Say what was found and stored, what could not be read, and what happens next."""
    swept, facts, stored = summary.swept, summary.facts, summary.swept.stored
    span = f"from {instant(facts.first_at)} to {instant(facts.vouches_until)} UTC"
    sealed, still_open = swept.in_state("sealed"), swept.in_state("open")
    lines = [
        f"{summary.channel.reference} ({summary.channel.title}): {facts.messages} messages {span}",
        f"  {stored.new} new, {stored.edited} edited, {stored.known} known; {stored.enqueued} jobs enqueued",
        f"  {sealed} hours sealed, {still_open} open, {len(swept.failed)} failed",
    ]
    if summary.cut:
        lines.append(f"  Not all of it could be read: {summary.cut}.")
    if swept.unreadable:
        lines.append(
            f"  {swept.unreadable} messages could not be read; `tutordex status` counts their hours."
        )
    if summary.unsafe_paths:
        lines.append(f"  {summary.unsafe_paths} unsafe file paths were left out.")
    now = f"tutordex drain --version {live} --oneshot"
    return [*lines, f"While `tutordex up` runs, the rest follows by itself; or now: {now}"]
