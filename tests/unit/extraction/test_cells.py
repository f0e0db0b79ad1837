"""Lines that hold several fields."""

import pytest

from tutordex_dagster.extraction.rules.cells import cut_cells
from tutordex_dagster.extraction.rules.text import normalise, split_lines


def cells(text: str) -> list[str]:
    return [line.text for line in cut_cells(split_lines(normalise(text)))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "P5 Maths | Fig Lane | Mon 5pm | $30/hr",
            ["P5 Maths", "Fig Lane", "Mon 5pm", "$30/hr"],
        ),
        (
            "P5 | Maths | Fig Lane | shy | Mon 5pm | $30/hr",
            ["P5 | Maths", "Fig Lane", "shy", "Mon 5pm", "$30/hr"],
        ),
        (
            "P5 Maths // Fig Lane // Mon 5pm // $30/hr",
            ["P5 Maths", "Fig Lane", "Mon 5pm", "$30/hr"],
        ),
        (
            "Code: FD31 / P5 Maths / Fig Lane / Mon 5pm / $30/hr / 1x a week",
            ["Code: FD31", "P5 Maths", "Fig Lane", "Mon 5pm", "$30/hr", "1x a week"],
        ),
        (
            "P5 Maths, Fig Lane, Mon, Wed 5pm, 1x a week, 2h, $30/hr",
            ["P5 Maths", "Fig Lane", "Mon, Wed 5pm", "1x a week, 2h", "$30/hr"],
        ),
        (
            "P5 Maths - Fig Lane - Mon 5pm - 7pm - $30 - 40/hr - 1x a week",
            ["P5 Maths", "Fig Lane", "Mon 5pm - 7pm", "$30 - 40/hr", "1x a week"],
        ),
    ],
)
def test_a_line_of_several_fields_is_cut_between_them(line: str, expected: list[str]) -> None:
    assert cells(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "Maths | Science | English",
        "P5 Maths, Science, English",
        "Remarks: weak in algebra, Mon or Wed, once a week, $30/hr is fine",
        "He is 12, likes books, and is shy.",
    ],
)
def test_other_lines_stay_whole(line: str) -> None:
    assert cells(line) == [line]


def test_sentences_stay_whole_in_a_post_with_labels() -> None:
    text = "Code: AB12\nRate: $30/hr\nLocation: Fig Lane\nShy boy, Mon 5pm, 1x a week, $30/hr"
    assert cells(text) == text.split("\n")


def test_cells_keep_the_line_they_come_from() -> None:
    lines = cut_cells(split_lines("x\nP5 Maths | Fig Lane | Mon 5pm | $30/hr"))
    assert [line.number for line in lines] == [0, 1, 1, 1, 1]
