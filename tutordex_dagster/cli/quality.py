"""`tutordex quality`: how well a version reads the labelled posts; a database is needed only to keep it."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from tutordex_dagster.cli.console import say, stdout, table
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from tutordex_dagster.comparison.scoring import Judged, ScoreCard

_COUNTS = ("score", "labelled", "found", "wrong", "missing", "invented")


@click.command()
@click.option("--version", "name", help="Pipeline version. Default: EXTRACTION_PIPELINE_VERSION, else rules.")
@click.option("--errors", "field", help="Show the posts that disagree in this field instead.")
@click.option("--keep", is_flag=True, help="Add the score to the history that promotion asks.")
def quality(name: str | None, field: str | None, *, keep: bool) -> None:
    """Score a pipeline version on the posts of TUTORDEX_GOLD, field by field and agency by agency.

    Reads every post with the version now. The assets `extraction_quality` keep every score, this with --keep.
    """
    from tutordex_dagster.comparison.scoring import SCORED
    from tutordex_dagster.extraction.gold import load_gold
    from tutordex_dagster.operations.scoring import score_card
    from tutordex_dagster.resources.pipelines import load_versions
    from tutordex_dagster.resources.scoring import read_gold
    from tutordex_dagster.resources.services import FIRST_VERSION, find_pipeline
    from tutordex_dagster.settings import load_settings
    from tutordex_dagster.windows import utc_now

    known = [each.name for each in SCORED]
    if field is not None and field not in known:
        raise UsageError(field, "is no scored field", f"choose from: {', '.join(known)}")
    settings = load_settings()
    chosen = name or settings.extraction_pipeline_version or FIRST_VERSION
    spec = find_pipeline(load_versions(settings), chosen)
    gold = load_gold(settings.tutordex_gold)
    with open_session() if keep else nullcontext() as services:
        judged = read_gold(spec, gold, settings)
        card = score_card(spec, gold, judged, now=utc_now())
        if services is not None:
            services.scores.add(card)
    if field is not None:
        _print_errors(judged, field)
        return
    stdout().print(_fields(card))
    stdout().print(_agencies(judged))


def _fields(card: "ScoreCard") -> "Table":
    rows = table(f"{card.version} on {card.posts} labelled posts", "field", *_COUNTS, numbers=_COUNTS)
    for each in card.fields:
        rows.add_row(
            each.field, f"{100 * each.score:.1f}", *(str(getattr(each, count)) for count in _COUNTS[1:])
        )
    rows.add_row("[bold]mean[/bold]", f"[bold]{100 * card.mean:.1f}[/bold]")
    return rows


def _agencies(judged: "Judged") -> "Table":
    from tutordex_dagster.comparison.scoring import score_by_agency

    rows = table("By agency, the hardest first", "agency", "posts", "mean", numbers=["posts", "mean"])
    for agency, (posts, mean) in score_by_agency(judged).items():
        rows.add_row(escape(agency), str(posts), f"{100 * mean:.1f}")
    return rows


def _print_errors(judged: "Judged", field: str) -> None:
    from tutordex_dagster.comparison.scoring import disagreements

    found = disagreements(judged, field)
    for each in found:
        say(f"{each.post.name}: {each.ruling}: labelled {each.expected!r}, read {each.given!r}")
    say(f"{field}: {len(found)} disagreements.")
