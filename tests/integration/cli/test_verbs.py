"""The verbs that work on the store alone: what they change, and what they say."""

import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import Result

from tutordex_dagster.cli import drain as drain_module
from tutordex_dagster.extraction import llm
from tutordex_dagster.extraction.gold import load_gold
from tutordex_dagster.resources.services import Services

Command = Callable[..., Result]
Posts = Callable[[int], datetime]
Exported = Callable[[int], Path]


def test_drain_oneshot_empties_the_queue_and_brings_assignments_up_to_date(
    tutordex: Command, services: Services, posts: Posts
) -> None:
    posts(7)
    result = tutordex("drain", "--oneshot")
    assert result.stdout == "rules: 7 jobs (7 ok, 0 skipped, 0 failed, 0 dead)\n"
    assert services.assignments.stats().open == 7
    assert "0 jobs" in tutordex("drain", "--oneshot").stdout


def test_drain_of_another_version_leaves_assignments_alone(
    tutordex: Command, services: Services, posts: Posts
) -> None:
    posts(3)
    tutordex("enqueue", "--version", "rules-strict")
    assert tutordex("drain", "--version", "rules-strict", "--oneshot").stdout.startswith(
        "rules-strict: 3 jobs"
    )
    assert services.assignments.stats().open == 0
    assert services.queue.due("rules").jobs == 3


