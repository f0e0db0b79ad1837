"""The documents' A/B test: two system prompts on one model, over the same posts, in one command."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.integration.dagster.test_lane import served
from tests.llm_server.replies import NOTHING, answer_of
from tutordex_dagster.extraction.llm import REVISION
from tutordex_dagster.windows import HOUR

Command = Callable[..., Result]
Posts = Callable[[int], datetime]

ARMS = ("ab_2025-12-31_promptA_modelA", "ab_2025-12-31_promptB_modelB")


def brain(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the code as prompt A asks for, and nothing as prompt B does."""
    asked = json.dumps(request)
    code = re.search(r"Code: (T\d+)", asked)
    if "PROMPT B" in asked or code is None:
        return answer_of({**NOTHING, "academic_display_text": "P5 Maths"})
    return answer_of({**NOTHING, "academic_display_text": "P5 Maths", "assignment_code": code.group(1)})


@pytest.fixture
def arms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, datetime], None]:
    """Give a function that writes both versions, asking at an address, and their experiment over an hour."""
    pipelines, experiments = tmp_path / "pipelines", tmp_path / "experiments"
    pipelines.mkdir()
    experiments.mkdir()
    monkeypatch.setenv("TUTORDEX_PIPELINES", str(pipelines))
    monkeypatch.setenv("TUTORDEX_EXPERIMENTS", str(experiments))
    monkeypatch.setenv("EXTRACTION_PIPELINE_VERSION", ARMS[0])

    def write(url: str, hour: datetime) -> None:
        for letter, name in zip("AB", ARMS, strict=True):
            parameters = {
                "api_url": url,
                "model": f"model{letter}",
                "prompt_text": f"PROMPT {letter}: read the post.",
                "few_shot": "none",
                "dialect": "json_schema",
                "price_prompt": 2.0,
                "price_completion": 4.0,
            }
            (pipelines / f"{letter}.yaml").write_text(
                f"name: {name}\nextractor: llm\nrevision: {REVISION}\ndescription: An arm.\n"
                f"parameters: {json.dumps(parameters)}\n",
                encoding="utf-8",
            )
        (experiments / "prompts.yaml").write_text(
            f"name: prompts\ndescription: Two prompts.\nversions: {json.dumps(ARMS)}\n"
            f"since: {hour.isoformat()}\nuntil: {(hour + HOUR).isoformat()}\n",
            encoding="utf-8",
        )

    return write


def test_two_prompts_are_compared_with_their_tokens_costs_and_fingerprints(
    tutordex: Command, posts: Posts, home: Path, arms: Callable[[str, datetime], None]
) -> None:
    hour = posts(6)
    with served("valid") as server:
        server.brain = brain
        arms(server.url, hour)
        said = tutordex("ab", "run", "prompts").stdout
        assert {request["model"] for request in server.requests} == {"modelA", "modelB"}
    assert "(6 posts of 1 channels)" in said
    folder = home / "comparisons" / "prompts" / "_vs_".join(ARMS)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for arm in (summary["a"], summary["b"]):
        assert arm["ends"] == {"ok": 6}
        assert arm["tokens"] == {"prompt": 7200, "completion": 1080}
        assert arm["cost"] == pytest.approx(6 * (1200 * 2 + 180 * 4) / 1e6)
        assert arm["latency_p50_ms"] is not None
        assert list(arm["prompts"].values()) == [6]
    assert summary["a"]["prompts"].keys() != summary["b"]["prompts"].keys()
    code = next(row for row in summary["fields"] if row["field"] == "assignment_code")
    assert (code["filled_a"], code["filled_b"], code["agree"]) == (6, 0, 0)


def test_a_server_that_is_away_ends_the_run_with_a_next_step_and_the_next_run_goes_on(
    tutordex: Command, posts: Posts, arms: Callable[[str, datetime], None]
) -> None:
    hour = posts(3)
    with served("401") as server:
        arms(server.url, hour)
        said = tutordex("ab", "run", "prompts", exit_code=1).stderr
        assert "then run the experiment again: it goes on" in said
        server.mode, server.brain = "valid", brain
        tutordex("breaker", "reset", f"llm:{ARMS[0]}")
        assert "(3 posts of 1 channels)" in tutordex("ab", "run", "prompts").stdout
