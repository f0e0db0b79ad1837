"""What a person or a post wrote is shown as it is: no markup, no names of emojis."""

import pytest

from tutordex_dagster.cli.console import progress, say, stdout

HOSTILE = "[/INST] [bold]x[/bold] :warning:"


def test_a_line_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    assert capsys.readouterr().out == f"{HOSTILE}\n"


def test_what_a_bar_is_called_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be the name of a file."""
    with progress() as bar:
        bar.add_task(HOSTILE, total=1)
        stdout().print(bar.get_renderable())
    assert capsys.readouterr().out.startswith(HOSTILE)
