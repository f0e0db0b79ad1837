"""Scoring pipeline versions on the gold set: read it, judge it, and say whether a version got worse."""

import asyncio
from collections.abc import Container, Sequence
from datetime import datetime

from tutordex_dagster.comparison.promotion import Drop, drops
from tutordex_dagster.comparison.scoring import Judged, ScoreCard, score
from tutordex_dagster.extraction.contract import AsyncExtractor, Extractor, Outcome
from tutordex_dagster.extraction.failures import AnswerRejected
from tutordex_dagster.extraction.gold import GoldPost, GoldSet
from tutordex_dagster.extraction.llm.spec import LlmSpec
from tutordex_dagster.extraction.versions import PipelineSpec, fingerprint
from tutordex_dagster.operations.quality import Finding
from tutordex_dagster.store.scores import Scored

_TOLD = 3
"""So many drops fit into one sentence."""


def read_at_once(extractor: Extractor, posts: Sequence[GoldPost]) -> Judged:
    """Pair the posts with what this extractor makes of them."""
    return [(post, extractor.extract(post.text)) for post in posts]


async def read_waiting(extractor: AsyncExtractor, posts: Sequence[GoldPost], *, in_flight: int) -> Judged:
    """Pair the posts with the answers of an extractor that is waited for, at most `in_flight` at a time.

    A rejected answer is None: it counts as everything missing. Raises LaneUnavailable and LaneStopped: half a
    set is no score.
    """
    gate = asyncio.Semaphore(in_flight)

    async def read(post: GoldPost) -> Outcome | None:
        async with gate:
            try:
                return (await extractor.answer(post.text)).outcome
            except AnswerRejected:
                return None

    tasks = [asyncio.ensure_future(read(post)) for post in posts]
    try:
        outcomes = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return list(zip(posts, outcomes, strict=True))


def score_card(spec: PipelineSpec, gold: GoldSet, judged: Judged, *, now: datetime) -> ScoreCard:
    """Sum up what the version made of the set."""
    return ScoreCard(
        version=spec.name,
        fingerprint=fingerprint(spec),
        gold=gold.digest,
        scored_at=now,
        posts=len(judged),
        fields=score(judged),
    )


def no_drop(card: ScoreCard, before: ScoreCard | None) -> Finding:
    """Judge that nothing dropped by more than the limit against the card before (see `yardstick`)."""
    mean = f"{card.version!r} scores {100 * card.mean:.1f} on {card.posts} posts"
    if before is None:
        return Finding(passed=True, summary=f"{mean}; there is nothing to compare it with yet")
    against = f"{before.version!r} of {before.scored_at:%Y-%m-%d %H:%M} UTC scored {100 * before.mean:.1f}"
    dropped = drops(card, before)
    rows = [
        {"field": each.field, "before": _points(each.before), "now": _points(each.now)} for each in dropped
    ]
    return Finding(passed=not dropped, summary=f"{mean}, {against}{_told(dropped)}", rows=rows)


def _told(dropped: Sequence[Drop]) -> str:
    """Name the worst drops; the others are in the rows."""
    worst = sorted(dropped, key=lambda each: each.now - each.before)[:_TOLD]
    more = f" and {len(dropped) - _TOLD} more" if len(dropped) > _TOLD else ""
    return f": {'; '.join(map(str, worst))}{more}" if dropped else ""


def to_score(
    pipelines: Sequence[PipelineSpec], gold: str, scored: set[Scored]
) -> list[tuple[PipelineSpec, Scored]]:
    """Return the versions whose score is not known yet, as they are now.

    Rules cost nothing, so they are scored on every gold set. Reading a set with a language model costs money:
    it is done by itself once for each fingerprint, and by hand for another set. One that has no server to ask
    yet is left out.
    """
    wanted = [
        (spec, Scored(version=spec.name, fingerprint=fingerprint(spec), gold=gold)) for spec in pipelines
    ]
    paid = {(each.version, each.fingerprint) for each in scored}
    return [
        (spec, each)
        for spec, each in wanted
        if each not in scored and (spec.llm is None or _to_be_paid(spec.llm, each, paid))
    ]


def _to_be_paid(llm: LlmSpec, each: Scored, paid: Container[tuple[str, str]]) -> bool:
    return bool(llm.api_url and llm.model) and (each.version, each.fingerprint) not in paid


def _points(score: float) -> float:
    return round(100 * score, 1)
