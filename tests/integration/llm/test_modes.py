"""Every way a chat server may behave ends in the class the queue acts on."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import pytest

from tests.integration.llm.world import opened, run, said, version
from tests.llm_server.replies import POST, Mode, answer_of
from tests.llm_server.stub import StubServer
from tutordex_dagster.extraction.contract import Extracted
from tutordex_dagster.extraction.failures import AnswerRejected, LaneStopped, LaneUnavailable, Rejection
from tutordex_dagster.extraction.llm.dialects import PROBE
from tutordex_dagster.resources.llm import HttpChatModel, open_extractor
from tutordex_dagster.settings import Settings

SETTINGS = Settings(_env_file=None)


@pytest.mark.parametrize(
    ("mode", "repairs"),
    [
        ("valid", {}),
        ("fenced", {"fence": 1}),
        ("think prelude", {"think": 1}),
        ("words around", {"before": 1, "after": 1}),
        ("usage missing", {}),
        ("usage wrong types", {}),
    ],
)
def test_a_usable_answer_is_read_and_every_repair_is_counted(mode: Mode, repairs: dict[str, int]) -> None:
    async def body() -> None:
        async with opened(mode) as on:
            answer = await on.extractor.answer(POST)
        assert isinstance(answer.outcome, Extracted)
        assert answer.outcome.segments[0].assignment_code == "ZQ4417"
        assert answer.outcome.segments[0].rate.min == 40
        assert answer.meta["repairs"] == repairs
        assert answer.meta["dropped"] == {}

    run(body)


@pytest.mark.parametrize(
    ("mode", "rejection"),
    [
        ("truncated", "truncated"),
        ("whitespace loop", "whitespace_loop"),
        ("refusal field", "refusal"),
        ("refusal words", "refusal"),
        ("content filter", "refusal"),
        ("not JSON", "invalid_json"),
        ("empty", "invalid_json"),
        ("500 unread", "invalid_json"),
        ("schema ignored", "schema_violation"),
        ("wrong types", "schema_violation"),
    ],
)
def test_an_answer_of_no_use_is_rejected_by_its_name_and_kept(mode: Mode, rejection: Rejection) -> None:
    async def body() -> None:
        async with opened(mode, price_prompt=1.0, price_completion=2.0) as on:
            with pytest.raises(AnswerRejected) as raised:
                await on.extractor.answer(POST)
        error = raised.value
        assert error.rejection == rejection
        assert bool(error.artifact) == (mode not in {"empty", "content filter"})
        assert error.artifact not in str(error) or not error.artifact
        if mode != "500 unread":  # which counts no tokens
            assert error.meta["tokens"] == {
                "prompt": 1200,
                "completion": 180,
                "total": 1380,
                "estimated": False,
            }
            assert error.meta["cost"] == pytest.approx(0.00156)
        assert error.meta["calls"] == 1

    run(body)


@pytest.mark.parametrize(
    ("mode", "retry_after"),
    [
        ("429 seconds", timedelta(seconds=17)),
        ("429 date", timedelta(seconds=40)),
        ("429 nothing", None),
        ("429 nonsense", None),
        ("503 later", timedelta(seconds=2.5)),
        ("500", None),
        ("drop before answer", None),
        ("drop mid-answer", None),
        ("no completion", None),
        ("web page", None),
        ("endless", None),
    ],
)
def test_a_server_that_cannot_answer_now_pauses_the_version(
    mode: Mode, retry_after: timedelta | None
) -> None:
    async def body() -> None:
        async with opened(mode) as on:
            with pytest.raises(LaneUnavailable) as raised:
                await on.extractor.answer(POST)
        assert raised.value.retry_after == retry_after

    run(body)


@pytest.mark.parametrize("dialect", ["auto", "json_schema"])
@pytest.mark.parametrize("extractor", ["llm", "hybrid"])
@pytest.mark.parametrize(
    ("mode", "responds"),
    [("valid", True), ("truncated", True), ("500", False), ("hang", False), ("401", False)],
)
def test_whether_a_server_answers_at_all_is_asked_with_an_invented_post(
    mode: Mode, extractor: Literal["llm", "hybrid"], dialect: str, *, responds: bool
) -> None:
    async def body() -> None:
        async with opened(mode, extractor=extractor, dialect=dialect, timeout_seconds=0.5) as on:
            assert await on.extractor.responds() is responds
        assert all(PROBE in said(request) for request in on.stub.requests)

    run(body)


@pytest.mark.parametrize("mode", ["hang", "trickle"])
def test_a_server_that_never_ends_its_answer_is_given_up_after_the_timeout(mode: Mode) -> None:
    async def body() -> None:
        async with opened(mode, timeout_seconds=0.2) as on:
            with pytest.raises(LaneUnavailable, match=r"no answer within 0\.2 s"):
                await on.extractor.answer(POST)

    run(body)


def test_a_server_that_is_not_there_pauses_the_version() -> None:
    async def body() -> None:
        async with StubServer() as gone:
            url = gone.url
        async with open_extractor(version(url), SETTINGS) as extractor:
            with pytest.raises(LaneUnavailable, match="ConnectError"):
                await extractor.answer(POST)

    run(body)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("401", "LLM_API_KEY"),
        ("403", "LLM_API_KEY"),
        ("404", "LLM_MODEL_NAME"),
        ("405", "LLM_API_URL"),
        ("bad request", "refused in every dialect"),
    ],
)
def test_what_only_a_person_can_change_stops_the_version_and_says_so(mode: Mode, said: str) -> None:
    async def body() -> None:
        async with opened(mode) as on:
            with pytest.raises(LaneStopped, match=said) as raised:
                await on.extractor.answer(POST)
        assert "sk-secret" not in str(raised.value), "servers repeat keys in what they say"
        assert "canary" not in str(raised.value)

    run(body)


@pytest.mark.parametrize(("parameter", "said"), [("url", "LLM_API_URL"), ("model", "LLM_MODEL_NAME")])
def test_a_version_without_server_or_model_stops_and_says_what_to_set(parameter: str, said: str) -> None:
    async def body() -> None:
        spec = version(None if parameter == "url" else "http://127.0.0.1:9/v1")
        assert spec.llm
        lacking = spec.llm.model_copy(update={"model": None} if parameter == "model" else {})
        with pytest.raises(LaneStopped, match=said):
            async with open_extractor(spec.model_copy(update={"llm": lacking}), SETTINGS):
                pass

    run(body)


def test_a_request_that_is_refused_for_one_post_only_rejects_that_post() -> None:
    """Else one post the server cannot take would stop all the others."""

    async def body() -> None:
        async with opened("valid") as on:
            await on.extractor.answer(POST)

            def brain(request: Mapping[str, Any]) -> Mapping[str, Any]:
                on.stub.mode = "bad request" if "poison" in said(request) else "valid"
                return answer_of(skip="other")

            on.stub.brain = brain
            with pytest.raises(AnswerRejected) as raised:
                await on.extractor.answer(POST + " poison")
            assert raised.value.rejection == "refusal"
            assert (await on.extractor.answer(POST)).meta["calls"] == 1

    run(body)


def test_no_more_calls_are_under_way_than_the_version_allows() -> None:
    async def body() -> None:
        async with opened(concurrency=3) as on:
            on.stub.latency = 0.02
            await asyncio.gather(*(on.extractor.answer(POST) for _ in range(12)))
        assert on.stub.most_at_once == 3

    run(body)


def test_the_key_is_sent_to_the_server_and_nowhere_else() -> None:
    async def body() -> None:
        async with opened() as on:
            answer = await on.extractor.answer(POST)
        assert on.stub.headers[0]["authorization"] == "Bearer canary-key-12345"
        assert "canary" not in f"{answer}{on.stub.requests}"

    run(body)


def test_the_models_of_a_server_are_listed() -> None:
    async def body() -> None:
        async with (
            StubServer() as stub,
            HttpChatModel(stub.url, concurrency=1, timeout_seconds=5) as model,
        ):
            assert await model.models() == ("stub-model",)

    run(body)
