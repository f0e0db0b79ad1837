"""Days and clock times are recognised in the spellings posts use; what a post does not name is not."""

import time

import pytest

from tutordex_dagster.extraction.contract import DAYS
from tutordex_dagster.extraction.llm.week import days_named, times_named

WEEKDAYS, WEEKEND = set(DAYS[:5]), set(DAYS[5:])


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("Sat 2pm-4pm", "sat"),
        ("MONDAYS or Tues, weds / Thur", "mon tue wed thu"),
        ("Wednesday, Thurs, Fri's", "wed thu fri"),
        ("Wedneseday and Saterday", "wed sat"),
        ("Mon4pm, 5pmSun", "mon sun"),
        ("Tu/Th 7pm", "tue thu"),
        ("M/W/F", "mon wed fri"),
        ("MWF evenings", "mon wed fri"),
        ("Mon-Wed", "mon tue wed"),
        ("Mon to Thurs", "mon tue wed thu"),
        ("Fri – Sun", "fri sat sun"),
        ("Sat thru Mon", "sat sun mon"),
        ("Sun, Tue till Thu", "sun tue wed thu"),
        ("Ahad, Selasa malam", "sun tue"),
        ("周三 7pm, 星期天", "wed sun"),
        ("Sat flexible", "sat"),
        ("every week, Sat", "sat"),
        ("Sat all day", "sat"),
        ("Sun 2pm, not Sat", "sun sat"),
        ("1x a month, 5th May, satisfied, sunny, money, we prefer evenings", ""),
        ("after 5pm", ""),
    ],
)
def test_days_are_named_one_by_one_or_as_a_range(words: str, days: str) -> None:
    assert {day[:3] for day in days_named(words)} == set(days.split())


@pytest.mark.parametrize(
    "words", ["weekdays", "Week day nights", "wkdays", "wkday eve", "M-F", "school days"]
)
def test_weekdays_are_five_days(words: str) -> None:
    assert days_named(words) == WEEKDAYS


@pytest.mark.parametrize("words", ["weekends", "wkend", "week-end mornings", "Wknd only", "周末"])
def test_a_weekend_is_two_days(words: str) -> None:
    assert days_named(words) == WEEKEND


@pytest.mark.parametrize(
    "words",
    [
        "daily",
        "any day after 4pm",
        "Everyday",
        "every day",
        "all days",
        "Flexible",
        "anytime",
        "weekdays, and any other day",
        "except Fri",
        "not on Sundays; after 5pm",
        "All days excluding Wed",
    ],
)
def test_every_day_is_seven_days(words: str) -> None:
    assert days_named(words) == set(DAYS)


@pytest.mark.parametrize(
    ("words", "times"),
    [
        ("2pm", "14:00"),
        ("2.30pm", "14:30"),
        ("2:30 PM", "14:30"),
        ("230pm", "14:30"),
        ("2.30 p.m.", "14:30"),
        ("7p-8.30p", "19:00 20:30"),
        ("10am", "10:00"),
        ("1430", "14:30"),
        ("14:30hrs", "14:30"),
        ("14h30", "14:30"),
        ("0900", "09:00 21:00"),
        ("4-6.30pm", "04:00 16:00 18:30"),
        ("4pmto6pm", "04:00 16:00 18:00"),
        ("noon", "12:00"),
        ("12pm", "00:00 12:00"),
        ("midnight", "00:00 23:59"),
        ("afternoon", ""),
        ("$40, 1.5h, 16/3/2025, tel 91234567, 75 pupils", "03:00 15:00 16:00 20:25"),
        ("9" * 5_000, ""),
    ],
)
def test_times_are_named_on_either_clock(words: str, times: str) -> None:
    assert {f"{time // 60:02d}:{time % 60:02d}" for time in times_named(words)} == set(times.split())


@pytest.mark.parametrize(
    "text", ["mon to " * 1_200, "no " * 2_700, "1." * 4_000, "m/" * 4_000, "w k d" * 1_600]
)
def test_looking_for_days_and_times_takes_no_time_on_any_text(text: str) -> None:
    """Patterns that go back and forth would take minutes on some of these."""
    began = time.process_time()
    days_named(text)
    times_named(text)
    assert time.process_time() - began < 1
