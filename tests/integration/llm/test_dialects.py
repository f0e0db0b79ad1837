"""What a server understands is found out once, with an invented post, and stands beside every answer."""

import asyncio
import logging
from typing import Any

import pytest

from tests.integration.llm.world import opened, run, said
from tests.llm_server.replies import POST, Mode
from tutordex_dagster.extraction.failures import LaneUnavailable
from tutordex_dagster.extraction.llm.dialects import PROBE


def asked_forms(requests: list[dict[str, Any]]) -> list[str | None]:
    return [(request.get("response_format") or {}).get("type") for request in requests]


@pytest.mark.parametrize(
    ("mode", "forms", "dialect"),
    [
        ("valid", ["json_schema"], "json_schema"),
        ("no schemas", ["json_schema", "json_object"], "json_object"),
        ("no formats", ["json_schema", "json_object", None], "prompt"),
        ("formats ignored", ["json_schema", "json_object", None], "prompt"),
        ("fenced", ["json_schema", "json_object", None], "prompt"),
        ("truncated", ["json_schema"], "json_schema"),
    ],
)
def test_the_strictest_dialect_a_server_keeps_to_is_found(
    mode: Mode, forms: list[str | None], dialect: str
) -> None:
    async def body() -> None:
        async with opened(mode, dialect="auto") as on:
            await asyncio.gather(*(on.extractor.answer(POST) for _ in range(3)), return_exceptions=True)
        probes = [request for request in on.stub.requests if PROBE in said(request)]
        assert asked_forms(probes) == forms, "one probe, however many posts wait for it"
        posts = [request for request in on.stub.requests if POST in said(request)]
        assert asked_forms(posts) == [None if dialect == "prompt" else dialect] * 3

    run(body)


def test_the_dialect_stands_in_the_answer_and_in_its_fingerprint() -> None:
    async def body() -> None:
        metas = []
        for mode, dialect in (("valid", "auto"), ("no schemas", "auto"), ("valid", "json_schema")):
            async with opened(mode, dialect=dialect) as on:  # type: ignore[arg-type]
                metas.append((await on.extractor.answer(POST)).meta)
        assert [meta["dialect"] for meta in metas] == ["json_schema", "json_object", "json_schema"]
        assert len({str(meta["fingerprint"]) for meta in metas}) == 3

    run(body)


def test_a_weaker_dialect_spells_the_schema_out_in_the_prompt() -> None:
    async def body() -> None:
        async with opened("no formats", dialect="auto") as on:
            await on.extractor.answer(POST)
        systems = [request["messages"][0]["content"] for request in on.stub.requests]
        assert [("JSON schema" in system) for system in systems] == [False, True, True, True]

    run(body)


def test_a_pinned_dialect_is_used_without_a_probe() -> None:
    async def body() -> None:
        async with opened(dialect="json_object") as on:
            await on.extractor.answer(POST)
        assert asked_forms(on.stub.requests) == ["json_object"]

    run(body)


def test_a_probe_that_fails_tells_all_who_wait_and_the_next_post_probes_again() -> None:
    """Else a server that hangs would cost its timeout once for every post that waits."""

    async def body() -> None:
        async with opened("500", dialect="auto") as on:
            tries = await asyncio.gather(
                *(on.extractor.answer(POST) for _ in range(5)), return_exceptions=True
            )
            assert [type(each) for each in tries] == [LaneUnavailable] * 5
            assert len(on.stub.requests) == 1
            on.stub.mode = "valid"
            assert (await on.extractor.answer(POST)).meta["dialect"] == "json_schema"

    run(body)


def test_a_server_that_changed_its_dialect_is_asked_in_the_new_one() -> None:
    async def body() -> None:
        async with opened("valid", dialect="auto") as on:
            await on.extractor.answer(POST)
            on.stub.mode = "no schemas"
            answer = await on.extractor.answer(POST)
        assert answer.meta["dialect"] == "json_object"

    run(body)


@pytest.mark.parametrize("mode", ["valid", "schema ignored", "refusal words", "bad request", "500", "404"])
def test_no_text_of_a_post_or_an_answer_is_logged_above_debug(
    mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        async with opened(mode, dialect="auto") as on:
            await asyncio.gather(on.extractor.answer(POST), return_exceptions=True)

    with caplog.at_level(logging.INFO):
        run(body)
    told = "\n".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    for words in ("ZQ4417", "Marine", "449032", "Science", "one assignment", "sorry"):
        assert words not in told
