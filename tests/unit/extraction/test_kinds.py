"""Assignments, compilations and posts that are neither."""

import pytest

from tutordex_dagster.extraction.rules.entries import read_entries
from tutordex_dagster.extraction.rules.kinds import MAX_SEGMENTS, is_assignment, skip_reason, split_segments
from tutordex_dagster.extraction.rules.text import split_lines


def segments_of(text: str) -> list[str]:
    lines = split_lines(text)
    return [
        "\n".join(line.text for line in segment).strip()
        for segment in split_segments(lines, read_entries(lines))
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Code: A1\nSubject: Maths\nRate: $30", True),
        ("P3 Maths @ Bishan $30/hr", True),
        ("P3 Maths, once a week, Mon 3pm", True),
        ("Code: A1\nSubject: Maths", False),
        ("Code: A1\nRate: $30\nLocation: Bishan", False),
        ("P3 Maths exam papers", False),
        ("P3 Maths at our centre in Bishan, $30/hr, Mon 3pm. Enrol now!", False),
        ("Code: A1\nSubject: Chess\nRate: $30", True),
        ("Assignment: P3 Maths\nRate: $30\nLocation: Bishan", True),
        ("Hello", False),
    ],
)
def test_an_assignment_says_what_is_taught_and_two_facts_more(text: str, *, expected: bool) -> None:
    assert is_assignment(read_entries(split_lines(text))) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("🎉 — 🎉", "empty"),
        ("Ben left the channel", "service"),
        ("Channel created", "service"),
        ("Channel name was changed to «Maths»", "service"),
        ("AB1234 is filled", "status"),
        ("Filled with joy", "other"),
        ("Sign up for our webinar", "promo"),
        ("see https://example.org", "promo"),
        ("Good morning", "other"),
    ],
)
def test_a_post_that_is_none_has_a_reason(text: str, reason: str) -> None:
    assert skip_reason(text) == reason


def test_one_code_however_often_is_one_assignment() -> None:
    text = "P3 Maths (AB123)\n\nCode: AB123\n\nP3 Maths (AB123)"
    assert segments_of(text) == [text]


def test_codes_open_their_paragraphs() -> None:
    assert segments_of("Hi!\n\nP1 Maths\nCode: A1\nx\n\nP2 Maths\nCode: A2\ny") == [
        "P1 Maths\nCode: A1\nx",
        "P2 Maths\nCode: A2\ny",
    ]


def test_codes_close_their_assignments() -> None:
    assert segments_of("P1 Maths\nRate: $30\nCode: A1\n\nP2 Maths\nRate: $31\nCode: A2") == [
        "P1 Maths\nRate: $30\nCode: A1",
        "P2 Maths\nRate: $31\nCode: A2",
    ]
    assert segments_of("News\n\nP1 Maths for Tom #AB101\nP2 Maths for Ann #AB102") == [
        "P1 Maths for Tom #AB101",
        "P2 Maths for Ann #AB102",
    ]


def test_codes_without_a_subject_each_do_not_split() -> None:
    assert len(segments_of("P1 Maths\nCode: A1\nshy\n\nCode: A2\nkind")) == 1


def test_the_number_of_segments_is_bounded() -> None:
    text = "\n".join(f"P1 Maths Mon 3pm $30/hr #AB{number}" for number in range(100, 250))
    assert len(segments_of(text)) == MAX_SEGMENTS
