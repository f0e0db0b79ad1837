"""The command group and the one error boundary of the terminal.

Verbs are loaded when they are called, and what they work with inside them: `--help` waits for nothing.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from typing_extensions import override

from tutordex_dagster.cli.console import setup_logging
from tutordex_dagster.errors import TutorDexError, UsageError, plain

VERBS: Mapping[str, tuple[str, str]] = {
    "up": ("up:up", "Start everything on this machine: database, Dagster UI, automation."),
    "login": ("login:login", "Sign in to Telegram and keep the session in a file."),
    "tail": ("tail:tail", "Follow new posts, edits and deletions within a second."),
    "status": ("status:status", "Show what is wrong, coverage, backlog, assignments and what is running."),
    "import": ("import_export:import_export", "Take in a Telegram Desktop export."),
    "backfill": ("backfill:backfill", "Read a window of channels from their sources."),
    "enqueue": ("enqueue:enqueue", "Queue stored messages for extraction, without reading any source."),
    "drain": ("drain:drain", "Work through the extraction queue of a version."),
    "promote": ("promote:promote", "Make a version the live one, which `assignments` shows."),
    "rollback": ("promote:rollback", "Make the version live again that was it before."),
    "version": ("version:version", "List the pipeline versions, or name a new one."),
    "prune": ("prune:prune", "Export and delete the results of a version nobody needs any more."),
    "duplicates": ("duplicates:duplicates", "List assignments that several agencies likely advertise."),
    "extract": ("extract:extract", "Extract a file of posts without a database."),
    "smoke": ("smoke:smoke", "After a deployment: a few stored posts through the extraction, and a verdict."),
    "ab": ("ab:ab", "Compare pipeline versions over the same posts, with statistics and a report."),
    "quality": ("quality:quality", "Score a version on labelled posts, field by field."),
    "channels": ("channels:channels", "List the channels and where they come from."),
    "sessions": ("sessions:sessions", "List the Telegram sessions, or allow a parked one again."),
    "breaker": ("breaker:breaker", "Show or reset the circuit breakers."),
    "dead": ("dead:dead", "List, show, retry or discard extractions that are out of attempts."),
    "db": ("db:db", "Migrate or check the database."),
    "config": ("config:config", "Show, check or document the settings."),
    "doctor": ("doctor:doctor", "Look for what is wrong and say what to do."),
}
"""Every verb: where it lives, and its line in `--help`."""


class Stop(click.ClickException):
    """The end of a command as one line on stderr: something went wrong."""

    @override
    def show(self, file: Any = None) -> None:
        click.echo(f"tutordex: {self.message}", err=True, file=file)


class BadInput(Stop):
    """The end of a command as one line on stderr: what a person gave cannot be used."""

    exit_code = 2


class Verbs(click.Group):
    """Imports a verb when it is used; ends its errors as one line, with exit code 2 for bad input, else 1."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"tutordex_dagster.cli.{module}"), attribute)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise BadInput(str(error)) from error
        except TutorDexError as error:
            raise Stop(str(error)) from error
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "tutordex"
            raise BadInput(f"{error.format_message()} See `{where} --help`.") from error
        except BrokenPipeError:  # whoever read the output has seen enough: click ends quietly
            raise
        except OSError as error:
            raise Stop(plain(error)) from error


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tutordex-dagster")
def main() -> None:
    """Turn tuition posts of Telegram channels into assignments.

    Start with `tutordex up`; settings come from the environment and `.env` (`tutordex config show`).
    """
    setup_logging()
