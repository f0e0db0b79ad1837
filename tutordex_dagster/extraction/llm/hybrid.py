"""Rules first; a model only for what they are not sure of, and only about those fields."""

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import (
    Answer,
    Assignment,
    Evidence,
    Extracted,
    Extractor,
    Outcome,
    Skipped,
)
from tutordex_dagster.extraction.llm.absence import provably_absent
from tutordex_dagster.extraction.llm.accounts import estimate
from tutordex_dagster.extraction.llm.extractor import NO_CALL, LlmExtractor, Reading
from tutordex_dagster.extraction.llm.outcome import followed, held
from tutordex_dagster.extraction.llm.prompts import conversation
from tutordex_dagster.extraction.llm.schema import FIELDS, FieldName
from tutordex_dagster.extraction.llm.spec import HybridSpec
from tutordex_dagster.extraction.rules.text import normalise

_FOLLOWING: Mapping[str, tuple[str, ...]] = {
    "academic_display_text": ("subjects", "levels", "streams"),
    "rate": ("tutor_types",),
    "additional_remarks": ("tutor_types",),
    "postal_code": ("districts", "region"),
}
"""Fields that follow from one a model has read: taken anew where the rules found nothing for them."""

_WHOLE_ANSWER = 400
"""Tokens of an answer with every field; what a post without a call would have been answered with."""


class HybridExtractor:
    """Believes the rules where they are sure, and asks a model about the rest of the post, once."""

    def __init__(self, asked: LlmExtractor, spec: HybridSpec, *, first: Extractor | None = None) -> None:
        """Take the extractor that asks, and the rules that go first (by default those of the spec)."""
        self._asked = asked
        self._spec = spec
        self._rules = first or rules.RulesExtractor(spec.rules)

    async def answer(self, text: str) -> Answer:
        """Return what rules and model hold together; raises what `AsyncExtractor.answer` says."""
        known = self._rules.extract(text)
        fields = doubted(known, text, self._spec)
        reading = await self._asked.read(text, fields) if fields else NO_CALL
        joined = merge(known, reading.outcome, fields) if reading.account.calls else known
        return Answer(
            outcome=joined,
            meta=self._asked.meta(
                reading, asked=list(fields), saved_tokens=self._saved(text, fields, reading)
            ),
        )

    async def responds(self) -> bool:
        """Tell whether the server of the model answers an invented post now."""
        return await self._asked.responds()

    def _saved(self, text: str, fields: tuple[FieldName, ...], reading: Reading) -> int:
        """Estimate the tokens that asking for every field would have taken on top of what was spent."""
        if fields == FIELDS:
            return 0
        if not fields:
            return self._estimated(text, FIELDS) + _WHOLE_ANSWER
        unasked = self._estimated(text, FIELDS) - self._estimated(text, fields)
        return max(unasked, 0) + max(_WHOLE_ANSWER - reading.account.tokens.completion, 0)

    def _estimated(self, text: str, fields: tuple[FieldName, ...]) -> int:
        spec = self._asked.spec
        messages = conversation(spec.prompt, spec.few_shot, normalise(text), fields=fields, spelt_out=False)
        return estimate(message.content for message in messages)


def doubted(known: Outcome, text: str, spec: HybridSpec) -> tuple[FieldName, ...]:
    """Return the wanted fields to ask about, in the order of the form: none, or some of them, or all.

    All, when the rules found no assignment and give a reason that is doubted. A field is asked about when one
    segment holds it with less than the threshold's confidence, or lacks it while the post may state it.
    """
    match known:
        case Skipped(reason=reason):
            return FIELDS if reason in spec.doubted_skips and text.strip() else ()
        case Extracted(segments=segments):
            wanted = (name for name in FIELDS if name in spec.fields)
            return tuple(
                name for name in wanted if any(_unsure(segment, name, text, spec) for segment in segments)
            )
        case unknown:
            assert_never(unknown)


def merge(known: Outcome, told: Outcome, fields: Iterable[FieldName]) -> Outcome:
    """Return the rules' outcome with the model's values for the fields it was asked about.

    A model that holds nothing for a field leaves the rules' value and its low confidence. Where the two cut
    the post into another number of assignments, the rules' cut stays and the model's words are not used.
    """
    if isinstance(known, Skipped):
        return told if isinstance(told, Extracted) else known
    if isinstance(told, Skipped) or len(told.segments) != len(known.segments):
        return known
    asked = tuple(fields)
    pairs = zip(known.segments, told.segments, strict=True)
    return known.model_copy(update={"segments": tuple(_joined(one, other, asked) for one, other in pairs)})


def _unsure(segment: Assignment, name: FieldName, text: str, spec: HybridSpec) -> bool:
    if name in held(segment.model_dump()):
        found = segment.evidence.get(name)
        return found is None or found.confidence < spec.threshold
    return not provably_absent(name, text, segment)


def _joined(known: Assignment, told: Assignment, asked: tuple[FieldName, ...]) -> Assignment:
    new = held({name: value for name, value in told.model_dump().items() if name in asked})
    if not new:
        return known
    changes: dict[str, Any] = {name: getattr(told, name) for name in new}
    evidence: dict[str, Evidence] = {**known.evidence, **{name: told.evidence[name] for name in new}}
    followers = {follower for name in new for follower in _FOLLOWING.get(name, ())}
    anew = followed(known.model_copy(update=changes))
    for name in sorted(followers):
        if value := getattr(anew, name):
            changes[name] = value
            evidence[name] = told.evidence.get(name) or Evidence(confidence=0.5, source="llm")
    return known.model_copy(update={**changes, "evidence": evidence})
