"""Sealed hours are read again a few times, each read satisfying all plans up to it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.capture.rereads import next_reread
from tutordex_dagster.windows import HOUR, hour_of

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)

hours = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)).map(hour_of)  # noqa: DTZ001
ages = st.timedeltas(timedelta(minutes=2), timedelta(days=10))


def plan(hour: datetime) -> list[datetime]:
    """Return every time an hour is read again when each read is made exactly when it is due."""
    planned, seen = [], hour + HOUR
    while (due := next_reread(hour, seen)) is not None:
        planned.append(due)
        seen = due
    return planned


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (0, [4, 18, 72, 8 * 24]),
        (5, [9, 18, 72, 8 * 24]),
        (6, [10, 24, 72, 8 * 24]),
        (23, [27, 36, 72, 8 * 24]),
    ],
)
def test_an_hour_is_read_again_four_times(hour: int, expected: list[int]) -> None:
    assert plan(MONDAY + hour * HOUR) == [MONDAY + each * HOUR for each in expected]


@given(hour=hours)
def test_looks_lie_apart_by_their_age_rounded_up(hour: datetime) -> None:
    ends = [due - hour - HOUR for due in plan(hour)]
    least = [timedelta(hours=3), timedelta(hours=12), timedelta(hours=48), timedelta(days=7)]
    grids = [HOUR, 6 * HOUR, DAY, DAY]
    assert all(low <= end < low + grid for low, end, grid in zip(least, ends, grids, strict=True))


@given(hour=hours, age=ages)
def test_the_next_look_is_the_first_of_the_plan_after_the_read_began(hour: datetime, age: timedelta) -> None:
    seen = hour + HOUR + age
    assert next_reread(hour, seen) == next((due for due in plan(hour) if due > seen), None)


@given(hour=hours)
def test_after_eight_days_nothing_is_read_again(hour: datetime) -> None:
    assert next_reread(hour, hour + HOUR + 8 * DAY) is None


@given(hour=hours, age=ages)
def test_neighbouring_hours_read_together_fall_due_together(hour: datetime, age: timedelta) -> None:
    """A day of 24 hours that one read covers is covered again by few reads, not by 24."""
    day = hour.replace(hour=0)
    seen = day + DAY + 3 * HOUR + age
    assert len({next_reread(day + number * HOUR, seen) for number in range(24)} - {None}) <= 4
    first = {next_reread(day + number * HOUR, day + DAY + 2 * DAY) for number in range(24)}
    assert len(first) == 1
