"""Labels of unknown words, and free sentences about people."""

import pytest

from tutordex_dagster.extraction.contract import Assignment, Extracted
from tutordex_dagster.extraction.rules import build
from tutordex_dagster.extraction.rules.looks import split_strange_label

LABELLED = "Code: A1\nSubject: P3 Maths\nVenue: Blk 5 Bedok North St 3"
FREE = "Kite Tutors\n#KT4410 P3 Maths @ Blk 5 Bedok North St 3\n$30/hr"


def read(text: str) -> Assignment:
    outcome = build({}).extract(text)
    assert isinstance(outcome, Extracted)
    (segment,) = outcome.segments
    return segment


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("Moolah: $30/hr", "rate", "$30/hr"),
        ("Rhythm ➔ 2 x 1.5 hrs weekly", "lesson_schedule", "('2 x 1.5 hrs weekly',)"),
        ("Windows .... Mon 5pm", "time_availability", "Mon 5pm"),
        (
            "Hopes: patient lady, able to bring worksheets",
            "additional_remarks",
            "patient lady, able to bring worksheets",
        ),
    ],
)
def test_a_label_of_strange_words_names_the_field_its_value_looks_like(
    line: str, field: str, value: str
) -> None:
    found = getattr(read(f"{LABELLED}\n{line}"), field)
    assert str(getattr(found, "raw_text", getattr(found, "note", found))) == value


def test_a_field_with_a_label_of_its_own_is_not_told_again_by_a_strange_one() -> None:
    post = f"{LABELLED}\nRefund for keys: $50\nRate: $30/hr"
    assert read(post).rate.raw_text == "$30/hr"


@pytest.mark.parametrize("text", ["Not before: 3pm", "https://example.com", "Mon 4:30pm", "a b c d e: f"])
def test_a_negation_a_link_and_a_clock_are_no_labels(text: str) -> None:
    assert split_strange_label(text) is None


@pytest.mark.parametrize(
    ("line", "remarks"),
    [
        ("Student scored D7 for both.", "Student scored D7 for both."),
        (
            "Only full-time tutors with 3 years of experience.",
            "Only full-time tutors with 3 years of experience.",
        ),
        ("Boy is weak in algebra. Lives at Blk 5 Bedok North St 3.", "Boy is weak in algebra."),
        ("onli FT", "onli FT"),
        ("FT / MOE", None),
        ("Dear tutors, good day", None),
        ("Maths tutor needed", None),
        ("Whatsapp us to apply, tutors", None),
        ("Rate to be proposed by tutor", None),
    ],
)
def test_free_sentences_about_student_and_tutor_are_remarks(line: str, remarks: str | None) -> None:
    assert read(f"{FREE}\n{line}").additional_remarks == remarks
