"""The gold set read by a language model, from a thread without a loop as Dagster's runs are."""

import asyncio

import pytest

from tests.integration.llm.world import run, version
from tests.llm_server.replies import POST, Mode
from tests.llm_server.stub import StubServer
from tutordex_dagster.comparison.scoring import Judged
from tutordex_dagster.extraction.contract import Assignment, Extracted
from tutordex_dagster.extraction.failures import LaneStopped
from tutordex_dagster.extraction.gold import GoldPost, GoldSet
from tutordex_dagster.resources.scoring import read_gold
from tutordex_dagster.settings import Settings

SETTINGS = Settings(_env_file=None)
LABEL = Extracted(kind="assignment", segments=(Assignment(assignment_code="ZQ4417"),))
GOLD = GoldSet(posts=(GoldPost(agency="Someone", number=1, text=POST, expected=LABEL),), digest="g")


async def read(mode: Mode) -> Judged:
    async with StubServer(mode) as stub:
        return await asyncio.to_thread(read_gold, version(stub.url), GOLD, SETTINGS)


def test_a_language_model_reads_the_gold_set() -> None:
    async def body() -> None:
        ((post, outcome),) = await read("valid")
        assert post is GOLD.posts[0]
        assert isinstance(outcome, Extracted)
        assert outcome.segments[0].assignment_code == "ZQ4417"

    run(body)


def test_a_refused_post_is_one_without_an_outcome() -> None:
    async def body() -> None:
        ((_, outcome),) = await read("refusal field")
        assert outcome is None

    run(body)


def test_a_version_without_a_server_says_so() -> None:
    with pytest.raises(LaneStopped, match="LLM_API_URL"):
        read_gold(version(), GOLD, SETTINGS)
