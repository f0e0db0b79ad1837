"""Frequency, length and start."""

import pytest

from tutordex_dagster.extraction.rules.entries import read_entries
from tutordex_dagster.extraction.rules.schedule import (
    free_schedule,
    is_start_line,
    labelled_schedule,
    labelled_start,
    start_date,
)
from tutordex_dagster.extraction.rules.text import split_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Frequency: 1x weekly, 1.5 hrs", ("1x weekly, 1.5 hrs",)),
        ("Frequency: weekly", ("weekly",)),
        ("Duration: 2h", ("Duration: 2h",)),
        ("No. of lessons: 2\nDuration: 2h", ("No. of lessons: 2", "Duration: 2h")),
        ("Frequency: TBC", ()),
    ],
)
def test_one_label_tells_all_or_several_keep_their_labels(text: str, expected: tuple[str, ...]) -> None:
    assert labelled_schedule(read_entries(split_lines(text))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thrice a week, 45 mins each. $44/hr", "Thrice a week, 45 mins each"),
        ("1 or 2 lessons/week x 2h", "1 or 2 lessons/week x 2h"),
        ("K1 Art on Sun [3 lessons/week of 45 min]", "[3 lessons/week of 45 min]"),
        ("3 hours per week, half of the fee", "3 hours per week"),
        ("bring a book, twice weekly, 2h, thanks", "twice weekly, 2h"),
        ("2 x 1.5h", "2 x 1.5h"),
        ("2.5h weekly", "2.5h weekly"),
        ("5 sessions x 2h", "5 sessions x 2h"),
        ("mark weekly essays", None),
        ("2 hours from here", None),
    ],
)
def test_unlabelled_words_say_how_often(text: str, expected: str | None) -> None:
    assert free_schedule(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Start ASAP", "Start ASAP"),
        ("P6 Chinese - start asap- Bishan", "start asap"),
        ("Lessons begin ASAP. Be kind.", "ASAP"),
        ("Lessons start from January 2027 onwards.", "January 2027"),
        ("Preferred start date: 3-Oct-27. Thanks", "3-Oct-27"),
        ("to start from 12 Jan 2027.", "12 Jan 2027"),
        ("Commence immediately", "Commence immediately"),
        ("Girl. Start this month.", "Start this month"),
        ("Hello. Begin coming Friday in the evening", "Begin coming Friday in the evening"),
        ("Begin this Sunday at noon (10 Jan 2027)", "10 Jan 2027"),
        ("Start from 1 March", "1 March"),
        ("To start in April 2027.", "April 2027"),
        ("Start: mid July", "mid July"),
        ("Lessons commence in Feb", "Feb"),
        ("starting the end of June", "end of June"),
        ("It may start late", None),
        ("a good start in life", None),
        ("12 Jan 2027", None),
    ],
)
def test_a_start_is_its_date_or_the_words_that_need_their_verb(text: str, expected: str | None) -> None:
    assert start_date(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("from 3 March onwards", "3 March"), ("ASAP.", "ASAP"), ("TBC", None), ("", None)]
)
def test_a_labelled_start_is_its_value(value: str, expected: str | None) -> None:
    assert labelled_start(value) == expected


def test_lines_that_only_tell_the_start_are_known() -> None:
    assert is_start_line("Start ASAP!")
    assert is_start_line("5 Jan 2027")
    assert not is_start_line("Start ASAP with algebra")
