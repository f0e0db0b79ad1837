"""The doctor's look at the server of a version's language model."""

import asyncio
from collections.abc import Iterator

from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.operations import llm_doctor as judge
from tutordex_dagster.operations.doctor import Finding, attempt
from tutordex_dagster.resources.llm import HttpChatModel
from tutordex_dagster.settings import Settings

_PATIENCE_SECONDS = 5.0
"""A list of models needs no thought."""


def llm_findings(version: PipelineSpec, settings: Settings) -> Iterator[Finding]:
    """Yield what was found about the language model; nothing where the version asks none."""
    if version.llm is None:
        return
    url, model = version.llm.api_url, version.llm.model
    if url and model:
        yield attempt(judge.SUBJECT, lambda: judge.listed(url, model, asyncio.run(_models(url, settings))))
    elif lacking := judge.not_set(version.name, url, model):
        yield lacking


async def _models(api_url: str, settings: Settings) -> tuple[str, ...]:
    async with HttpChatModel(
        api_url, key=settings.llm_api_key, concurrency=1, timeout_seconds=_PATIENCE_SECONDS
    ) as server:
        return await server.models()