def test_the_version_can_be_overridden_for_one_command(
    tutordex: Command, services: Services, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts(2)
    monkeypatch.setenv("EXTRACTION_PIPELINE_VERSION", "rules-strict")
    assert tutordex("enqueue").stdout.startswith("rules-strict: 2 jobs from 1 channels")
    assert services.queue.due("rules-strict").jobs == 2


def test_drain_stops_after_max_jobs_by_flag_and_by_variable(
    tutordex: Command, services: Services, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts(9)
    assert tutordex("drain", "--max-jobs", "4").stdout.startswith("rules: 4 jobs")
    monkeypatch.setenv("EXTRACTION_WORKER_MAX_JOBS", "3")
    assert tutordex("drain").stdout.startswith("rules: 3 jobs")
    assert services.queue.due("rules").jobs == 2


def test_drain_waits_for_more_work_until_it_is_told_to_stop(
    tutordex: Command, services: Services, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --oneshot an empty queue is no reason to leave, and Ctrl-C is no reason to fail."""
    monkeypatch.setattr(drain_module, "IDLE_SECONDS", 0.01)
    posts(2)
    late = threading.Event()

    def more() -> None:
        while services.queue.due("rules").jobs:
            late.wait(0.02)
        posts(5)
        while services.queue.due("rules").jobs:
            late.wait(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=more)
    helper.start()
    result = tutordex("drain")
    helper.join()
    assert result.stdout.startswith("rules: 5 jobs (5 ok")


@pytest.fixture
def with_llm(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Add a version that asks a language model, which no setting names."""
    for file in services.settings.tutordex_pipelines.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "llm.yaml").write_text(
        f"name: llm\nextractor: llm\nrevision: {llm.REVISION}\ndescription: Asks.\n", encoding="utf-8"
    )
    monkeypatch.setenv("TUTORDEX_PIPELINES", str(tmp_path))


@pytest.mark.usefixtures("with_llm")
def test_the_doctor_looks_at_the_model_of_the_version_that_commands_work_on(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "language model" not in tutordex("doctor").stdout
    monkeypatch.setenv("EXTRACTION_PIPELINE_VERSION", "llm")
    said = tutordex("doctor", exit_code=1).stdout
    assert "fail language model   version llm asks a language model, but LLM_API_URL is not set" in said


@pytest.mark.usefixtures("with_llm")
def test_a_version_that_cannot_ask_is_stopped_and_says_what_to_set(tutordex: Command, posts: Posts) -> None:
    posts(2)
    tutordex("enqueue", "--version", "llm")
    said = tutordex("drain", "--version", "llm", "--oneshot").stdout
    assert said.startswith("llm: 0 jobs")
    assert "llm:llm is stopped (version llm: has no server to ask; set LLM_API_URL" in said
    assert "tutordex breaker reset llm:llm" in tutordex("status").stdout
    assert "llm:llm" in tutordex("doctor", exit_code=1).stdout
    assert tutordex("breaker", "reset", "llm:llm").stdout.startswith("llm:llm: closed (it was stopped)")


def test_a_long_drain_projects_between_its_rounds(
    tutordex: Command, services: Services, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "ROUND", 2)
    posts(5)
    assert tutordex("drain", "--max-jobs", "5").stdout.startswith("rules: 5 jobs")
    assert services.assignments.stats().open == 5


def test_enqueue_takes_only_the_window_and_the_channels_asked_for(
    tutordex: Command, services: Services, posts: Posts
) -> None:
    hour = posts(4).isoformat()
    version = ("--version", "rules-strict")
    assert "0 jobs" in tutordex("enqueue", "--until", hour, *version).stdout
    assert "2 jobs" in tutordex("enqueue", "--since", hour, "--max-messages", "2", *version).stdout
    assert "2 jobs" in tutordex("enqueue", "--channels", '["@FIRST_demo"]', *version).stdout
    assert "0 jobs" in tutordex("enqueue", *version).stdout
    tutordex("drain", "--oneshot", "--version", "rules-strict")
    assert "0 jobs" in tutordex("enqueue", *version).stdout
    assert "4 jobs" in tutordex("enqueue", "--force", *version).stdout
    assert services.queue.due("rules-strict").jobs == 4


def test_import_registers_stores_and_enqueues_and_a_second_time_adds_nothing(
    tutordex: Command, services: Services, export: Exported
) -> None:
    path = str(export(5))
    first = tutordex("import", path, "--channel", "https://t.me/Imported").stdout
    assert "5 new, 0 edited, 0 known; 10 jobs enqueued" in first
    assert "2 hours sealed, 1 open, 0 failed" in first
    again = tutordex("import", path, "--channel", "@imported").stdout
    assert "0 new, 0 edited, 5 known; 0 jobs enqueued" in again
    (channel,) = services.channels.by_reference(["t.me/imported"])
    assert (channel.channel_id, channel.source_kind) == (1234567890, "export")
    assert len(services.channels.exports(channel.channel_id)) == 1
    tutordex("drain", "--oneshot")
    assert services.assignments.stats().by_channel == {"t.me/imported": 5}


def test_import_stores_raw_only_when_the_queue_is_switched_off(
    tutordex: Command, services: Services, export: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRACTION_QUEUE_ENABLED", "0")
    assert (
        "5 new, 0 edited, 0 known; 0 jobs"
        in tutordex("import", str(export(5)), "--channel", "@imported").stdout
    )
    assert services.queue.backlog() == []


def test_status_shows_hours_backlog_and_assignments(tutordex: Command, posts: Posts) -> None:
    posts(3)
    tutordex("drain", "--max-jobs", "2")
    output = tutordex("status").stdout
    assert all(len(line) <= 100 for line in output.splitlines())
    assert "t.me/first_demo" in output
    assert "rules (live)" in output
    assert "2 open, 0 closed" in output


def test_status_as_json_can_be_read_by_a_program(tutordex: Command, posts: Posts) -> None:
    hour = posts(3)
    record = json.loads(tutordex("status", "--json").stdout)
    assert (record["timezone"], record["live_version"], record["runs"]) == ("UTC", "rules", None)
    (channel,) = record["channels"]
    assert (channel["channel"], channel["messages"]) == ("t.me/first_demo", 3)
    assert channel["first_hour"] == hour.isoformat()
    assert record["backlog"]["rules"]["pending"] == 3


def test_status_of_an_empty_database_says_how_to_begin(tutordex: Command) -> None:
    assert tutordex("status").stdout.startswith("No channels yet:")


def test_channels_lists_where_each_is_read_from(tutordex: Command, posts: Posts) -> None:
    posts(1)
    output = tutordex("channels").stdout
    assert "t.me/first_demo" in output
    assert "recorded" in output


def test_doctor_is_content_with_a_migrated_database(tutordex: Command) -> None:
    output = tutordex("doctor").stdout
    assert "fail" not in output
    assert "database         reachable and migrated" in output
    assert "2 readable" in output


def test_extract_reads_posts_and_writes_assignments_without_a_database(
    tutordex: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORDEX_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    posts = tmp_path / "posts.jsonl"
    posts.write_text('{"raw": "Code: A1\\nP5 Maths\\n$40/hr"}\nnot json\n', encoding="utf-8")
    result = tutordex("extract", str(posts), "-o", str(tmp_path / "out.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[0]["extraction"]["assignment_code"] == "A1"
    assert "not JSON" in lines[1]["error"]
    assert result.stderr == "rules: 1 posts with assignments, 0 without, 1 lines that are no posts\n"
    assert tutordex("extract", str(posts)).stdout.count("\n") == 2


def test_quality_shows_every_field_and_agency_without_a_database(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTORDEX_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    lines = tutordex("quality", "--version", "rules-strict").stdout.splitlines()
    assert lines[0].rstrip() == "rules-strict on 178 labelled posts"
    first = [line.split()[0] for line in lines if line]
    assert {"outcome", "assignment_code", "rate.min", "time_availability", "closes", "mean"} <= set(first)
    assert any(line.startswith("Void Deck Tutors") for line in lines)


def test_quality_keeps_a_score_for_promotion_when_told_to(tutordex: Command, services: Services) -> None:
    gold = load_gold(services.settings.tutordex_gold).digest
    tutordex("quality", "--version", "rules-strict")
    assert services.scores.cards({"rules-strict"}, gold=gold) == []
    tutordex("quality", "--version", "rules-strict", "--keep")
    assert len(services.scores.cards({"rules-strict"}, gold=gold)) == 1


def test_quality_lists_the_posts_that_disagree_in_a_field(
    tutordex: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = tmp_path / "mine.yaml"
    gold.write_text(
        "agency: Mine\nposts:\n- post: Good morning [all]\n  expected: {reason: promo}\n", encoding="utf-8"
    )
    monkeypatch.setenv("TUTORDEX_GOLD", str(gold))
    output = tutordex("quality", "--errors", "outcome").stdout
    assert output == ("Mine 1: wrong: labelled 'promo', read 'other'\noutcome: 1 disagreements.\n")


def test_quality_of_an_unknown_field_lists_the_known_ones(tutordex: Command) -> None:
    result = tutordex("quality", "--errors", "adress", exit_code=2)
    assert "adress: is no scored field; choose from: outcome, assignment_code" in result.stderr
