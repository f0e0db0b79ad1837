"""`tutordex smoke`: after a deployment, a few stored posts through the whole extraction, and a verdict."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from tutordex_dagster.cli.console import progress, say, stdout
from tutordex_dagster.cli.options import channels_option, window_of, window_options
from tutordex_dagster.cli.session import chosen_channels, open_session, require_raw, require_results
from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import Window

if TYPE_CHECKING:
    from tutordex_dagster.extraction.versions import PipelineSpec
    from tutordex_dagster.operations.doctor import Finding
    from tutordex_dagster.queue.spending import Tally
    from tutordex_dagster.resources.services import Services

_DAY = timedelta(days=1)
_MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}


@click.command()
@window_options
@channels_option
@click.option(
    "--version", "name", help="Version to try. Default: EXTRACTION_PIPELINE_VERSION, or the live one."
)
@click.option(
    "--max-messages", type=click.IntRange(1), default=50, show_default=True, help="Of each channel."
)
@click.option("--max-jobs", type=click.IntRange(1), default=50, show_default=True, help="Posts in all.")
def smoke(
    since: datetime | None,
    until: datetime | None,
    channels: str | None,
    *,
    name: str | None,
    max_messages: int,
    max_jobs: int,
) -> None:
    """Extract a few stored posts of a narrow window (the last day) under a new version name, and judge.

    No source is read, nothing is sent, and neither `assignments` nor any version's results change. Exit code
    1 when it did not pass.
    """
    from tutordex_dagster.operations.smoke import judge, passed, version_name

    with open_session() as services:
        require_raw(services)
        require_results(services)
        now = services.clock()
        window = window_of(since, until, default=Window(now - _DAY, now))
        tried = services.chosen(name)
        raw_ids = _posts(services, channels, window, max_messages, max_jobs)
        spec = tried.model_copy(update={"name": version_name(tried.name, now)})
        tally = _extract(services, spec, raw_ids)
        limit = services.settings.extraction_failure_share_limit
        findings = judge(tally, jobs=len(raw_ids), failure_limit=limit)
    _show(findings)
    say(
        f"smoke test of {tried.name}: {'passed' if passed(findings) else 'FAILED'}; results under {spec.name}"
    )
    if not passed(findings):
        raise click.exceptions.Exit(1)


def _posts(
    services: "Services", channels: str | None, window: Window, max_messages: int, max_jobs: int
) -> list[int]:
    from tutordex_dagster.operations.smoke import spread

    by_channel = [
        services.raw_log.raw_ids([channel.channel_id], window, limit_per_channel=max_messages)
        for channel in chosen_channels(services, channels)
    ]
    raw_ids = spread(by_channel, max_jobs)
    if not raw_ids:
        raise UsageError(
            f"{window.since:%Y-%m-%d %H:%M} to {window.until:%Y-%m-%d %H:%M} UTC",
            "no stored post to try",
            "choose another window: --since, --until",
        )
    return raw_ids


def _extract(services: "Services", spec: "PipelineSpec", raw_ids: list[int]) -> "Tally":
    from tutordex_dagster.resources.work import VersionWorker

    services.registered(spec)
    services.queue.enqueue(spec.name, raw_ids, lane="reparse")
    with progress(unit="posts") as bar:
        task = bar.add_task("Smoke test", total=len(raw_ids))
        return VersionWorker(services=services, spec=spec).work(
            raw_ids=raw_ids, on_batch=lambda batch: bar.advance(task, len(batch))
        )


def _show(findings: "list[Finding]") -> None:
    console = stdout()
    for finding in findings:
        step = f"\n     {'':<16} → {finding.next_step}" if finding.next_step else ""
        console.print(
            f"{_MARKS[finding.level]} {finding.subject:<16} {escape(finding.detail)}{escape(step)}",
            soft_wrap=True,
        )
