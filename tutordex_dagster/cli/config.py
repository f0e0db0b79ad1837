"""`tutordex config`: the settings."""

import os

import click
from rich.markup import escape

from tutordex_dagster.cli.console import say, stdout, table
from tutordex_dagster.errors import UsageError

HEADING = """\
# Configuration

Everything is set by environment variables, or by the same names in a file `.env` in the project folder; the
environment wins. Nothing has to be set for a first run. `tutordex config check` finds misspelt names.

This page is written by `make docs` from `tutordex_dagster/settings/`.

"""


@click.group()
def config() -> None:
    """Show, check or document the settings."""


@config.command("show")
def show() -> None:
    """Show every setting as this process sees it, secrets hidden."""
    from tutordex_dagster.settings import load_settings, shown

    rows = table("Settings", "variable", "value")
    for name, value in shown(load_settings()).items():
        rows.add_row(name, escape(value) or "[dim]unset[/dim]")
    stdout().print(rows)


@config.command("check")
def check() -> None:
    """Exit with code 2 for a value that cannot be used or a variable of ours that no setting knows."""
    from tutordex_dagster.settings import load_settings, unknown_variables

    load_settings()
    if unknown := unknown_variables(os.environ):
        raise UsageError(
            ", ".join(unknown),
            "is no setting",
            "compare the spelling with docs/configuration.md or remove it",
        )
    say("All settings can be used.")


@config.command("docs")
def docs() -> None:
    """Print the settings reference as Markdown."""
    click.echo(reference(), nl=False)


def reference() -> str:
    """Return the whole page docs/configuration.md."""
    from tutordex_dagster.settings import reference_markdown

    return HEADING + reference_markdown()
