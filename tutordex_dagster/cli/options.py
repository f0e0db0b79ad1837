"""Options several verbs share, and how their values are read."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from tutordex_dagster.windows import Window, parse_instant

Command = TypeVar("Command", bound=Callable[..., Any])


def window_options(command: Command) -> Command:
    """Add --since and --until."""
    for name, meaning in (("--until", "End of the window, not included"), ("--since", "Start of the window")):
        command = click.option(
            name, type=parse_instant, metavar="TIME", help=f"{meaning}: 2025-12-29T00:00:00+00:00."
        )(command)
    return command


def channels_option(command: Command) -> Command:
    """Add --channels: a comma list or a JSON array, in any of the usual spellings."""
    return click.option("--channels", help="Comma list or JSON array of t.me/X, @X or links. Default: all.")(
        command
    )


def window_of(
    since: datetime | None, until: datetime | None, *, default: Window, overlap: timedelta = timedelta(0)
) -> Window:
    """Return the window asked for, its start moved back by the overlap; an end not given is the default's.

    Raises UsageError when the window as asked for is reversed or empty.
    """
    asked = Window(since or default.since, until or default.until)
    return Window(asked.since - overlap, asked.until)
