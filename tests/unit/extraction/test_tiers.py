"""Pay tiered by kind of tutor."""

import pytest

from tutordex_dagster.extraction.contract import Extracted
from tutordex_dagster.extraction.rules import build
from tutordex_dagster.extraction.rules.tiers import MAX_TIERS, rate_breakdown


def tiers(text: str) -> list[tuple[str, float | None, float | None]]:
    return [(tier.tutor_type, tier.min, tier.max) for tier in rate_breakdown(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT $30-35/hr, FT $40/hr", [("Part-Time Tutor", 30, 35), ("Full-Time Tutor", 40, 40)]),
        (
            "$25/h (undergrads), $45-$55/h (full-timers)",
            [("Undergraduate", 25, 25), ("Full-Time Tutor", 45, 55)],
        ),
        (
            "$25-30/hr for undergrad, $45/hr for full-time",
            [("Undergraduate", 25, 30), ("Full-Time Tutor", 45, 45)],
        ),
        (
            "Grad: $40/h\nEx/Current MOE: from $70/h",
            [("Graduate", 40, 40), ("Current MOE Teacher", 70, None), ("Ex-MOE Teacher", 70, None)],
        ),
        ("$65-$80/hr (Current or ex-teacher)", []),
        ("PT $30/hr, FT $30/hr", []),
        ("PT $30 per lesson, FT $40 per lesson", []),
        ("P5 $30/hr, P6 $35/hr", []),
        ("Tutor to quote", []),
        ("", []),
    ],
)
def test_kinds_of_tutors_are_paid_differently_or_there_are_no_tiers(
    text: str, expected: list[tuple[str, float | None, float | None]]
) -> None:
    assert tiers(text) == expected


def test_a_tier_is_the_words_of_the_post() -> None:
    text = "PT: $30-35/hr / FT: $40/hr / $50"
    assert [tier.raw_text for tier in rate_breakdown(text)] == ["PT: $30-35/hr", "FT: $40/hr"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Code: A1\nP3 Maths @ Bishan\n$50 an hour for full-time, $40 for part-time", 2),
        ("Code: A1\nP3 Maths @ Bishan\n45/h (ft) 65/h (moe)", 2),
        ("Code: A1\nSubject: P3 Maths\nRate PT: $30/hr, FT: $40/hr", 2),
        ("Code: A1\nP3 Maths @ Bishan\n$70/hr for full-timers, $100/hr for other teachers", 1),
        ("Code: A1\nP3 Maths @ Bishan\n$50 an hour, full-time", 0),
    ],
)
def test_tiers_stand_in_free_lines_and_with_their_label_too(text: str, kinds: int) -> None:
    outcome = build({}).extract(text)
    assert isinstance(outcome, Extracted)
    (segment,) = outcome.segments
    assert len(segment.rate_breakdown) == kinds
    assert (segment.rate.min is None) == (kinds > 0)


def test_the_number_of_tiers_is_bounded() -> None:
    assert len(rate_breakdown("PT $30, FT $40, " * 500)) == MAX_TIERS


@pytest.mark.parametrize(
    ("rates", "raw_text"),
    [
        (
            "Rates:\n- Undergrad: $30/hr\n- Full time tutor: $45/hr",
            "Undergrad: $30/hr\nFull time tutor: $45/hr",
        ),
        ("PT Rate: $30/hr\nFT Rate: $45/hr", "PT Rate: $30/hr\nFT Rate: $45/hr"),
        ("Rate - PT: $30/hr / FT: $45/hr", "PT: $30/hr / FT: $45/hr"),
    ],
)
def test_a_tiered_rate_has_its_words_and_no_amounts(rates: str, raw_text: str) -> None:
    outcome = build({}).extract(f"Code: A1\nSubject: P3 Maths\n{rates}\nLocation: Bishan")
    assert isinstance(outcome, Extracted)
    (assignment,) = outcome.segments
    assert (assignment.rate.min, assignment.rate.max, assignment.rate.raw_text) == (None, None, raw_text)
    assert [tier.min for tier in assignment.rate_breakdown] == [30, 45]
    assert assignment.evidence["rate_breakdown"] == assignment.evidence["rate"]
