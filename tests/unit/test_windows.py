"""Half-open windows over aware instants: nothing counted twice, nothing dropped at an edge."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import HOUR, Window, hour_of, hour_window, parse_instant, utc_now

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_since_is_included_and_until_is_not() -> None:
    window = Window(NOON, NOON + HOUR)
    assert NOON in window
    assert NOON + HOUR not in window
    assert NOON + HOUR - timedelta(microseconds=1) in window


def test_a_naive_end_is_refused_with_the_way_to_write_it() -> None:
    with pytest.raises(UsageError, match=r"2026-03-02T12:00:00: has no time zone; write it as"):
        Window(NOON.replace(tzinfo=None), NOON)


@pytest.mark.parametrize("until", [NOON, NOON - HOUR])
def test_an_empty_or_reversed_window_is_refused(until: datetime) -> None:
    with pytest.raises(UsageError, match="the window is empty"):
        Window(NOON, until)


@given(since=instants, length=st.timedeltas(timedelta(microseconds=1), timedelta(days=3)))
def test_the_hours_of_a_window_tile_its_whole_hours(since: datetime, length: timedelta) -> None:
    window = Window(since, since + length)
    hours = list(window.hours())
    whole = window.whole_hours()
    assert hours[0] == whole.since <= since
    assert hours[-1] + HOUR == whole.until >= window.until
    assert all(later - earlier == HOUR for earlier, later in itertools.pairwise(hours))


def test_the_hour_of_an_instant_is_counted_in_utc_whatever_zone_it_is_written_in() -> None:
    singapore = timezone(timedelta(hours=8))
    assert hour_of(datetime(2026, 3, 2, 20, 59, tzinfo=singapore)) == NOON
    assert hour_window(NOON) == Window(NOON, NOON + HOUR)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-02T12:00:00+00:00", NOON),
        (" 2026-03-02T20:00:00+08:00 ", NOON),
        ("2026-03-02T12:00:00Z", NOON),
    ],
)
def test_an_instant_with_a_zone_is_read_and_given_in_utc(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-03-02T12:00:00", "has no time zone; write 2026-03-02T12:00:00\\+00:00 if you mean UTC"),
        ("yesterday", "is no ISO 8601 time"),
        ("", "is no ISO 8601 time"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        parse_instant(text)


def test_the_default_clock_tells_aware_utc() -> None:
    assert utc_now().tzinfo is UTC
