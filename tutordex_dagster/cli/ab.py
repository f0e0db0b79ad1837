"""`tutordex ab`: compare pipeline versions over the same posts, and take in what people say is right."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.console import progress, say
from tutordex_dagster.cli.options import channels_option, window_of, window_options
from tutordex_dagster.cli.session import chosen_channels, open_session, require_raw, require_results
from tutordex_dagster.operations.identity import os_user
from tutordex_dagster.windows import Window

if TYPE_CHECKING:
    from tutordex_dagster.comparison.contract import LabelSource
    from tutordex_dagster.resources.comparisons import Report

_FIRST = datetime(2013, 8, 14, tzinfo=UTC)
"""Telegram's first day: no post is older."""


@click.group()
def ab() -> None:
    """Compare pipeline versions (A/B): same posts, statistics, a report."""


@ab.command("run")
@click.argument("name")
def run(name: str) -> None:
    """Run the experiment NAME of the experiments folder: freeze its posts, extract, compare.

    Jobs another worker holds are waited for. Nothing is broadcast, and neither `assignments` nor any other
    version's results change.
    """
    from tutordex_dagster.resources.comparisons import find_experiment, run_experiment

    with open_session() as services:
        require_raw(services)
        require_results(services)
        spec = find_experiment(services, name)
        with progress(unit="posts") as bar:
            tasks = {version: bar.add_task(f"Extracting {version}", total=None) for version in spec.versions}

            def show(version: str, ended: int, posts: int) -> None:
                bar.update(tasks[version], total=posts, completed=ended)

            reports = run_experiment(services, spec, progress=show)
    for report in reports:
        _tell(report)


@ab.command("compare")
@click.argument("a")
@click.argument("b")
@window_options
@channels_option
def compare(a: str, b: str, since: datetime | None, until: datetime | None, channels: str | None) -> None:
    """Compare what versions A and B have extracted; nothing is extracted for it."""
    from tutordex_dagster.resources.comparisons import compare_versions

    with open_session() as services:
        window = window_of(since, until, default=Window(_FIRST, services.clock()))
        chosen = chosen_channels(services, channels)
        report = compare_versions(
            services,
            a,
            b,
            window=window,
            channels=None if channels is None else [channel.channel_id for channel in chosen],
            scope="all channels" if channels is None else ", ".join(each.reference for each in chosen),
        )
    _tell(report)


@ab.command("label")
@click.argument("sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by", default=os_user, help="Who judged. Default: the user's name.")
@click.option(
    "--independent",
    is_flag=True,
    help="The posts were chosen without looking at what versions say, so the labels give accuracy.",
)
def label(sheet: Path, by: str, *, independent: bool) -> None:
    """Take in the labels of a filled adjudicate.csv (SHEET); the next comparison uses them."""
    from tutordex_dagster.comparison.adjudication import read_sheet
    from tutordex_dagster.store.comparisons import NewLabel

    with sheet.open(encoding="utf-8-sig", newline="") as file:
        found = list(read_sheet(file))
    source: LabelSource = "labelled" if independent else "adjudicated"
    labels = [
        NewLabel(raw_id=each.raw_id, field=each.field, values=each.values, source=source) for each in found
    ]
    with open_session() as services:
        taken = services.comparisons.label(labels, by=by)
    say(f"{taken} of {len(labels)} labels taken; compare again to see what they say")


def _tell(report: "Report") -> None:
    found = report.comparison
    say(f"{found.title} ({found.posts} posts of {found.channels} channels)")
    say(found.verdict)
    for note in found.notes:
        say(f"- {note}")
    say(f"Report: {report.folder / 'report.html'}")
    if report.to_judge:
        say(f"To judge by hand: {report.to_judge} rows of {report.folder / 'adjudicate.csv'}")
