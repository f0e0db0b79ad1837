"""Evidence: how sure each field is and where in the post it stands."""

import re
import unicodedata

import pytest
from hypothesis import example, given

from tests.unit.extraction.test_extractor import POSTS, TEXTS
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import Assignment, Evidence, Extracted
from tutordex_dagster.extraction.rules.evidence import CONFIDENCE, ODD
from tutordex_dagster.extraction.rules.spans import Positions
from tutordex_dagster.extraction.rules.text import normalise

NO_EVIDENCE = {"evidence", "kind"}


def segments(text: str) -> tuple[Assignment, ...]:
    outcome = rules.build({}).extract(text)
    return outcome.segments if isinstance(outcome, Extracted) else ()


def squeezed(text: str) -> str:
    """Return the text as the rules read it, without spaces and what may be markup, in lower case."""
    plain = unicodedata.normalize("NFKC", normalise(text))
    return re.sub(r"[\s*_~`]+", "", plain).lower()


def verbatim(assignment: Assignment) -> dict[str, tuple[str, ...]]:
    texts = {
        "assignment_code": assignment.assignment_code,
        "academic_display_text": assignment.academic_display_text,
        "learning_mode": assignment.learning_mode.raw_text,
        "start_date": assignment.start_date,
        "rate": assignment.rate.raw_text,
        "additional_remarks": assignment.additional_remarks,
        "time_availability": assignment.time_availability.note,
    }
    lists = {
        name: getattr(assignment, name) or ()
        for name in ("address", "postal_code", "nearest_mrt", "lesson_schedule")
    }
    return {name: (text,) for name, text in texts.items() if text} | lists


def evidence_of(text: str, name: str) -> Evidence:
    (assignment,) = segments(text)
    return assignment.evidence[name]


def cut(text: str, name: str) -> str:
    span = evidence_of(text, name).span
    assert span is not None
    return text[slice(*span)]


@given(text=TEXTS)
@example(text="**Code:** __A1__\r\n𝗦𝘂𝗯𝗷𝗲𝗰𝘁: P3\u200b Maths\u2028Rate:  $30 /hr\r- x")
@example(text="Code: A1\x1c \x85 B2\nSubject: Maths\nRate: 30")
def test_the_text_at_a_span_holds_the_value(text: str) -> None:
    for assignment in segments(text):
        for name, pieces in verbatim(assignment).items():
            span = assignment.evidence[name].span if pieces else None
            if span is not None:
                start, end = span
                assert 0 <= start < end <= len(text)
                assert all(squeezed(piece) in squeezed(text[start:end]) for piece in pieces)


@given(text=TEXTS)
def test_every_field_that_holds_something_has_evidence_and_no_other(text: str) -> None:
    nothing = Assignment()
    for assignment in segments(text):
        filled = {
            name
            for name in Assignment.model_fields
            if name not in NO_EVIDENCE and getattr(assignment, name) != getattr(nothing, name)
        }
        assert set(assignment.evidence) == filled


def test_most_values_of_our_posts_stand_in_them_as_one_piece() -> None:
    found = [
        evidence.span is not None
        for post in POSTS["assignments"]
        for segment in segments(post["text"])
        for evidence in segment.evidence.values()
    ]
    assert sum(found) / len(found) > 0.9


def test_spans_count_code_points_of_the_post_as_given() -> None:
    text = "🔥 **𝗖𝗼𝗱𝗲:** A\u200b12\r\n*Subject:*   P3  Maths\r\nRate: $30/hr\r\nMRT: Bishan / Dakota"
    assert cut(text, "assignment_code") == "A\u200b12"
    assert cut(text, "academic_display_text") == "P3  Maths"
    assert cut(text, "rate") == "$30/hr"
    assert cut(text, "nearest_mrt") == "Bishan / Dakota"
    assert cut(text, "subjects") == "P3  Maths"


def test_segments_of_a_compilation_point_at_their_own_lines() -> None:
    text = "P3 Maths @ Bishan $30/hr #AB101\nP3 Maths @ Bishan $30/hr #AB102"
    spans = [segment.evidence["rate"].span for segment in segments(text)]
    assert spans == [(18, 24), (50, 56)]


def test_a_value_put_together_from_several_places_has_no_span() -> None:
    text = "Code: A1\nSubject: P3 Maths\nRate: 30\nRemarks:\n- patient\n- strict"
    assert evidence_of(text, "additional_remarks").span is None


@pytest.mark.parametrize(
    ("text", "name", "confidence"),
    [
        ("Code: A1\nSubject: P3 Maths\nRate: $30", "rate", CONFIDENCE["labelled"]),
        ("Code: A1\nSubject: P3 Maths\n💰 $30", "rate", CONFIDENCE["signed"]),
        ("Code: A1\nP3 Maths @ Bishan, $30/hr", "academic_display_text", CONFIDENCE["headline"]),
        ("Code: A1\nSubject: P3 Maths\nWe pay $30/hr\nLocation: Bishan", "rate", CONFIDENCE["free"]),
        (
            "Code: A1\nSubject: P3 Maths\nRate: $30\nRemarks: starts on 3 May",
            "start_date",
            CONFIDENCE["elsewhere"],
        ),
        ("Code: A1\nSubject: Chess\nRate: $30", "academic_display_text", CONFIDENCE["labelled"] * ODD),
    ],
)
def test_confidence_tells_how_a_value_was_found(text: str, name: str, confidence: float) -> None:
    assert evidence_of(text, name) == Evidence(
        confidence=round(confidence, 2), span=evidence_of(text, name).span, source="rules"
    )


@pytest.mark.parametrize(
    ("original", "text", "expected"),
    [
        ("ab", "ab", (0, 2)),
        ("a\u200bb", "ab", (0, 3)),
        ("x\r\n  a   b", "a b", (5, 10)),
        ("**a** b", "a b", (2, 7)),
        ("Ｒ：a", "R:a", (0, 3)),
    ],
)
def test_a_place_in_the_plain_text_is_found_again_in_the_post(
    original: str, text: str, expected: tuple[int, int]
) -> None:
    positions = Positions(original, normalise(original))
    found = positions.find(text, 0)
    assert found is not None
    assert positions.span(*found) == expected


def test_a_text_that_is_not_there_is_not_found() -> None:
    positions = Positions("a b a c", "a b a c")
    assert positions.find("a d", 0) is None
    assert positions.find("a\nc", 0) == (4, 7)
