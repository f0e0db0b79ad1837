"""A field keeps only what stands in the post; the rest is counted."""

from typing import Any

import pytest

from tests.llm_server.replies import NOTHING, WEEK, answer_of
from tutordex_dagster.extraction.contract import Assignment, Extracted, TimeAvailability, WeekSlots
from tutordex_dagster.extraction.llm.grounding import Dropped, ground
from tutordex_dagster.extraction.llm.outcome import outcome
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
        ("learning_mode", {"mode": None, "raw_text": "Patient tutor"}),
        (
            "rate_breakdown",
            tuple(
                {"tutor_type": kind, "min": 45, "max": 45, "raw_text": "FT $45/h"}
                for kind in ("FT", "ft", "Full-Time Tutor", "Full time tutors")
            ),
        ),
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
        ("learning_mode", {"mode": "Online", "raw_text": None}, {"mode": None, "raw_text": None}, 1),
        ("learning_mode", {"mode": "Online", "raw_text": "Patient"}, {"mode": None, "raw_text": None}, 1),
        ("status", "closed", "open", 1),
        (
            "rate_breakdown",
            tuple(
                {"tutor_type": kind, "min": 45, "max": 45, "raw_text": "FT $45/h"}
                for kind in ("Ex-MOE Teacher", "Undergraduate", "ient", "")
            ),
            (),
            4,
        ),
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
    ("post", "held"),
    [
        ("S(520123)", True),
        ("S520123", True),
        ("S(520 123)", True),
        ("Singapore 520 123", True),
        ("S'pore 520 123.", True),
        ("Postal code: 520-123", True),
        ("S(5520 123)", False),
        ("S(520 1234)", False),
        ("S(520 123 4)", False),
        ("tel 9520 1234", False),
        ("tel 520 123", False),
        ("P5 520, 123 pupils", False),
    ],
)
def test_a_postal_code_may_be_written_in_two_halves(post: str, *, held: bool) -> None:
    value = {**NOTHING, "postal_code": ("520123",)}
    found = ground(value, Words(post, normalise(post)), Dropped())["postal_code"]
    assert found == (("520123",) if held else None)


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("Online via Zoom", "Online"),
        ("ONLINE only", "Online"),
        ("virtual class", "Online"),
        ("F2F", "Face-to-Face"),
        ("face to face", "Face-to-Face"),
        ("in-person", "Face-to-Face"),
        ("physical lessons", "Face-to-Face"),
        ("at student's home", "Face-to-Face"),
        ("at student's place", "Face-to-Face"),
        ("tutor to travel", "Face-to-Face"),
        ("offline", "Face-to-Face"),
        ("Hybrid", "Hybrid"),
    ],
)
def test_a_mode_is_kept_with_words_that_can_mean_it(said: str, mode: str) -> None:
    value = {"mode": mode, "raw_text": said}
    kept = ground({**NOTHING, "learning_mode": value}, Words(said, normalise(said)), Dropped())
    assert kept["learning_mode"] == value


@pytest.mark.parametrize(
    "post",
    [
        "[CLOSED] P5 Maths",
        "closed",
        "Assignment taken!",
        "❌ P5 Maths",
        "Status: filled",
        "has been assigned",
        "matched",
        "no longer available",
        "not available anymore",
        "fulfilled",
        "EXPIRED",
        "cancelled",
    ],
)
def test_a_closed_status_is_kept_in_a_post_with_a_word_for_it(post: str) -> None:
    dropped = Dropped()
    kept = ground({**NOTHING, "status": "closed"}, Words(post, normalise(post)), dropped)
    assert (kept["status"], dropped["status"]) == ("closed", 0)


@pytest.mark.parametrize(
    ("slot", "note", "stands"),
    [
        ("16:30-18:00", "Mon 4.30pm to 6pm", True),
        ("16:30-18:00", "Mon 430 - 6pm", True),
        ("16:30-18:00", "Mon 1630-1800", True),
        ("12:00-18:00", "Sat noon", False),
        ("04:30-06:00", "Mon 4.30pm to 6pm", False),
        ("16:00-18:00", "Mon 4.30pm to 6pm", False),
        ("16:30-18:15", "Mon 4.30pm to 6pm", False),
        ("16:30-19:00", "Mon 4.30pm to 6pm", False),
        ("4:30-6:00", "Mon 4.30pm to 6pm", False),
        ("16:30-18:00", "Mon 5pm", False),
        ("16:30-18:00", None, False),
    ],
)
def test_an_explicit_slot_needs_its_times_in_the_words_it_is_read_from(
    slot: str, note: str | None, *, stands: bool
) -> None:
    value = {**NOTHING, "time_availability": slots("explicit", "monday", slot, note)}
    post = note or POST
    kept = ground(value, Words(post, normalise(post)), Dropped())["time_availability"]
    assert kept["explicit"]["monday"] == ((slot,) if stands else ())


