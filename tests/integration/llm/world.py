"""A version that asks a chat server, opened as the worker opens it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from tests.llm_server.replies import Mode
from tests.llm_server.stub import Brain, StubServer, careful
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import AsyncExtractor
from tutordex_dagster.extraction.llm import REVISION
from tutordex_dagster.extraction.llm.spec import LlmDefaults, LlmSpec, read_parameters
from tutordex_dagster.extraction.versions import PipelineSpec, build_async_extractor
from tutordex_dagster.resources.llm import HttpChatModel

PROJECT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEY = SecretStr("canary-key-12345")


def version(
    url: str | None = None, *, extractor: Literal["llm", "hybrid"] = "llm", **parameters: object
) -> PipelineSpec:
    """Return a version of a language model with these parameters."""
    given = {"model": "stub-model", "few_shot": "none", "dialect": "json_schema", **parameters}
    llm = LlmSpec.of(read_parameters(extractor, given), LlmDefaults(root=PROJECT, api_url=url))
    revision = REVISION if extractor == "llm" else rules.REVISION
    return PipelineSpec(name="v1", extractor=extractor, revision=revision, description="d", llm=llm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A server and the extractor that asks it."""

    stub: StubServer
    extractor: AsyncExtractor


@asynccontextmanager
async def opened(
    mode: Mode = "valid",
    *,
    brain: Brain = careful,
    timeout_seconds: float = 5,
    extractor: Literal["llm", "hybrid"] = "llm",
    **parameters: object,
) -> AsyncIterator[Opened]:
    """Open an extractor on a server in this mode."""
    async with StubServer(mode, brain=brain) as stub:
        spec = version(stub.url, extractor=extractor, **parameters)
        assert spec.llm
        async with HttpChatModel(
            stub.url,
            key=KEY,
            concurrency=spec.llm.concurrency,
            timeout_seconds=timeout_seconds,
            now=lambda: NOW,
        ) as model:
            yield Opened(stub=stub, extractor=build_async_extractor(spec, model))


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the body of a test; none takes ten seconds."""
    asyncio.run(asyncio.wait_for(body(), 10))


def said(request: Mapping[str, Any]) -> str:
    """Return the last message of a request: the post between its marks."""
    text: str = request["messages"][-1]["content"]
    return text
