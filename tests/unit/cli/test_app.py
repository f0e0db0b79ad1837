"""The command's surface: every verb answers, and every error is one line with the right exit code."""

import errno
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tutordex_dagster.cli import main
from tutordex_dagster.cli.app import VERBS, Verbs
from tutordex_dagster.cli.config import reference
from tutordex_dagster.errors import PermanentError, TransientError, UsageError
from tutordex_dagster.settings import PROJECT


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    result = CliRunner().invoke(main, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: main {verb}")


def test_help_lists_every_verb_without_loading_what_they_work_with() -> None:
    """Dagster alone takes seconds to import: help must not wait for it."""
    program = (
        "import sys; from tutordex_dagster.cli import main; main(['--help'], standalone_mode=False);"
        "print(sorted({'dagster', 'psycopg', 'pydantic'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert all(f"\n  {verb} " in result.stdout for verb in VERBS)
    assert result.stdout.splitlines()[-1] == "[]"


def test_every_verb_of_the_table_exists() -> None:
    for place, line in VERBS.values():
        module, _, attribute = place.partition(":")
        assert isinstance(getattr(import_module(f"tutordex_dagster.cli.{module}"), attribute), click.Command)
        assert line.endswith(".")


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (UsageError("t.me/x", "is unknown", "register it"), 2, "tutordex: t.me/x: is unknown; register it\n"),
        (PermanentError("t.me/x: no source; import one"), 1, "tutordex: t.me/x: no source; import one\n"),
        (TransientError("host: went away; try again"), 1, "tutordex: host: went away; try again\n"),
        (click.UsageError("Missing argument 'FILE'."), 2, "tutordex: Missing argument 'FILE'."),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/b"),
            1,
            "tutordex: /a/b: Permission denied\n",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "tutordex: No space left on device\n"),
        (TimeoutError(), 1, "tutordex: TimeoutError\n"),
    ],
)
def test_an_error_ends_the_command_with_one_line_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: Exception, exit_code: int, line: str
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(Verbs, "get_command", lambda *_: failing)
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == exit_code
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_reader_that_leaves_early_ends_the_command_quietly() -> None:
    """As in `tutordex config docs | head`."""
    read, write = os.pipe()
    os.close(read)
    program = "from tutordex_dagster.cli import main; main()"
    with os.fdopen(write, "wb") as nobody:
        command = [sys.executable, "-c", program, "config", "docs"]
        result = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, check=False)
    assert (result.returncode, result.stderr) == (1, b"")


def test_an_unknown_verb_or_option_is_one_line() -> None:
    for arguments in (["stauts"], ["drain", "--one-shot"], ["backfill", "--max-messages", "0"]):
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        assert "--help`" in result.stderr


def test_the_configuration_reference_is_in_step_with_the_settings() -> None:
    written = (PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == reference(), "run `make docs`"


def test_config_check_names_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTORDEX_HOEM", "x")
    result = CliRunner().invoke(main, ["config", "check"])
    assert result.exit_code == 2
    assert result.stderr.startswith("tutordex: TUTORDEX_HOEM: is no setting;")


def test_config_show_hides_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTORDEX_DATABASE_URL", "postgresql://someone:hunter2@host/name")
    result = CliRunner().invoke(main, ["config", "show"])
    assert result.exit_code == 0
    assert "TUTORDEX_DATABASE_URL" in result.stdout
    assert "hunter2" not in result.stdout


def test_config_show_shows_brackets_and_colons_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_SYSTEM_PROMPT_TEXT", "[INST] be [bold]brief[/bold] :warning: [/INST]")
    result = CliRunner().invoke(main, ["config", "show"])
    assert result.exit_code == 0
    assert "[INST] be [bold]brief[/bold] :warning: [/INST]" in result.stdout


def test_config_docs_prints_the_reference_as_it_is() -> None:
    assert CliRunner().invoke(main, ["config", "docs"]).stdout == reference()


def test_no_line_of_help_is_wider_than_a_hundred_columns() -> None:
    for verb in VERBS:
        output = CliRunner().invoke(main, [verb, "--help"], terminal_width=100).output
        assert all(len(line) <= 100 for line in output.splitlines()), verb


def test_the_console_script_is_this_command() -> None:
    script = Path(sys.executable).with_name("tutordex")
    result = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("tutordex, version ")
