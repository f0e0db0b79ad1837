"""How sure the rules are of each field, and where in the post it stands."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter

from tutordex_dagster.extraction.contract import Assignment, Evidence
from tutordex_dagster.extraction.rules import academics, patterns, places, schedule
from tutordex_dagster.extraction.rules.entries import Entry
from tutordex_dagster.extraction.rules.spans import Positions
from tutordex_dagster.extraction.rules.vocabulary import Field

How = Literal["labelled", "signed", "free", "headline", "elsewhere", "inferred"]
"""Behind a label of its own, behind a sign such as a pin, in a free line, in the headline, behind a label of
another field, or put together from several places."""

CONFIDENCE: Mapping[How, float] = {
    "labelled": 0.95,
    "signed": 0.9,
    "free": 0.9,
    "headline": 0.85,
    "elsewhere": 0.65,
    "inferred": 0.5,
}
"""Coarse on purpose: about how often a field found so was right in posts the rules had not seen."""

ODD = 0.6
"""What remains of the confidence in a value that does not look like its field."""

_LABELS: Mapping[str, frozenset[Field]] = {
    "assignment_code": frozenset({"code"}),
    "academic_display_text": frozenset({"academic", "subject", "level"}),
    "learning_mode": frozenset({"mode"}),
    "address": frozenset({"location"}),
    "postal_code": frozenset({"location", "postal"}),
    "nearest_mrt": frozenset({"mrt", "location"}),
    "lesson_schedule": frozenset({"schedule"}),
    "start_date": frozenset({"start"}),
    "rate": frozenset({"rate"}),
    "additional_remarks": frozenset({"remarks"}),
    "time_availability": frozenset({"time"}),
}
"""The labels behind which each verbatim field is at home."""

_SAME_AS = {
    "rate_breakdown": "rate",
    "districts": "postal_code",
    "region": "postal_code",
    "subjects": "academic_display_text",
    "streams": "academic_display_text",
    "levels": "academic_display_text",
}
"""Fields that are worked out from another one, and stand or fall with it."""


_Fields = Mapping[str, object]
_EVIDENCE = TypeAdapter(dict[str, Evidence])
"""Makes all evidence of an assignment at once, which is several times faster than one by one."""


class _Find(NamedTuple):
    how: How
    entry: Entry | None = None


def evidence(assignment: Assignment, entries: Sequence[Entry], positions: Positions) -> dict[str, Evidence]:
    """Return the evidence of every field of the assignment that holds something.

    Spans are those of the post as given; None where a value is not one piece of it.
    """
    texts = _verbatim(assignment)
    headline = _headline_line(texts, entries)
    found: dict[str, _Fields] = {}
    for name, pieces in texts.items():
        find = _find(pieces[0], _LABELS[name], entries, headline)
        sure = CONFIDENCE[find.how] * (1.0 if _looks_right(name, pieces, assignment) else ODD)
        found[name] = _evidence(sure, _span(pieces, find.entry, positions))
    found.update(_derived(assignment, entries, found, positions))
    return _EVIDENCE.validate_python(found)


def _verbatim(assignment: Assignment) -> dict[str, tuple[str, ...]]:
    """Return the pieces of text each verbatim field holds, for the fields that hold any."""
    one = {
        "assignment_code": assignment.assignment_code,
        "academic_display_text": assignment.academic_display_text,
        "learning_mode": assignment.learning_mode.raw_text,
        "start_date": assignment.start_date,
        "rate": assignment.rate.raw_text,
        "additional_remarks": assignment.additional_remarks,
        "time_availability": assignment.time_availability.note,
    }
    several = {
        "address": assignment.address,
        "postal_code": assignment.postal_code,
        "nearest_mrt": assignment.nearest_mrt,
        "lesson_schedule": assignment.lesson_schedule,
    }
    return {name: (text,) for name, text in one.items() if text} | {
        name: texts for name, texts in several.items() if texts
    }


def _headline_line(texts: Mapping[str, tuple[str, ...]], entries: Sequence[Entry]) -> int | None:
    """Return the index of the line without a label that tells what is taught."""
    taught = texts.get("academic_display_text")
    if taught is None:
        return None
    free = (entry for entry in entries if entry.field in {None, "headline"} and taught[0] in entry.value)
    return next((entry.line.number for entry in free), None)


def _find(piece: str, labels: frozenset[Field], entries: Sequence[Entry], headline: int | None) -> _Find:
    """Return how a value was found: the best of the entries it stands in."""
    opening = piece.split("\n", 1)[0]
    for entry in entries:
        if entry.field in labels and _holds(entry, opening):
            return _Find(how="labelled" if entry.label else "signed", entry=entry)
    holding = [entry for entry in entries if _holds(entry, opening)]
    for entry in holding:
        if entry.field in {None, "headline", "academic", "subject"} and entry.line.number == headline:
            return _Find(how="headline", entry=entry)
    for entry in holding:
        return _Find(how="elsewhere" if entry.label else "free", entry=entry)
    return _Find(how="inferred")


def _holds(entry: Entry, text: str) -> bool:
    return text in entry.value or (bool(entry.label) and text.startswith(entry.label.rstrip()))


def _looks_right(name: str, pieces: tuple[str, ...], assignment: Assignment) -> bool:
    """Does the value look like its field? What stands behind a label may still be something else."""
    look = _LOOKS.get(name)
    return look is None or look(pieces, assignment)


def _is_place(pieces: Sequence[str], _: Assignment) -> bool:
    return all(places.is_address_line(place) and not academics.is_academic(place) for place in pieces)


def _is_schedule(pieces: Sequence[str], _: Assignment) -> bool:
    return any(patterns.tells_frequency(piece) or patterns.HOURS.search(piece) for piece in pieces)


def _is_start(pieces: Sequence[str], _: Assignment) -> bool:
    return schedule.is_start_line(pieces[0]) or any(letter.isdigit() for letter in pieces[0])


def _is_pay(_: Sequence[str], assignment: Assignment) -> bool:
    rate = assignment.rate
    return rate.min is not None or rate.max is not None or bool(assignment.rate_breakdown)


def _has_slots(_: Sequence[str], assignment: Assignment) -> bool:
    return any(slots for _, slots in assignment.time_availability.explicit)


_LOOKS: Mapping[str, Callable[[Sequence[str], Assignment], bool]] = {
    "academic_display_text": lambda pieces, _: bool(academics.subjects(pieces[0])),
    "address": _is_place,
    "lesson_schedule": _is_schedule,
    "start_date": _is_start,
    "rate": _is_pay,
    "learning_mode": lambda _, assignment: assignment.learning_mode.mode is not None,
    "time_availability": _has_slots,
}
"""What each field's values look like, where that can be told."""


