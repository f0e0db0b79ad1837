"""Where a language model version meets the rest: opening, its logs, the doctor, a file of posts."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from tests.integration.llm.world import PROJECT, opened, run, said, version
from tests.llm_server.replies import POST, SEGMENT, answer_of
from tests.llm_server.stub import StubServer
from tutordex_dagster.cli.llm_findings import llm_findings
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.failures import LaneUnavailable
from tutordex_dagster.extraction.files import LineCounts, answer_lines
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.operations.doctor import Finding
from tutordex_dagster.resources.llm import open_extractor
from tutordex_dagster.resources.pipelines import load_versions
from tutordex_dagster.resources.services import FIRST_VERSION, find_pipeline
from tutordex_dagster.settings import Settings

PLAIN = Settings(_env_file=None)
EXAMPLES = PROJECT / "examples" / "pipelines"


def settings(**changes: object) -> Settings:
    """Return settings whose live version is the example that asks a language model."""
    live = {"tutordex_pipelines": EXAMPLES, "extraction_pipeline_version": "llm"}
    return PLAIN.model_copy(update=live | changes)


def test_a_version_of_rules_is_opened_like_any_other_and_asks_nobody() -> None:
    async def body() -> None:
        spec = PipelineSpec(name="r", extractor="rules", revision=rules.REVISION, description="d")
        async with open_extractor(spec, PLAIN) as extractor:
            answer = await extractor.answer(POST)
        assert answer.outcome == rules.build({}).extract(POST)
        assert answer.meta == {}

    run(body)


def test_an_opened_version_answers_with_all_that_is_stored_beside_an_answer() -> None:
    async def body() -> None:
        async with StubServer() as stub:
            given = settings(llm_api_url=stub.url, llm_model_name="stub-model", llm_price_prompt=2.0)
            spec = next(each for each in load_versions(given) if each.name == "llm")
            async with open_extractor(spec, given) as extractor:
                meta = (await extractor.answer(POST)).meta
        assert set(meta) == {
            *("prompt", "model", "dialect", "fingerprint", "tokens"),
            *("latency_ms", "cost", "repairs", "dropped", "calls"),
        }
        prompt: Any = meta["prompt"]
        assert set(prompt) == {"sha256", "source", "length"}
        assert prompt["source"] == "prompts/extraction.md"
        assert (meta["model"], meta["dialect"], meta["calls"]) == ("stub-model", "json_schema", 1)
        assert meta["cost"] == pytest.approx(0.0024)
        assert orjson.dumps(dict(meta))

    run(body)


def test_tokens_a_server_does_not_count_are_estimated_and_say_so() -> None:
    async def body() -> None:
        async with opened("usage missing") as on:
            tokens: Any = (await on.extractor.answer(POST)).meta["tokens"]
        assert tokens["estimated"]
        assert 500 < tokens["prompt"] < 2000
        assert tokens["total"] == tokens["prompt"] + tokens["completion"]

    run(body)


def test_opening_says_whose_prompt_is_used_and_that_a_file_won(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        async with StubServer() as stub:
            file = tmp_path / "p.md"
            file.write_text("Read well.", encoding="utf-8")
            spec = version(stub.url, prompt_file=str(file), prompt_text="Not this one.")
            async with open_extractor(spec, PLAIN.model_copy(update={"llm_api_key": SecretStr("sk-canary")})):
                pass

    with caplog.at_level(logging.INFO):
        run(body)
    assert "p.md prompt_sha256=" in caplog.text
    assert "event=prompt_text_ignored" in caplog.text
    assert "sk-canary" not in caplog.text


def findings(given: Settings) -> list[Finding]:
    live = find_pipeline(load_versions(given), given.extraction_pipeline_version or FIRST_VERSION)
    return list(llm_findings(live, given))


def test_the_doctor_asks_the_server_of_a_live_language_model() -> None:
    async def body() -> None:
        async with StubServer() as stub:
            given = settings(llm_api_url=stub.url, llm_model_name="stub-model")
            (well,) = await asyncio.to_thread(findings, given)
            (other,) = await asyncio.to_thread(
                findings, given.model_copy(update={"llm_model_name": "another"})
            )
        assert (well.level, other.level) == ("ok", "warn")
        assert "does not list another; it lists stub-model" in other.detail
        (gone,) = await asyncio.to_thread(findings, given)
        assert gone.level == "fail"
        assert "ConnectError" in gone.detail
        assert gone.next_step

    run(body)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [({}, "LLM_API_URL"), ({"llm_api_url": "http://127.0.0.1:9/v1"}, "LLM_MODEL_NAME")],
)
def test_the_doctor_says_what_is_not_set(changes: Mapping[str, object], missing: str) -> None:
    (finding,) = findings(settings(**changes))
    assert finding.level == "fail"
    assert f"{missing} is not set" in finding.detail


def test_the_doctor_says_nothing_where_the_live_version_asks_no_model() -> None:
    assert findings(PLAIN) == []


async def collected(lines: AsyncIterator[bytes]) -> list[dict[str, Any]]:
    return [orjson.loads(line) async for line in lines]


def test_a_file_of_posts_is_answered_in_its_order_and_a_useless_answer_is_an_error() -> None:
    async def body() -> None:
        def brain(request: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"no": "form"} | {"segments": []} if "poison" in said(request) else answer_of(SEGMENT)

        posts = [POST, "poison 1", POST + "\nmore"]
        lines = [*(orjson.dumps({"raw": post}) for post in posts), b"{"]
        counts = LineCounts()
        async with opened(brain=brain) as on:
            found = await collected(
                answer_lines(lines, on.extractor, pipeline_version="v1", at_once=2, counts=counts)
            )
        assert [each.get("kind") for each in found] == ["assignment", None, "assignment", None]
        assert "schema_violation" in found[1]["error"]
        assert (counts.errors, counts.kinds.total()) == (2, 2)

    run(body)


def test_an_outage_ends_the_file_instead_of_filling_it_with_errors() -> None:
    async def body() -> None:
        async with opened("500") as on:
            lines = answer_lines(
                [orjson.dumps({"raw": POST})], on.extractor, pipeline_version="v1", at_once=2
            )
            with pytest.raises(LaneUnavailable):
                await collected(lines)

    run(body)
