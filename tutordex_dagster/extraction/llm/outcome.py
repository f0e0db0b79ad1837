"""From a grounded answer to an outcome: what follows from its fields, and the evidence of each."""

from collections.abc import Mapping
from typing import Any

from tutordex_dagster.extraction.contract import (
    Assignment,
    Closing,
    Evidence,
    Extracted,
    Kind,
    Outcome,
    Skipped,
)
from tutordex_dagster.extraction.llm.grounding import Dropped, ground, ground_exact
from tutordex_dagster.extraction.llm.words import Words
from tutordex_dagster.extraction.rules import academics, people

VERBATIM = 0.9
"""Confidence in a model's text that stands in the post: it is there; that it is this field is likely."""

READ = 0.75
"""Confidence in what a model read from such text: amounts, slots, a mode, a status."""

_READINGS = frozenset({"learning_mode", "rate", "rate_breakdown", "time_availability", "status"})


def outcome(value: Mapping[str, Any], words: Words, dropped: Dropped) -> Outcome:
    """Return what an answer in our form says of the post, as far as it stands there.

    A post has no assignment when the answer has no segment, or none in which anything stands in the post.
    """
    segments = [segment for each in value["segments"] if held(segment := ground(each, words, dropped))]
    if not segments:
        return Skipped(reason=value["skip"] or "other", closes=_closing(value["closes"], words, dropped))
    kind: Kind = "compilation" if len(segments) > 1 else "assignment"
    return Extracted(
        kind=kind, segments=tuple(completed(Assignment(**segment, kind=kind), words) for segment in segments)
    )


def held(segment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a segment that hold something; an open status is no news."""
    return tuple(name for name, value in segment.items() if value != _NOTHING.get(name))


def completed(assignment: Assignment, words: Words) -> Assignment:
    """Return the assignment with what follows from its fields, and with the evidence of a model for all."""
    full = followed(assignment)
    return full.model_copy(
        update={"evidence": {name: evidence(full, name, words) for name in held(full.model_dump())}}
    )


def followed(assignment: Assignment) -> Assignment:
    """Return the assignment with the canonical subjects, levels, streams and tutor types of its texts."""
    taught = assignment.academic_display_text or ""
    told = (assignment.rate.raw_text or "", assignment.additional_remarks or "")
    return assignment.model_copy(
        update={
            "subjects": academics.subjects(taught),
            "levels": academics.levels(taught),
            "streams": academics.streams(taught),
            "tutor_types": people.tutor_types(told),
        }
    )


def evidence(assignment: Assignment, name: str, words: Words) -> Evidence:
    """Return a model's evidence for a field that holds something, with the place of a text in one piece."""
    text = _text_of(getattr(assignment, name))
    span = words.span(text) if text else None
    sure = READ if name in _READINGS or span is None else VERBATIM
    return Evidence(confidence=sure, span=span, source="llm")


def _text_of(value: object) -> str | None:
    """Return the one text a field is read from; None where it is none, or several."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 and isinstance(value[0], str) else None
    return getattr(value, "raw_text", None) or getattr(value, "note", None)


def _closing(value: Mapping[str, Any], words: Words, dropped: Dropped) -> Closing:
    return Closing(
        codes=ground_exact(value["codes"], words, "closes", dropped),
        links=ground_exact(value["links"], words, "closes", dropped),
    )


_NOTHING: Mapping[str, Any] = {**Assignment().model_dump(), "evidence": {}, "kind": None}
"""Every field as it is when it holds nothing. A kind is always known."""
