"""Two prompts from YAML to report, to being live and back again: through Dagster and at the terminal."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy, rmtree
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.acceptance.harness import HOUR, System, free_port, record, settings_of, wait_for
from tests.acceptance.launching import ended, launch_asset, launch_job
from tests.integration.dagster.test_lane import served
from tests.llm_server.replies import NOTHING, answer_of
from tutordex_dagster.extraction.llm import REVISION
from tutordex_dagster.settings import PROJECT
from tutordex_dagster.store.embedded import start_embedded

A, B = "prompt-a", "prompt-b"
RECORDINGS = (("alpha_demo", 901, 2), ("beta_demo", 902, 2))
NOW = (datetime.now(UTC) - timedelta(minutes=5)).replace(minute=0, second=0, microsecond=0)
WINDOW = (NOW - 8 * HOUR, NOW)
POSTS = 2 * 2 * 8

GOLD = r"""
agency: One
posts:
- post: "Code: G100\nP5 Maths\n$40/hr"
  expected:
    kind: assignment
    segments:
    - assignment_code: G100
      academic_display_text: P5 Maths
      rate: {min: 40, max: 40, raw_text: $40/hr}
      subjects: [Mathematics]
      levels: [Primary 5]
"""
"""A labelled post that the rules read right, and prompt B too."""

JOBS = """
SELECT e.channel_id, message.message_id, e.pipeline_version, e.status::text, e.reason, e.result
FROM telegram_extractions AS e JOIN telegram_messages_raw AS message USING (raw_id)
WHERE e.pipeline_version = ANY(%s) AND e.posted_at >= %s AND e.posted_at < %s
ORDER BY e.channel_id, message.message_id, e.pipeline_version
"""
SHOWN = """
SELECT (to_jsonb(shown) - '{raw_id,updated_at}'::text[])::text FROM assignments AS shown
WHERE posted_at >= %s AND posted_at < %s ORDER BY channel_id, message_id, segment
"""


def brain(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read what the prompt asks for: the headline with A, with B the code and the rate too."""
    asked, post = json.dumps(request["messages"]), request["messages"][-1]["content"]
    found = {**NOTHING, "academic_display_text": "P5 Maths"}
    code = re.search(r"Code: (\w+)", post)
    if "PROMPT B" in asked and code:
        found["assignment_code"] = code.group(1)
        found["rate"] = {"min": 40, "max": 40, "raw_text": "$40/hr"}
    return answer_of(found)


def write_files(folder: Path, url: str) -> dict[str, str]:
    """Write recordings, versions, their experiment and labelled posts; return the settings that name them."""
    for name in ("recordings", "pipelines", "experiments"):
        (folder / name).mkdir()
    for name, channel_id, per_hour in RECORDINGS:
        record(folder / "recordings" / f"{name}.jsonl", channel_id, per_hour)
    copy(PROJECT / "pipelines" / "rules.yaml", folder / "pipelines")
    for name, letter in ((A, "A"), (B, "B")):
        parameters = {
            "api_url": url,
            "model": "stub-model",
            "prompt_text": f"PROMPT {letter}: read the post.",
            "few_shot": "none",
            "dialect": "json_schema",
            "price_prompt": 2.0,
            "price_completion": 4.0,
        }
        (folder / "pipelines" / f"{name}.yaml").write_text(
            f"name: {name}\nextractor: llm\nrevision: {REVISION}\ndescription: An arm.\n"
            f"parameters: {json.dumps(parameters)}\n"
        )
    (folder / "experiments" / "prompts.yaml").write_text(
        f"name: prompts\ndescription: Two prompts.\nversions: [{A}, {B}]\n"
        f"since: {WINDOW[0].isoformat()}\nuntil: {WINDOW[1].isoformat()}\n"
    )
    (folder / "gold.yaml").write_text(GOLD)
    return {
        "INITIAL_HISTORY_HOURS": "10",
        "TUTORDEX_PIPELINES": str(folder / "pipelines"),
        "TUTORDEX_EXPERIMENTS": str(folder / "experiments"),
        "TUTORDEX_GOLD": str(folder / "gold.yaml"),
    }


