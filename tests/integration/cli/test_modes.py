"""The commands of docs/modes.md, section by section, as they are written there."""

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from tests.integration.cli.conftest import record
from tests.integration.cli.test_dagster import dagster_database
from tutordex_dagster.resources.services import Services
from tutordex_dagster.settings import PROJECT
from tutordex_dagster.windows import Window

__all__ = ["dagster_database"]

Command = Callable[..., Result]

NEW_CHANNELS_HOURS = Window(datetime(2025, 12, 28, 18, tzinfo=UTC), datetime(2025, 12, 29, tzinfo=UTC))
VERSION = "2025-12-31_schema_v3"
LONG_RUNNING = {"up", "tail"}
"""Verbs that run until they are stopped; the acceptance tests start them as processes."""

_SECTION = re.compile(r"^## ((?:Mode \d|Scenario): .*)$", re.MULTILINE)
_COMMAND = re.compile(r"^    ((?:\w+=\S+ )*)tutordex (.+)$", re.MULTILINE)


def sections() -> dict[str, list[tuple[dict[str, str], list[str]]]]:
    """Return the commands of every section: variables in front, and words."""
    parts = _SECTION.split((PROJECT / "docs" / "modes.md").read_text(encoding="utf-8"))
    return {
        title: [
            (dict(word.split("=", 1) for word in variables.split()), words.split())
            for variables, words in _COMMAND.findall(body.partition("\n## ")[0])
        ]
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_there_are_four_modes_and_six_scenarios_each_with_commands() -> None:
    found = sections()
    assert [title[:6] for title in found] == ["Mode 1", "Mode 2", "Mode 3", "Mode 4", *["Scenar"] * 6]
    assert all(found.values())
    assert {words[0] for _, words in found["Mode 1: live"]} <= LONG_RUNNING


@pytest.fixture
def december(tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Have recordings and a grid that begin before the page's windows, and the version it talks about."""
    pipelines, recordings = tmp_path / "pipelines", tmp_path / "recordings"
    shutil.copytree(PROJECT / "pipelines", pipelines)
    text = (pipelines / "rules.yaml").read_text(encoding="utf-8")
    (pipelines / f"{VERSION}.yaml").write_text(
        text.replace("name: rules", f"name: {VERSION}"), encoding="utf-8"
    )
    record(recordings, "newchannel", 903)
    for file in recordings.iterdir():
        file.write_text(
            file.read_text(encoding="utf-8").replace("2026-01-05", "2025-12-01"), encoding="utf-8"
        )
    monkeypatch.setenv("TUTORDEX_PIPELINES", str(pipelines))
    monkeypatch.setenv("GRID_START", "2025-12-01T00:00:00+00:00")
    return services


def test_the_commands_of_every_section_work_one_after_the_other(
    tutordex: Command, december: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One database for all, and a window is read only once: Dagster's runs take nearly all the time."""
    read: list[list[str]] = []
    commands = [
        command for title, found in sections().items() if not title.startswith("Mode 1") for command in found
    ]
    for variables, words in commands:
        if words in read:
            continue
        read += [words] if words[0] == "backfill" else []
        with monkeypatch.context() as environment:
            for name, value in variables.items():
                environment.setenv(name, value)
            # The doctor misses an account, which the recordings of this test do without.
            tutordex(*words, exit_code=1 if words[0] == "doctor" else 0)
    tutordex("drain", "--version", VERSION, "--oneshot")  # what it was given as it became live
    backlog = december.queue.backlog()
    assert {row.status for row in backlog} <= {"ok", "skipped"}
    assert {row.version for row in backlog} >= {"rules", VERSION}
    assert december.coverage.hours(903, NEW_CHANNELS_HOURS)
    assert any(row.version.startswith("smoke_") for row in backlog)
