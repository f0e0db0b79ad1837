"""Rules where they are sure, a model for the rest, and what that saves."""

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.llm_server.replies import NOTHING, answer_of
from tutordex_dagster.extraction.contract import (
    Answer,
    Assignment,
    Evidence,
    Extracted,
    Outcome,
    Rate,
    Skipped,
    SkipReason,
)
from tutordex_dagster.extraction.llm.absence import provably_absent
from tutordex_dagster.extraction.llm.accounts import Savings, savings
from tutordex_dagster.extraction.llm.chat import ChatRequest, Completion, Usage
from tutordex_dagster.extraction.llm.extractor import LlmExtractor
from tutordex_dagster.extraction.llm.hybrid import HybridExtractor, doubted, merge
from tutordex_dagster.extraction.llm.schema import FIELDS, FieldName
from tutordex_dagster.extraction.llm.spec import HybridParameters, HybridSpec, LlmDefaults, LlmSpec
from tutordex_dagster.settings import PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = "Code: ZQ4417\nSec 1 Science\nRate: $40/hr"
SURE, UNSURE = Evidence(confidence=0.95, source="rules"), Evidence(confidence=0.6, source="rules")
KNOWN = Assignment(
    assignment_code="ZQ4417",
    academic_display_text="Sec 1 Science",
    rate=Rate(min=40, max=40, raw_text="$40/hr"),
    subjects=("Science",),
    levels=("Secondary 1",),
    evidence={"assignment_code": SURE, "academic_display_text": SURE, "rate": SURE},
)


def extracted(*segments: Assignment) -> Extracted:
    return Extracted(kind="compilation" if len(segments) > 1 else "assignment", segments=segments)


def unsure_of(*names: str) -> Extracted:
    evidence = {**KNOWN.evidence, **dict.fromkeys(names, UNSURE)}
    return extracted(KNOWN.model_copy(update={"evidence": evidence}))


