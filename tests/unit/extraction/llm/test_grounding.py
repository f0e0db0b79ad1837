"""A field keeps only what stands in the post; the rest is counted."""

from typing import Any

import pytest

from tests.llm_server.replies import NOTHING, WEEK
from tutordex_dagster.extraction.llm.grounding import Dropped, ground
from tutordex_dagster.extraction.llm.words import Words
from tutordex_dagster.extraction.rules.text import normalise

POST = """🔥 *Code: QT-5170* 🔥
Level: 𝗦𝗲𝗰 𝟮 Maths (G3)
Venue: Blk 61   Elm\u200bway
Street S150077, tel 6501234567
Rate: $32.50 - $40/hr
PT $30/h, FT $45/h
Time: Mon 4.30pm to 6pm, Sat noon
Remarks: Patient tutor
Zoom lessons ok"""
WORDS = Words(POST, normalise(POST))


def grounded(name: str, value: object) -> tuple[Any, int]:
    dropped = Dropped()
    return ground({**NOTHING, name: value}, WORDS, dropped)[name], dropped[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("academic_display_text", "Sec 2 Maths (G3)"),
        ("academic_display_text", "SEC 2  maths"),
        ("additional_remarks", "Patient tutor\nZoom lessons ok"),
        ("assignment_code", "QT-5170"),
        ("address", ("Blk 61 Elmway Street",)),
        ("postal_code", ("150077",)),
        ("start_date", "sat noon"),
        ("rate", {"min": 32.5, "max": 40, "raw_text": "$32.50 - $40/hr"}),
        ("learning_mode", {"mode": "Online", "raw_text": "Zoom lessons"}),
        ("status", "closed"),
    ],
)
def test_what_stands_in_the_post_is_kept_as_the_model_said_it(name: str, value: object) -> None:
    assert grounded(name, value) == (value, 0)


@pytest.mark.parametrize(
    ("name", "value", "left", "count"),
    [
        ("academic_display_text", "Secondary 2 Maths", None, 1),
        ("academic_display_text", " ", None, 1),
        ("additional_remarks", "Patient tutor\nKind tutor", "Patient tutor", 1),
        ("assignment_code", "qt-5170", None, 1),
        ("assignment_code", "QT-517", None, 1),
        ("assignment_code", "T-5170", None, 1),
        ("assignment_code", "", None, 1),
        ("postal_code", ("150077", "501234", "15007", "999999"), ("150077",), 3),
        ("postal_code", ("S150077",), None, 1),
        ("address", ("Blk 61 Elmway", "Singapore"), ("Blk 61 Elmway",), 1),
        (
            "rate",
            {"min": 32, "max": 40, "raw_text": "$32.50 - $40/hr"},
            {"min": None, "max": 40, "raw_text": "$32.50 - $40/hr"},
            1,
        ),
        ("rate", {"min": 40, "max": 40, "raw_text": None}, {"min": None, "max": None, "raw_text": None}, 1),
        ("learning_mode", {"mode": "Online", "raw_text": "online"}, {"mode": None, "raw_text": None}, 1),
        (
            "rate_breakdown",
            (
                {"tutor_type": "PT", "min": 30, "max": 30, "raw_text": "PT $30/h"},
                {"tutor_type": "MOE", "min": 90, "max": 90, "raw_text": "MOE $90/h"},
            ),
            ({"tutor_type": "PT", "min": 30, "max": 30, "raw_text": "PT $30/h"},),
            1,
        ),
    ],
)
def test_what_does_not_is_dropped_and_counted(name: str, value: object, left: object, count: int) -> None:
    assert grounded(name, value) == (left, count)


@pytest.mark.parametrize(
    ("slot", "note", "stands"),
    [
        ("16:30-18:00", "Mon 4.30pm to 6pm", True),
        ("12:00-18:00", "Sat noon", False),
        ("16:30-19:00", "Mon 4.30pm to 6pm", False),
        ("4:30-6:00", "Mon 4.30pm to 6pm", False),
        ("16:30-18:00", "Mon 5pm", False),
        ("16:30-18:00", None, False),
    ],
)
def test_an_explicit_slot_needs_its_hours_in_the_words_it_is_read_from(
    slot: str, note: str | None, *, stands: bool
) -> None:
    value = {"explicit": {**WEEK, "monday": (slot,)}, "estimated": WEEK, "note": note}
    kept, _ = grounded("time_availability", value)
    assert kept["explicit"]["monday"] == ((slot,) if stands else ())


def test_an_estimated_slot_needs_words_and_the_form_of_a_slot() -> None:
    slots = {"explicit": WEEK, "estimated": {**WEEK, "monday": ("16:00-23:00", "late", "25:00-26:00")}}
    kept, count = grounded("time_availability", {**slots, "note": "Mon 4.30pm to 6pm"})
    assert (kept["estimated"]["monday"], count) == (("16:00-23:00",), 2)
    assert grounded("time_availability", {**slots, "note": None})[1] == 3


def test_a_span_points_into_the_post_as_it_is_stored() -> None:
    for text, stored in (("sec 2 maths", "𝗦𝗲𝗰 𝟮 Maths"), ("elmway street", "Elm\u200bway\nStreet")):
        span = WORDS.span(text)
        assert span
        assert POST[slice(*span)] == stored


@pytest.mark.parametrize("text", ["", " ", "*", "\u200b"])
def test_no_text_stands_nowhere(text: str) -> None:
    assert not WORDS.has(text)
    assert not WORDS.has_word(text)
