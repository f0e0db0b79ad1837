"""Reading the gold set with a version, and the verdict on what came of it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tutordex_dagster.comparison.scoring import FieldScore, ScoreCard
from tutordex_dagster.extraction.contract import Answer, Skipped
from tutordex_dagster.extraction.failures import AnswerRejected, LaneStopped
from tutordex_dagster.extraction.gold import GoldPost, GoldSet
from tutordex_dagster.extraction.llm import REVISION
from tutordex_dagster.extraction.llm.spec import LlmDefaults, LlmSpec, read_parameters
from tutordex_dagster.extraction.versions import PipelineSpec, build_extractor, fingerprint, load_pipelines
from tutordex_dagster.operations.scoring import (
    no_drop,
    read_at_once,
    read_waiting,
    score_card,
    to_score,
)
from tutordex_dagster.settings import PROJECT
from tutordex_dagster.store.scores import Scored

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PIPELINES = load_pipelines(Path("pipelines"))
POSTS = tuple(
    GoldPost(agency="Someone", number=number, text=str(number), expected=Skipped(reason="other"))
    for number in range(1, 8)
)


class Slow:
    """Answers after the others had their turn; counts how many are in flight and what was refused."""

    def __init__(self, *, rejects: str = "", stops: str = "") -> None:
        self.rejects, self.stops = rejects, stops
        self.in_flight = self.most = self.asked = 0

    async def answer(self, text: str) -> Answer:
        self.asked += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if text == self.stops:
            raise LaneStopped("the key was refused; set another one")
        if text == self.rejects:
            raise AnswerRejected("not JSON", rejection="invalid_json", artifact="", meta={})
        return Answer(outcome=Skipped(reason="other"))

    async def responds(self) -> bool:
        return True


def card(score: float, *, version: str = "rules") -> ScoreCard:
    field = FieldScore(field="code", score=score, labelled=1, found=1, wrong=0, missing=0, invented=0)
    return ScoreCard(version=version, fingerprint="f", gold="g", scored_at=NOW, posts=7, fields=(field,))


def test_answers_come_back_in_the_order_of_the_posts_a_few_at_a_time() -> None:
    model = Slow()
    judged = asyncio.run(read_waiting(model, POSTS, in_flight=3))
    assert [post.number for post, _ in judged] == [1, 2, 3, 4, 5, 6, 7]
    assert model.most == 3


def test_a_rejected_answer_counts_as_none_and_the_others_stand() -> None:
    judged = asyncio.run(read_waiting(Slow(rejects="2"), POSTS, in_flight=3))
    assert [post.number for post, outcome in judged if outcome is None] == [2]


def test_a_stopped_lane_ends_the_reading_and_asks_for_no_more() -> None:
    """Half a set would be a score of its own kind, and further calls would only cost."""
    model = Slow(stops="1")
    with pytest.raises(LaneStopped):
        asyncio.run(read_waiting(model, POSTS, in_flight=1))
    assert model.asked <= 2


def test_a_version_of_rules_is_scored_as_it_is_now() -> None:
    gold = GoldSet(posts=POSTS, digest="g")
    judged = read_at_once(build_extractor(PIPELINES[0]), gold.posts)
    made = score_card(PIPELINES[0], gold, judged, now=NOW)
    assert (made.version, made.fingerprint) == (PIPELINES[0].name, fingerprint(PIPELINES[0]))
    assert (made.gold, made.posts, made.mean) == ("g", 7, 1.0)


def test_the_first_score_passes_because_there_is_nothing_to_drop_from() -> None:
    finding = no_drop(card(0.5), None)
    assert finding.passed
    assert finding.summary == "'rules' scores 50.0 on 7 posts; there is nothing to compare it with yet"


def test_a_drop_is_told_with_both_scores_and_a_row_a_field() -> None:
    finding = no_drop(card(0.5), card(0.9, version="live"))
    assert not finding.passed
    assert "'live' of 2026-03-02 12:00 UTC scored 90.0: mean dropped by 40.0 points" in finding.summary
    assert list(finding.rows) == [
        {"field": "mean", "before": 90.0, "now": 50.0},
        {"field": "code", "before": 90.0, "now": 50.0},
    ]


def test_only_the_worst_drops_are_in_the_sentence_and_all_are_in_the_rows() -> None:
    before, now = ([0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4])
    finding = no_drop(several(now), several(before))
    assert "field0 dropped by 80.0 points" in finding.summary
    assert finding.summary.endswith("and 2 more")
    assert [row["field"] for row in finding.rows] == ["mean", "field0", "field1", "field2", "field3"]


def several(scores: list[float]) -> ScoreCard:
    counts = {"labelled": 1, "found": 1, "wrong": 0, "missing": 0, "invented": 0}
    fields = [FieldScore(field=f"field{place}", score=score, **counts) for place, score in enumerate(scores)]
    return replace(card(0), fields=tuple(fields))


def test_two_points_less_still_pass() -> None:
    assert no_drop(card(0.48), card(0.5, version="live")).passed


def test_a_version_is_due_until_it_was_scored_as_it_is_now_on_this_set() -> None:
    assert [spec for spec, _ in to_score(PIPELINES, "g", set())] == list(PIPELINES)
    known = {Scored(version=spec.name, fingerprint=fingerprint(spec), gold="g") for spec in PIPELINES}
    assert to_score(PIPELINES, "g", known) == []
    assert len(to_score(PIPELINES, "another set", known)) == len(PIPELINES)
    changed = PIPELINES[0].model_copy(update={"parameters": {"labelled_only": True}})
    assert [spec for spec, _ in to_score([changed], "g", known)] == [changed]


def model(**known: object) -> PipelineSpec:
    llm = LlmSpec.of(read_parameters("llm", known), LlmDefaults(root=PROJECT, api_url="http://127.0.0.1:1"))
    return PipelineSpec(name="model", extractor="llm", revision=REVISION, description="d", llm=llm)


def test_a_language_model_is_paid_for_once_a_change_and_not_again_for_another_set() -> None:
    (first,) = to_score([model(model="m1")], "g", set())
    assert to_score([model(model="m1")], "another set", {first[1]}) == []
    assert len(to_score([model(model="m2")], "g", {first[1]})) == 1


def test_a_language_model_nobody_named_is_not_asked() -> None:
    assert to_score([model()], "g", set()) == []