@pytest.fixture(scope="module")
def homes() -> Iterator[tuple[System, System]]:
    """Give one home where `tutordex up` runs, and one where nothing does; both read the same files."""
    folder = Path(mkdtemp(prefix="tutordex-"))
    with served("valid") as server:
        server.brain = brain
        settings = settings_of(folder, write_files(folder, server.url))
        ui, terminal = (
            System(folder=folder / name, port=free_port(), settings=settings) for name in ("ui", "terminal")
        )
        for system in (ui, terminal):
            system.folder.mkdir()
        postgres = start_embedded(terminal.home / "postgres")
        try:
            ui.start()
            yield ui, terminal
        finally:
            if ui.process and ui.process.poll() is None:
                ui.stop()
            postgres.stop()
    rmtree(folder)


@pytest.fixture(scope="module")
def ui(homes: tuple[System, System]) -> System:
    """Give the home with the UI, once the live version has read the window."""
    ui, _ = homes
    wait_for("the live version", lambda: len(rows(ui, "rules")) == POSTS and len(shown(ui)) == POSTS)
    return ui


@pytest.fixture(scope="module")
def terminal(homes: tuple[System, System]) -> System:
    """Give the home without any, once the live version has read the window."""
    _, terminal = homes
    terminal.run("db", "migrate")
    terminal.run("backfill", "--overlap-minutes", "0")
    assert len(rows(terminal, "rules")) == len(shown(terminal)) == POSTS
    return terminal


@pytest.fixture(scope="module")
def before(ui: System, terminal: System) -> list[str]:
    """Give what `assignments` shows in both homes before anything is compared or promoted."""
    assert shown(ui) == shown(terminal)
    assert rows(ui, "rules") == rows(terminal, "rules")
    return shown(ui)


def rows(system: System, *versions: str) -> list[tuple[Any, ...]]:
    """Return what became of the window's posts, ids and times aside."""
    return system.sql(JOBS, list(versions), *WINDOW)


def shown(system: System) -> list[str]:
    """Return the assignments of the window's posts byte for byte, ids and times aside."""
    return [text for (text,) in system.sql(SHOWN, *WINDOW)]


def report(system: System) -> dict[str, Any]:
    """Return the numbers of the report, times aside."""
    folder = system.home / "comparisons" / "prompts" / f"{A}_vs_{B}"
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    del summary["compared_at"]
    for arm in (summary["a"], summary["b"]):
        del arm["latency_p50_ms"], arm["latency_p95_ms"]
    return summary


def test_an_experiment_ends_in_the_same_rows_and_numbers_and_shows_nothing(
    ui: System, terminal: System, before: list[str]
) -> None:
    live = rows(ui, "rules")
    assert rows(ui, A, B) == rows(terminal, A, B) == []
    run = launch_asset(ui, "comparisons", "prompts")
    terminal.run("ab", "run", "prompts")
    assert ended(ui, run) == "SUCCESS"

    assert len(rows(ui, A, B)) == 2 * POSTS
    assert rows(ui, A, B) == rows(terminal, A, B)
    assert report(ui) == report(terminal)
    codes = next(row for row in report(ui)["fields"] if row["field"] == "assignment_code")
    assert (codes["filled_a"], codes["filled_b"]) == (0, POSTS)
    assert shown(ui) == shown(terminal) == before
    assert rows(ui, "rules") == rows(terminal, "rules") == live


def test_a_prompt_that_reads_the_labelled_post_well_is_shown_in_both_homes_and_taken_back(
    ui: System, terminal: System, before: list[str]
) -> None:
    run = launch_asset(ui, "extraction_quality", "prompt_b", checks=["no_drop"])
    terminal.run("quality", "--version", B, "--keep")
    assert ended(ui, run) == "SUCCESS"

    run = launch_job(ui, "promote", "promote_version", version=B)
    terminal.run("promote", B)
    assert ended(ui, run) == "SUCCESS"
    assert shown(ui) == shown(terminal) != before
    assert {json.loads(row)["pipeline_version"] for row in shown(ui)} == {B}

    run = launch_job(ui, "rollback", "roll_back")
    terminal.run("rollback")
    assert ended(ui, run) == "SUCCESS"
    assert shown(ui) == shown(terminal) == before
