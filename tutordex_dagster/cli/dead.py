"""`tutordex dead`: extractions that are out of attempts, and what to do with them by hand."""

from typing import TYPE_CHECKING

import click
from rich.markup import escape

from tutordex_dagster.cli.console import instant, say, stdout, table
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.identity import os_user

if TYPE_CHECKING:
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.store.dead_letters import DeadLetters, OpenedLetter

NONE_DEAD = "no extraction is dead"

_VERSION = click.option("--version", "name", help="Pipeline version. Default: all of them.")


@click.group()
def dead() -> None:
    """List, show, retry or discard extractions that are out of attempts."""


@dead.command("list")
@_VERSION
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The latest so many.")
def list_letters(name: str | None, limit: int) -> None:
    """List dead extractions, the latest first, with what killed them."""
    rows = table("Dead extractions", "raw id", "version", "post", "died (UTC)", "attempts", "why")
    with open_session() as services:
        letters, versions = _letters(services, name)
        for letter in letters.all(versions, limit=limit):
            rows.add_row(
                str(letter.raw_id),
                letter.version,
                f"{letter.reference}/{letter.message_id}",
                instant(letter.died_at),
                str(letter.attempts),
                escape(letter.error_class or "-"),
            )
    if rows.row_count:
        stdout().print(rows)
    else:
        say(NONE_DEAD)


@dead.command("show")
@click.argument("raw_id", type=int)
@_VERSION
def show(raw_id: int, name: str | None) -> None:
    """Show the dead extractions of the post RAW_ID: its text, and the answer that was of no use."""
    with open_session() as services:
        letters, versions = _letters(services, name)
        found = letters.open(raw_id, versions)
    if not found:
        raise UsageError(raw_id, "is no dead extraction", "tutordex dead list shows them")
    for letter in found:
        click.echo(_opened(letter))


@dead.command("retry")
@click.argument("raw_ids", type=int, nargs=-1)
@_VERSION
@click.option("--all", "every", is_flag=True, help="Every dead extraction of every version.")
def retry(raw_ids: tuple[int, ...], name: str | None, *, every: bool) -> None:
    """Give dead extractions their attempts back, after what killed them was put right.

    Those of the posts RAW_IDS, of a version, or all.
    """
    if not raw_ids and name is None and not every:
        raise UsageError("dead retry", "names nothing", "give raw ids, --version NAME or --all")
    with open_session() as services:
        letters, versions = _letters(services, name)
        jobs = letters.retry(versions, raw_ids or None, at=services.clock(), actor=os_user())
    say(f"{jobs} dead {'extraction waits' if jobs == 1 else 'extractions wait'} for another attempt.")


@dead.command("discard")
@click.argument("raw_ids", type=int, nargs=-1, required=True)
@_VERSION
def discard(raw_ids: tuple[int, ...], name: str | None) -> None:
    """Give the posts RAW_IDS up: they count as posts without an assignment."""
    with open_session() as services:
        letters, versions = _letters(services, name)
        jobs = letters.discard(versions, raw_ids, at=services.clock(), actor=os_user())
    say(f"{jobs} dead {'extraction is' if jobs == 1 else 'extractions are'} discarded.")


def _letters(services: "Services", name: str | None) -> "tuple[DeadLetters, list[str]]":
    """Return the dead letters and the versions to look at; UsageError when nobody knows that version."""
    from tutordex_dagster.store.dead_letters import DeadLetters

    letters = DeadLetters(services.database)
    versions = letters.versions(name)
    if name is not None and not versions:
        versions = [services.pipeline(name).name]
    return letters, versions


def _opened(letter: "OpenedLetter") -> str:
    times = f"posted {instant(letter.posted_at)} UTC, died {instant(letter.died_at)} UTC"
    lines = [
        f"raw id {letter.raw_id}, version {letter.version}, {letter.reference}/{letter.message_id}",
        f"{times} after {letter.attempts} attempts",
        f"{letter.error_class}: {letter.message}",
        *(f"{name}: {value}" for name, value in letter.meta.items()),
        "",
        "--- post",
        letter.text,
    ]
    if letter.artifact is not None:
        lines += ["--- answer", letter.artifact]
    return "\n".join(lines)
