"""Arithmetic on the grid, without the grid."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.partitions import (
    contiguous,
    parse_key,
    partition_key,
    range_tags,
    rectangle_of,
    rectangles_over,
    windows_by_channel,
    within_grid,
)
from tutordex_dagster.windows import HOUR, Window

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = st.integers(0, 20_000).map(lambda number: START + number * HOUR)
CHANNELS = [f"t.me/channel{number}" for number in range(6)]


@given(st.sampled_from([*CHANNELS, "t.me/c/1234567890"]), HOURS)
def test_a_key_leads_back_to_its_channel_and_hour(channel: str, hour: datetime) -> None:
    assert parse_key(str(partition_key(channel, hour))) == (channel, hour)


def test_a_key_reads_as_dagster_writes_it() -> None:
    assert str(partition_key("t.me/somechannel", START)) == "t.me/somechannel|2026-01-01-00:00"


@given(st.sets(HOURS, max_size=40))
def test_windows_cover_exactly_the_hours_and_never_touch(hours: set[datetime]) -> None:
    windows = contiguous(hours)

    assert [hour for window in windows for hour in window.hours()] == sorted(hours)
    assert all(one.until < other.since for one, other in pairwise(windows))


@given(st.sets(st.tuples(st.sampled_from(CHANNELS), HOURS), max_size=30))
def test_keys_are_gathered_by_channel(places: set[tuple[str, datetime]]) -> None:
    windows = windows_by_channel(partition_key(*place) for place in places)

    gathered = {
        (channel, hour) for channel, spans in windows.items() for span in spans for hour in span.hours()
    }
    assert gathered == places


@given(st.sets(st.sampled_from(CHANNELS), min_size=1), st.integers(1, 30))
def test_rectangles_cover_each_channel_once_and_survive_their_tags(channels: set[str], hours: int) -> None:
    window = Window(START, START + hours * HOUR)
    found = rectangles_over(channels, window, order=CHANNELS)
    covered = [
        channel
        for each in found
        for channel in CHANNELS[CHANNELS.index(each.first_channel) : CHANNELS.index(each.last_channel) + 1]
    ]

    assert sorted(covered) == sorted(channels)
    assert [rectangle_of(range_tags(each)) for each in found] == found
    assert {each.window for each in found} == {window}


def test_a_run_over_a_single_partition_names_no_rectangle() -> None:
    assert rectangle_of({"dagster/partition": "t.me/a|2026-01-01-00:00"}) is None


def test_a_window_is_cut_to_the_hours_the_grid_has() -> None:
    now = START + timedelta(hours=5, minutes=20)

    assert within_grid(Window(START - HOUR, now + 9 * HOUR), start=START, now=now) == Window(
        START, START + 6 * HOUR
    )
    assert within_grid(Window(START - 2 * HOUR, START - HOUR), start=START, now=now) is None
    assert within_grid(Window(now + 2 * HOUR, now + 3 * HOUR), start=START, now=now) is None