def _span(pieces: Sequence[str], entry: Entry | None, positions: Positions) -> tuple[int, int] | None:
    """Return the span from the first piece to the last, if each of them stands in the post as it is."""
    if entry is None:
        return None
    spans = [positions.find(piece, entry.line.number) for piece in pieces]
    known = [span for span in spans if span is not None]
    if len(known) < len(spans):
        return None
    return positions.span(min(span[0] for span in known), max(span[1] for span in known))


def _derived(
    assignment: Assignment, entries: Sequence[Entry], found: Mapping[str, _Fields], positions: Positions
) -> Iterator[tuple[str, _Fields]]:
    """Yield the evidence of canonical fields: that of the text they were read from."""
    for name, origin in _SAME_AS.items():
        if getattr(assignment, name) and (of := found.get(origin)):
            yield name, of
    for name, field in (("levels", "level"), ("streams", "stream"), ("tutor_types", "tutor")):
        stated = next((entry for entry in entries if entry.field == field and entry.value), None)
        if getattr(assignment, name) and stated:
            yield name, _evidence(CONFIDENCE["labelled"], _span((stated.value,), stated, positions))
        elif name == "tutor_types" and assignment.tutor_types:
            yield name, _evidence(CONFIDENCE["elsewhere"], None)
    if assignment.status == "closed":
        yield "status", _evidence(CONFIDENCE["headline"], None)


def _evidence(confidence: float, span: tuple[int, int] | None) -> _Fields:
    return {"confidence": round(confidence, 2), "span": span, "source": "rules"}


def with_evidence(assignment: Assignment, entries: Sequence[Entry], positions: Positions) -> Assignment:
    """Return the assignment with the evidence of its fields."""
    fields: dict[str, Any] = {"evidence": evidence(assignment, entries, positions)}
    return assignment.model_copy(update=fields)
