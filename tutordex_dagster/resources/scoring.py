"""Reading the gold set with a version of any kind: rules at once, a language model over its connections."""

import asyncio

from tutordex_dagster.comparison.scoring import Judged
from tutordex_dagster.extraction.gold import GoldSet
from tutordex_dagster.extraction.versions import PipelineSpec, build_extractor
from tutordex_dagster.operations.scoring import read_at_once, read_waiting
from tutordex_dagster.resources.llm import open_extractor
from tutordex_dagster.settings import Settings


def read_gold(spec: PipelineSpec, gold: GoldSet, settings: Settings) -> Judged:
    """Let the version read every post of the set, as many at a time as it may.

    Raises UsageError when it cannot be built, LaneUnavailable and LaneStopped as `read_waiting` does.
    """
    if spec.llm is None:
        return read_at_once(build_extractor(spec), gold.posts)
    return asyncio.run(_ask(spec, gold, settings, in_flight=spec.llm.concurrency))


async def _ask(spec: PipelineSpec, gold: GoldSet, settings: Settings, *, in_flight: int) -> Judged:
    async with open_extractor(spec, settings) as extractor:
        return await read_waiting(extractor, gold.posts, in_flight=in_flight)
