"""Days and times in words, to slots of a week."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.extraction.contract import DAYS
from tutordex_dagster.extraction.rules.availability import MAX_TOKENS, read_slots, week

SHORT = {day[:3]: day for day in DAYS}


def slots_in(text: str, *, explicit: bool) -> dict[str, list[str]]:
    found = week(slot for slot in read_slots(text) if slot.explicit is explicit).model_dump()
    return {day[:3]: list(slots) for day, slots in found.items() if slots}


def days(names: str, *slots: str) -> dict[str, list[str]]:
    return {name: list(slots) for name in names.split()}


WEEKDAYS, WEEKEND = "mon tue wed thu fri", "sat sun"
ALL = f"{WEEKDAYS} {WEEKEND}"
WHOLE, AFTER_4, EVENING = "08:00-23:00", "16:00-23:00", "16:00-21:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon 3pm", days("mon", "15:00-15:00")),
        ("Fri 1-5pm", days("fri", "13:00-17:00")),
        ("Mon 7-9", days("mon", "19:00-21:00")),
        ("Sat 10:00-11:30 or 13:00-14:30", days("sat", "10:00-11:30", "13:00-14:30")),
        ("Tue btw 2pm and 5pm", days("tue", "14:00-17:00")),
        ("Weds 615-815pm", days("wed", "18:15-20:15")),
        ("Sat 10-1pm", days("sat", "10:00-13:00")),
        ("Sat 11am to 12.30pm", days("sat", "11:00-12:30")),
        ("Sat 10am - 12", days("sat", "10:00-12:00")),
        ("Sat 10am-1", days("sat", "10:00-13:00")),
        ("Sun 14:00-16:00", days("sun", "14:00-16:00")),
        ("Tue 1900-2030hrs", days("tue", "19:00-20:30")),
        ("Tue 1900hrs", days("tue", "19:00-19:00")),
        ("Sat 09:00-11:00", days("sat", "09:00-11:00")),
        ("Sat 12 noon", days("sat", "12:00-12:00")),
        (
            "Tue, Wed & Sun 5pm/ Mon 2-6pm",
            {**days("tue wed sun", "17:00-17:00"), **days("mon", "14:00-18:00")},
        ),
        ("Mon-Wed 5pm", days("mon tue wed", "17:00-17:00")),
        ("Sat to Mon 5pm", days("mon sat sun", "17:00-17:00")),
        ("5pm Mon, 6pm Tue", {**days("mon", "17:00-17:00"), **days("tue", "18:00-18:00")}),
        ("from 4pm to 6pm on Mon/Wed", days("mon wed", "16:00-18:00")),
        ("Mon 4pm-5pm, 7pm-8pm", days("mon", "16:00-17:00", "19:00-20:00")),
        ("Sat morning 9-11", days("sat", "09:00-11:00")),
        ("Sat 9-11 morning", days("sat", "09:00-11:00")),
        ("Wed night 9-10", days("wed", "21:00-22:00")),
        ("Sat 10am morning", days("sat", "10:00-10:00")),
        ("Wed 8pm. 2 lessons of 1.5 hrs from 5 Jan 2027", days("wed", "20:00-20:00")),
        ("Mon 3pm, mon 3pm", days("mon", "15:00-15:00")),
        ("Sat between 2pm and 4pm", days("sat", "14:00-16:00")),
        ("Rabu/Jumaat 5pm-6pm", days("wed fri", "17:00-18:00")),
        ("星期二 7pm-8pm, 周日 3pm-4pm", {**days("tue", "19:00-20:00"), **days("sun", "15:00-16:00")}),
    ],
)
def test_a_named_day_with_a_clock_time_is_explicit(text: str, expected: dict[str, list[str]]) -> None:
    assert slots_in(text, explicit=True) == expected
    assert slots_in(text, explicit=False) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon after 4pm", days("mon", AFTER_4)),
        ("Mon aft 4", days("mon", AFTER_4)),
        ("Tue to Thu 4pm onwards", days("tue wed thu", AFTER_4)),
        ("Mon 4pm or later", days("mon", AFTER_4)),
        ("Sat before 2pm", days("sat", "08:00-14:00")),
        ("Sat by 2pm", days("sat", "08:00-14:00")),
        ("Weekdays after 4pm", days(WEEKDAYS, AFTER_4)),
        ("Weekdays 7pm", days(WEEKDAYS, "19:00-19:00")),
        ("wkends 2-4pm", days(WEEKEND, "14:00-16:00")),
        ("Any day 8pm", days(ALL, "20:00-20:00")),
        ("Weekend or weekday evening", days(ALL, EVENING)),
        (
            "Mon morning, Tue afternoon, Wed evening, Thu night",
            {
                **days("mon", "08:00-12:00"),
                **days("tue", "12:00-17:00"),
                **days("wed", EVENING),
                **days("thu", "19:00-23:00"),
            },
        ),
        (
            "wkend am, I am free Fri eve, Wed aft",
            {
                **days("sat sun", "08:00-12:00"),
                **days("fri", EVENING),
                **days("wed", "12:00-17:00"),
            },
        ),
        ("Sat (AM), Sun PM", {**days("sat", "08:00-12:00"), **days("sun", "12:00-23:00")}),
        ("Thu/Sat afternoon and evening", days("thu sat", "12:00-17:00", EVENING)),
        ("Sunday, afternoon to evening", days("sun", "12:00-21:00")),
        ("A weekend please", days(WEEKEND, WHOLE)),
        ("Saturday", days("sat", WHOLE)),
        ("Sat flexible", days("sat", WHOLE)),
        ("Sun any time", days("sun", WHOLE)),
        ("Flexible", days(ALL, WHOLE)),
        ("Any day except Fri after 5pm", days("mon tue wed thu sat sun", "17:00-23:00")),
        ("Weekdays after 4pm except Wed", days("mon tue thu fri", AFTER_4)),
        ("not on Fridays, weekdays after 4pm", days("mon tue wed thu", AFTER_4)),
        ("No Saturday before 1pm", days("sat", "13:00-23:00")),
        ("Sat, not after 3pm", days("sat", "08:00-15:00")),
        (
            "Any time is fine. Weekends any time, weekdays after 4pm",
            {**days(WEEKEND, WHOLE), **days(WEEKDAYS, AFTER_4)},
        ),
        ("Wed evening 7", days("wed", EVENING)),
        ("weekdays (not Thu) after 4pm", days("mon tue wed fri", AFTER_4)),
        ("Weekdays aft 4pm exc Thu", days("mon tue wed fri", AFTER_4)),
        ("wkends, am", days(WEEKEND, "08:00-12:00")),
        ("Sat; Sun after 4pm", {**days("sat", WHOLE), **days("sun", AFTER_4)}),
    ],
)
def test_other_words_of_time_give_estimated_slots(text: str, expected: dict[str, list[str]]) -> None:
    assert slots_in(text, explicit=False) == expected
    assert slots_in(text, explicit=True) == {}


@pytest.mark.parametrize(
    "text",
    [
        "after 4pm",
        "to be discussed",
        "thrice weekly for 2 hours",
        "5 Jan 2027",
        "",
        "not on Fridays",
        "3pm",
    ],
)
def test_a_time_without_a_day_is_no_slot(text: str) -> None:
    assert read_slots(text) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu 10pm - 12am", days("thu", "22:00-23:59")),
        ("Fri 9pm-12mn", days("fri", "21:00-23:59")),
        ("Fri 9-12mn", days("fri", "21:00-23:59")),
        ("Mon 7pm to 12 midnight", days("mon", "19:00-23:59")),
        ("Fri 8pm till midnight", days("fri", "20:00-23:59")),
        ("Sat 10am - 12midnight", days("sat", "10:00-23:59")),
        ("Sat 8pm-12", days("sat", "20:00-23:59")),
        ("Sun 10:00-24:00", days("sun", "10:00-23:59")),
        ("Sun 10:00-23:59", days("sun", "10:00-23:59")),
        ("Sun 22:00-00:00", days("sun", "22:00-23:59")),
        ("Sun 2000-2400hrs", days("sun", "20:00-23:59")),
        ("Sat 10am-12nn", days("sat", "10:00-12:00")),
    ],
)
def test_midnight_is_the_end_of_the_day(text: str, expected: dict[str, list[str]]) -> None:
    assert slots_in(text, explicit=True) == expected
    assert slots_in(text, explicit=False) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Sat 9-11",
        "Fri 8 to 10",
        "8 to 10 on Fri",
        "Sat 10-12am",
        "Sat 6pm-4pm",
        "Mon 11pm-1am",
        "Sat 12mn-2am",
    ],
)
def test_a_day_with_a_span_that_is_not_understood_has_no_slot(text: str) -> None:
    assert read_slots(text) == ()


def test_a_span_that_is_not_understood_costs_no_other_day_its_slots() -> None:
    assert slots_in("Fri 8 to 10 or Sat 3pm", explicit=True) == days("sat", "15:00-15:00")
    assert slots_in("Fri 8 to 10, weekends", explicit=False) == days(WEEKEND, WHOLE)


def test_impossible_times_are_passed_over() -> None:
    assert slots_in("Sat 6pm-4pm", explicit=True) == {}
    assert slots_in("Sat 25:30", explicit=True) == {}


def test_only_so_many_words_of_time_are_read() -> None:
    assert len(read_slots("Mon 3pm, " * MAX_TOKENS)) == 1


@given(st.text(alphabet="monday tuesatfri0123459:.-apm,/&;afternoexcptlix", max_size=60))
def test_slots_are_always_inside_a_day_and_in_order(text: str) -> None:
    for slot in read_slots(text):
        assert 0 <= slot.day <= 6
        assert 0 <= slot.start <= slot.end < 24 * 60
