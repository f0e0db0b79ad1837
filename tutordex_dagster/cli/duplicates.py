"""`tutordex duplicates`: assignments that several agencies likely advertise, and what speaks for it."""

import click
from rich.markup import escape

from tutordex_dagster.cli.console import say, stdout, table
from tutordex_dagster.cli.session import open_session


@click.command()
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show at most so many.")
def duplicates(limit: int) -> None:
    """List pairs of open assignments of different channels that are likely the same, the likeliest first.

    Nothing is hidden from `assignments`: a tutor may well want to see both.
    """
    rows = table("Likely duplicates", "group", "one", "other", "score", "why", numbers=["score"])
    with open_session() as services:
        for pair in services.duplicates.shown(limit):
            rows.add_row(
                pair["group_id"],
                escape(f"{pair['one']}/{pair['one_message']} {pair['one_code'] or ''}"),
                escape(f"{pair['other']}/{pair['other_message']} {pair['other_code'] or ''}"),
                f"{pair['score']:.2f}",
                escape(", ".join(f"{name} {value}" for name, value in pair["evidence"].items())),
            )
    if rows.row_count:
        stdout().print(rows)
    else:
        say("no open assignment has a likely duplicate in another channel")