@pytest.mark.parametrize("kind", ["explicit", "estimated"])
@pytest.mark.parametrize(
    ("day", "note", "stands"),
    [
        ("saturday", "Sat 2pm-4pm", True),
        ("monday", "Sat 2pm-4pm", False),
        ("sunday", "Sat 2pm-4pm", False),
        ("saturday", "2pm-4pm", False),
        ("saturday", "weekends 2pm-4pm", True),
        ("friday", "weekends 2pm-4pm", False),
        ("friday", "weekdays 2pm-4pm", True),
        ("wednesday", "Mon-Fri 2pm-4pm", True),
        ("saturday", "Mon-Fri 2pm-4pm", False),
        ("sunday", "Daily 2pm-4pm", True),
        ("sunday", "Any day, 2pm-4pm", True),
        ("thursday", "Flexible, 2pm-4pm", True),
    ],
)
def test_a_slot_needs_its_day_in_the_words_it_is_read_from(
    kind: str, day: str, note: str, *, stands: bool
) -> None:
    value, dropped = slots(kind, day, "14:00-16:00", note), Dropped()
    kept = ground({**NOTHING, "time_availability": value}, Words(note, normalise(note)), dropped)
    assert kept["time_availability"][kind][day] == (("14:00-16:00",) if stands else ())
    assert dropped == ({} if stands else {"time_availability": 1})


def slots(kind: str, day: str, slot: str, note: str | None) -> dict[str, Any]:
    return {"explicit": WEEK, "estimated": WEEK, "note": note, kind: {**WEEK, day: (slot,)}}


def test_a_note_of_digits_without_end_is_no_time() -> None:
    note = "Sat 2pm " + "7" * 400
    value = {**NOTHING, "time_availability": slots("explicit", "saturday", "14:00-14:00", note)}
    kept = ground(value, Words(note, normalise(note)), Dropped())["time_availability"]
    assert kept["explicit"]["saturday"] == ("14:00-14:00",)


def test_an_estimated_slot_needs_words_and_the_form_of_a_slot() -> None:
    each = {"explicit": WEEK, "estimated": {**WEEK, "monday": ("16:00-23:00", "late", "25:00-26:00")}}
    kept, count = grounded("time_availability", {**each, "note": "Mon 4.30pm to 6pm"})
    assert (kept["estimated"]["monday"], count) == (("16:00-23:00",), 2)
    assert grounded("time_availability", {**each, "note": None})[1] == 3


INVENTED = "Code: A11\nP5 Maths @ Blk 123 Bedok\n$130/hr, 1.5h weekly, Sat 2pm-4pm"


def test_an_answer_full_of_inventions_keeps_only_what_stands_there() -> None:
    said = {
        **NOTHING,
        "assignment_code": "A11",
        "learning_mode": {"mode": "Online", "raw_text": "P5 Maths"},
        "address": ("Blk 12",),
        "lesson_schedule": ("5h weekly",),
        "rate": {"min": 30, "max": 30, "raw_text": "30/hr"},
        "rate_breakdown": ({"tutor_type": "Ex-MOE Teacher", "min": 130, "max": 130, "raw_text": "$130/hr"},),
        "time_availability": {
            "explicit": {
                **WEEK,
                "monday": ("14:00-16:00",),
                "saturday": ("14:00-16:00",),
                "sunday": ("02:45-04:59",),
            },
            "estimated": {**WEEK, "friday": ("08:00-23:00",)},
            "note": "Sat 2pm-4pm",
        },
        "status": "closed",
    }
    dropped = Dropped()
    told = outcome(answer_of(said), Words(INVENTED, normalise(INVENTED)), dropped, whole=True)
    assert isinstance(told, Extracted)
    assert told.segments[0].model_dump(exclude={"evidence"}) == Assignment(
        assignment_code="A11",
        time_availability=TimeAvailability(explicit=WeekSlots(saturday=("14:00-16:00",)), note="Sat 2pm-4pm"),
    ).model_dump(exclude={"evidence"})
    assert dropped == {
        "learning_mode": 1,
        "address": 1,
        "lesson_schedule": 1,
        "rate": 1,
        "rate_breakdown": 1,
        "time_availability": 3,
        "status": 1,
    }
