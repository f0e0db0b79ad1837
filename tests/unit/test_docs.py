"""The documents name only what exists, and every verb."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from tutordex_dagster.cli.app import VERBS
from tutordex_dagster.settings import PROJECT, Settings

PAGES = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
TEXTS = {page.relative_to(PROJECT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}

KNOWN = {name.upper() for name in Settings.model_fields}
OTHERS = {"AUTH_KEY_DUPLICATED", "TUTORDEX_TEST_DATABASE_URL", "TUTORDEX_TEST_LLM_URL"}
"""Words in capitals that are no settings: an answer of Telegram, and where the tests find servers."""

_COMMAND = re.compile(r"(?<![\w/-])(?:\.venv/bin/)?tutordex ((?:[\w-]+ ?)[^`\n|]*)")
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_LINK = re.compile(r"\]\(([^)#:]+)\)")


def without_the_old_names(text: str) -> str:
    """Leave the first column of the table of old names out: that they exist no more is its point."""
    head, mark, table = text.partition("| was | is |")
    return head + mark + re.sub(r"^\| .*? \|", "|", table, flags=re.MULTILINE)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every command of ours with the page it is on."""
    for name, text in TEXTS.items():
        for found in _COMMAND.finditer(without_the_old_names(text)):
            yield name, found.group(1).replace("[", "").replace("]", "").split()


def resolve(words: list[str]) -> click.Command:
    """Return the command that the words begin with, down to a group's own."""
    module, _, attribute = VERBS[words[0]][0].partition(":")
    command: click.Command = getattr(import_module(f"tutordex_dagster.cli.{module}"), attribute)
    rest = words[1:]
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    return command


@pytest.mark.parametrize(("page", "words"), commands())
def test_a_command_of_a_page_exists_with_all_its_options(page: str, words: list[str]) -> None:
    assert words[0] in VERBS, page
    command = resolve(words)
    taken = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.rstrip(".,;:)") for word in words if word.startswith("--")} <= {*taken, "--help"}, page
    if isinstance(command, click.Group) and len(words) > 1 and command.commands:
        assert not re.fullmatch(r"[a-z]+", words[1]), f"{page}: {words}"


def test_every_verb_is_explained_on_some_page() -> None:
    named = {words[0] for _, words in commands()}
    assert set(VERBS) <= named, set(VERBS) - named


@pytest.mark.parametrize("page", TEXTS)
def test_a_variable_of_a_page_is_a_setting(page: str) -> None:
    named = set(_VARIABLE.findall(without_the_old_names(TEXTS[page])))
    assert named <= KNOWN | OTHERS


@pytest.mark.parametrize("page", TEXTS)
def test_a_link_of_a_page_leads_to_a_file(page: str) -> None:
    folder = (PROJECT / page).parent
    assert all((folder / Path(link)).exists() for link in _LINK.findall(TEXTS[page]))


def test_every_old_command_of_the_documents_has_its_new_one() -> None:
    table = TEXTS["docs/modes.md"].partition("| was | is |")[2]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith(("| `", "| s"))]
    was = " ".join(row[0] for row in rows)
    for old in ("live", "tail", "backfill", "enqueue"):
        assert f"`collector.py {old}`" in was
    for old in ("workers/extract_worker.py", "ingest.py", "supervisor.py", "start.sh", "collector-tail"):
        assert f"`{old}`" in was
    assert all(len(row) == 2 and len(row[1]) > 3 for row in rows)
