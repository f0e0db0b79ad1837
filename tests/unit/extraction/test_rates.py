"""Pay."""

import pytest

from tutordex_dagster.extraction.rules.rates import amounts, free_rate, labelled_rate


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("$30-40/hr", 30, 40),
        ("$ 30 - $40 per hour", 30, 40),
        ("30 to 40", 30, 40),
        ("S$45.50/h", 45.5, 45.5),
        ("SGD 60 p/h", 60, 60),
        ("$41/hr to $47/hr", 41, 47),
        ("40", 40, 40),
        ("from $50", 50, None),
        ("$50 onwards", 50, None),
        ("$50+", 50, None),
        ("up to $60/h", None, 60),
        ("$70/hr (6 pax, 2 hrs)", 70, 70),
        ("$40-60/hr (graduates)", 40, 60),
        ("PT $30-35/hr, FT $40-50/hr", None, None),
        ("$35 (students) 55 (teachers)", None, None),
        ("Tutor to quote", None, None),
        ("market rate", None, None),
        ("$50 per 45 min lesson", None, None),
        ("$400/month", None, None),
        ("Per lesson: $50", None, None),
        ("$80 (per session of 90 mins)", None, None),
        ("$80 per session of 90", None, None),
        ("$240 monthly, 2 hrs a week", None, None),
        ("$40/hr, 2 hrs per lesson", 40, 40),
        ("$40 per hour, once a week", 40, 40),
        ("$35/hr, 1 lesson a week", 35, 35),
        ("$30-35/hour. 2 lessons per week", 30, 35),
        ("$40/hr ($60 per lesson)", 40, 40),
        ("$35/hr - 90 mins", 35, 35),
        ("$30/hr - 90 mins weekly", 30, 30),
        ("$25/hr ~ 60 min", 25, 25),
        ("$60/h - 1x/wk 1h", 60, 60),
        ("$40/hr - 2x a week", 40, 40),
        ("$40/hr - 2x1.5h", 40, 40),
        ("$35/hr - 1.5 hours", 35, 35),
        ("$35/hr - 10 lessons", 35, 35),
        ("$30-35 x 1.5h", 30, 35),
        ("$30-35hr", 30, 35),
        ("$3", None, None),
        ("$900/hr", None, None),
        ("$60-40/hr", None, None),
        ("", None, None),
    ],
)
def test_amounts_are_hourly_and_the_same_for_everybody(
    text: str, low: float | None, high: float | None
) -> None:
    assert amounts(text) == (low, high)


def test_the_raw_text_is_the_sentences_about_money() -> None:
    rate, schedule = labelled_rate("Rate: ", "PT $25/hr, FT $35/hr. Say why you ask for it. Be kind!")
    assert (rate.raw_text, schedule) == ("PT $25/hr, FT $35/hr.", "")


def test_a_bracket_about_the_schedule_is_told_apart_from_the_pay() -> None:
    rate, schedule = labelled_rate("Rate: ", "$44-$48/h (3h per lesson, twice a month)")
    assert (rate.raw_text, rate.min, schedule) == ("$44-$48/h", 44, "(3h per lesson, twice a month)")


def test_the_label_stays_where_it_alone_states_the_unit() -> None:
    assert labelled_rate("Pay per hour: ", "S$52")[0].raw_text == "Pay per hour: S$52"
    assert labelled_rate("Pay per hour: ", "S$52/h")[0].raw_text == "S$52/h"


@pytest.mark.parametrize("value", ["", "NIL", "TBC", "-"])
def test_nothing_stated_is_no_rate(value: str) -> None:
    assert labelled_rate("Rate: ", value)[0].raw_text is None


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("come weekly. $41/hr to $47/hr", "$41/hr to $47/hr"),
        ("Rates $30/hr. Be kind", "$30/hr"),
        ("40/hr for graduates", "40/hr"),
        ("$41/hr (full-time only)", "$41/hr (full-time only)"),
        ("$41/hr (2 pax)", "$41/hr"),
        ("can pay up to $41/hr", "up to $41/hr"),
        ("$50 per lesson", "$50 per lesson"),
        ("$50 - 60 min", "$50"),
        ("$35/hr - 90 mins", "$35/hr"),
        ("$40 - 50 weekly", "$40 - 50"),
        ("$2 coffee", None),
        ("blk 40", None),
    ],
)
def test_unlabelled_pay_is_money_with_its_unit(text: str, raw: str | None) -> None:
    rate = free_rate(text)
    assert (rate.raw_text if rate else None) == raw
