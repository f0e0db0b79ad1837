"""What a person sees: results on stdout, progress on stderr, never wider than 100 columns."""

import logging
import os
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from tutordex_dagster.operations.logs import mask_logs

WIDTH = 100


def stdout() -> Console:
    """Return the console of results."""
    return _console(stderr=False)


def stderr() -> Console:
    """Return the console of progress and hints, which never mixes with a result that is piped on."""
    return _console(stderr=True)


def say(line: str) -> None:
    """Print a line of result as it is: not broken at the width, and brackets in a title are no markup."""
    stdout().print(line, soft_wrap=True, markup=False)


def progress(*, in_bytes: bool = False, unit: str = "") -> Progress:
    """Return a progress bar on stderr; on a stream that is no terminal it stays silent."""
    console = stderr()
    counted: Sequence[ProgressColumn] = (
        [DownloadColumn()] if in_bytes else [MofNCompleteColumn(), TextColumn(unit)]
    )
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        *counted,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def table(title: str, *columns: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table; columns named in `numbers` are set flush right.

    Cells are markup: text that a person or a post wrote has to be escaped.
    """
    right = set(numbers)
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def instant(value: datetime | None) -> str:
    """Write an instant as people read it, in UTC to the minute; a dash for none."""
    return value.strftime("%Y-%m-%d %H:%M") if value else "-"


def setup_logging() -> None:
    """Show warnings of the libraries, and our own from LOG_LEVEL on, as plain lines without secrets."""
    level = os.environ.get("LOG_LEVEL", "INFO").upper()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("tutordex_dagster").setLevel(
        level if level in logging.getLevelNamesMapping() else "INFO"
    )
    mask_logs()


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console
