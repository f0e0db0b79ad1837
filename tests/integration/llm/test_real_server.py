"""The same promises on a real chat server: `TUTORDEX_TEST_LLM_URL` says where one runs (docs/llm.md).

Made for llama.cpp with a model of random weights (`scripts/make_tiny_gguf.py`): what it says makes no sense,
but under a schema it has to say it in our form, and without one it cannot.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.integration.llm.world import version
from tests.llm_server.replies import POST
from tutordex_dagster.extraction.contract import Answer, AsyncExtractor, Extracted
from tutordex_dagster.extraction.failures import AnswerRejected, LaneStopped, LaneUnavailable
from tutordex_dagster.extraction.llm.address import server_url
from tutordex_dagster.extraction.versions import build_async_extractor
from tutordex_dagster.resources.llm import HttpChatModel

URL = os.environ.get("TUTORDEX_TEST_LLM_URL")
pytestmark = pytest.mark.skipif(URL is None, reason="TUTORDEX_TEST_LLM_URL names no server")


@asynccontextmanager
async def asking(*, timeout_seconds: float = 120, **parameters: object) -> AsyncIterator[AsyncExtractor]:
    """Open an extractor on the server."""
    url = server_url(URL or "")
    async with HttpChatModel(url, concurrency=4, timeout_seconds=timeout_seconds) as model:
        (name, *_) = await model.models()
        plain = {"model": name, "temperature": 1.0, "max_tokens": 1024}
        spec = version(url, extractor="llm", **(plain | parameters))
        yield build_async_extractor(spec, model)


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the body of a test; a random model may talk for a while."""
    asyncio.run(asyncio.wait_for(body(), 300))


def test_the_probe_finds_a_dialect_and_an_answer_is_in_our_form() -> None:
    async def body() -> None:
        async with asking(dialect="auto", few_shot="default") as extractor:
            answer = await extractor.answer(POST)
        assert answer.meta["dialect"] == "json_schema"
        assert answer.meta["repairs"] == {}
        tokens: Any = answer.meta["tokens"]
        assert tokens["prompt"] > 1000
        assert not tokens["estimated"]

    run(body)


def test_many_posts_at_once_give_answers_in_our_form_of_which_only_the_grounded_is_kept() -> None:
    """Whatever a model of random weights invents, nothing of it is in the post."""

    async def body() -> None:
        async with asking() as extractor:
            posts = [f"{POST}\nRemarks: number {number}" for number in range(8)]
            given = await asyncio.gather(*map(extractor.answer, posts), return_exceptions=True)
        answers = [each for each in given if isinstance(each, Answer)]
        rejected = [each for each in given if isinstance(each, AnswerRejected)]
        assert len(answers) + len(rejected) == len(posts)
        assert len(answers) >= len(posts) / 2
        assert {each.rejection for each in rejected} <= {"truncated", "whitespace_loop", "invalid_json"}
        for answer in answers:
            if isinstance(answer.outcome, Extracted):
                for segment in answer.outcome.segments:
                    assert (segment.assignment_code or "") in POST
                    assert all(code in POST for code in segment.postal_code or ())

    run(body)


def test_an_answer_that_is_cut_off_is_rejected_and_pauses_nothing() -> None:
    """llama.cpp answers a cut-off answer under a schema with a 500: that is no outage."""

    async def body() -> None:
        async with asking(max_tokens=64) as extractor:
            with pytest.raises(AnswerRejected) as raised:
                await extractor.answer(POST)
        assert raised.value.rejection in {"truncated", "invalid_json"}

    run(body)


def test_without_a_schema_random_words_are_rejected() -> None:
    async def body() -> None:
        async with asking(dialect="prompt", max_tokens=128) as extractor:
            with pytest.raises(AnswerRejected) as raised:
                await extractor.answer(POST)
        assert raised.value.artifact

    run(body)


def test_a_prompt_longer_than_the_context_stops_the_version() -> None:
    async def body() -> None:
        async with asking(dialect="auto", prompt_text="Read. " * 20_000) as extractor:
            with pytest.raises(LaneStopped, match="refused in every dialect"):
                await extractor.answer(POST)

    run(body)


def test_a_response_format_the_server_does_not_know_stops_the_version() -> None:
    async def body() -> None:
        async with asking(extra={"response_format": {"type": "xml"}}) as extractor:
            with pytest.raises(LaneStopped, match="refused in every dialect"):
                await extractor.answer(POST)

    run(body)


def test_an_answer_that_takes_too_long_pauses_the_version() -> None:
    async def body() -> None:
        async with asking(few_shot="default", timeout_seconds=0.05) as extractor:
            with pytest.raises(LaneUnavailable, match=r"no answer within 0\.05 s"):
                await extractor.answer(POST)

    run(body)