class Rules:
    """Rules that find what they are told to."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def extract(self, text: str) -> Outcome:
        del text
        return self.outcome


class Model:
    """A model that gives one answer, and remembers what it was asked."""

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        self.asked: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> Completion:
        self.asked.append(request)
        form: Any = request.response_format
        wanted = form["json_schema"]["schema"]["$defs"]["Assignment"]["properties"]
        segment = {name: self.fields.get(name, NOTHING[name]) for name in wanted}
        return Completion(
            text=orjson.dumps(answer_of(segment)).decode(), usage=Usage(prompt=900, completion=50)
        )


def spec_of(**parameters: Any) -> LlmSpec:  # noqa: ANN401 - whatever a file may say
    return LlmSpec.of(
        HybridParameters(model="m", dialect="json_schema", **parameters), LlmDefaults(root=PROJECT)
    )


def hybrid_of(**parameters: Any) -> HybridSpec:  # noqa: ANN401 - as above
    hybrid = spec_of(**parameters).hybrid
    assert hybrid
    return hybrid


def ask(outcome: Outcome, model: Model, text: str = TEXT, **parameters: Any) -> Answer:  # noqa: ANN401 - as above
    spec = spec_of(**parameters)
    assert spec.hybrid
    asked = LlmExtractor(spec, model, fingerprint="f")
    return asyncio.run(HybridExtractor(asked, spec.hybrid, first=Rules(outcome)).answer(text))


def test_a_post_whose_fields_are_sure_or_absent_costs_no_call() -> None:
    model = Model()
    answer = ask(extracted(KNOWN), model, fields=("assignment_code", "rate", "nearest_mrt", "postal_code"))
    assert answer.outcome == extracted(KNOWN)
    assert model.asked == []
    assert (answer.meta["calls"], answer.meta["asked"]) == (0, [])
    assert isinstance(answer.meta["saved_tokens"], int)
    assert answer.meta["saved_tokens"] > 1000


def test_only_the_doubted_fields_are_asked_for_and_each_says_who_read_it() -> None:
    model = Model(academic_display_text="Sec 1 Science", start_date="Code")
    answer = ask(unsure_of("academic_display_text"), model, fields=("academic_display_text", "rate"))
    form: Any = model.asked[0].response_format
    assert list(form["json_schema"]["schema"]["$defs"]["Assignment"]["properties"]) == [
        "academic_display_text"
    ]
    assert isinstance(answer.outcome, Extracted)
    evidence = answer.outcome.segments[0].evidence
    assert {name: each.source for name, each in evidence.items()} == {
        "assignment_code": "rules",
        "academic_display_text": "llm",
        "rate": "rules",
        "subjects": "llm",
        "levels": "llm",
    }
    assert evidence["academic_display_text"].span == (13, 26)
    assert (answer.meta["calls"], answer.meta["asked"]) == (1, ["academic_display_text"])


@pytest.mark.parametrize(("threshold", "asked"), [(0.5, ()), (0.6, ()), (0.61, ("rate",)), (1.0, ("rate",))])
def test_the_threshold_decides_what_is_doubted(threshold: float, asked: tuple[FieldName, ...]) -> None:
    spec = hybrid_of(threshold=threshold, fields=("rate",))
    assert doubted(unsure_of("rate"), TEXT, spec) == asked


def test_a_field_without_evidence_is_doubted() -> None:
    bare = extracted(KNOWN.model_copy(update={"evidence": {}}))
    assert doubted(bare, TEXT, hybrid_of(fields=("rate",))) == ("rate",)


@pytest.mark.parametrize(
    ("reason", "asked"), [("other", FIELDS), ("promo", ()), ("status", ()), ("empty", ())]
)
def test_only_a_skip_that_is_doubted_is_asked_about(reason: SkipReason, asked: tuple[FieldName, ...]) -> None:
    assert doubted(Skipped(reason=reason), "Need help?", hybrid_of()) == asked


def test_an_assignment_the_rules_did_not_see_is_the_models() -> None:
    answer = ask(Skipped(reason="other"), Model(assignment_code="ZQ4417"))
    assert isinstance(answer.outcome, Extracted)
    assert answer.outcome.segments[0].evidence["assignment_code"].source == "llm"
    assert answer.meta["saved_tokens"] == 0
    kept = ask(Skipped(reason="other"), Model())
    assert kept.outcome == Skipped(reason="other")


def test_a_model_that_holds_nothing_leaves_the_rules_value() -> None:
    known = unsure_of("rate")
    assert ask(known, Model(), fields=("rate",)).outcome == known


def test_another_cut_of_the_post_is_not_merged() -> None:
    two = extracted(KNOWN, KNOWN)
    assert merge(two, extracted(KNOWN), ("rate",)) == two
    assert merge(two, Skipped(reason="promo"), ("rate",)) == two


@pytest.mark.parametrize(
    ("name", "text", "absent"),
    [
        ("nearest_mrt", TEXT, True),
        ("nearest_mrt", "5 min from Bedok MRT", False),
        ("postal_code", TEXT, True),
        ("postal_code", "S(449032)", False),
        ("rate", "Sec 1 Science", True),
        ("rate", "40/hr", False),
        ("time_availability", "Sec 1 Science", True),
        ("time_availability", "weekends", False),
        ("learning_mode", TEXT, True),
        ("learning_mode", "ONLINE only", False),
    ],
)
def test_a_field_is_absent_only_without_every_word_for_it(
    name: FieldName, text: str, *, absent: bool
) -> None:
    assert provably_absent(name, text) == absent


def test_what_was_saved_is_told_as_shares_of_posts_and_tokens() -> None:
    metas: list[Mapping[str, Any]] = [
        {"calls": 0, "tokens": {"total": 0}, "saved_tokens": 3000},
        {"calls": 1, "tokens": {"total": 1000}, "saved_tokens": 0},
    ]
    told = savings(metas)
    assert told == Savings(posts=2, posts_without_call=1, tokens=1000, tokens_saved=3000)
    assert (told.share_of_posts, told.share_of_tokens) == (0.5, 0.75)
    assert (savings([]).share_of_posts, savings([]).share_of_tokens) == (0, 0)
