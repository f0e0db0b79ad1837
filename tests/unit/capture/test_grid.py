"""Covering what is due with rectangles: nothing forgotten, none too big, none mostly idle."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.capture.grid import Rectangle, rectangles
from tutordex_dagster.windows import HOUR, Window

START = datetime(2026, 1, 5, tzinfo=UTC)
CHANNELS = [f"t.me/channel{number}" for number in range(6)]

Cell = tuple[str, datetime]


def cells(rectangle: Rectangle) -> set[Cell]:
    first, last = CHANNELS.index(rectangle.first_channel), CHANNELS.index(rectangle.last_channel)
    return {(channel, hour) for channel in CHANNELS[first : last + 1] for hour in rectangle.window.hours()}


def due_of(picture: str) -> list[Cell]:
    """Read one line a channel, one character an hour; `x` is due."""
    return [
        (channel, START + index * HOUR)
        for channel, row in zip(CHANNELS, picture.split(), strict=False)
        for index, mark in enumerate(row)
        if mark == "x"
    ]


def covered(picture: str, *, max_partitions: int = 100) -> list[tuple[int, int, int, int]]:
    """Give each rectangle as first channel, last channel, first hour, end hour."""
    found = rectangles(due_of(picture), channel_order=CHANNELS, max_partitions=max_partitions)
    return [
        (
            CHANNELS.index(each.first_channel),
            CHANNELS.index(each.last_channel),
            (each.window.since - START) // HOUR,
            (each.window.until - START) // HOUR,
        )
        for each in found
    ]


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("....", []),
        (".x..", [(0, 0, 1, 2)]),
        ("xxxx xxxx xxxx", [(0, 2, 0, 4)]),
        ("xx.x", [(0, 0, 0, 4)]),
        ("x..x", [(0, 0, 0, 4)]),
        ("x...x", [(0, 0, 0, 1), (0, 0, 4, 5)]),
        ("xxxx.....x", [(0, 0, 0, 4), (0, 0, 9, 10)]),
        ("xx .. xx", [(0, 0, 0, 2), (2, 2, 0, 2)]),
        ("..xx xxxx", [(1, 1, 0, 4), (0, 0, 2, 4)]),
    ],
)
def test_neighbours_share_a_rectangle_and_small_gaps_are_bridged(
    picture: str, expected: list[tuple[int, int, int, int]]
) -> None:
    assert covered(picture) == expected


def test_a_rectangle_ends_where_it_would_grow_too_big() -> None:
    assert covered("xxx xxx xxx", max_partitions=6) == [(0, 2, 0, 2), (0, 2, 2, 3)]
    assert covered("xx xx xx", max_partitions=2) == [(0, 1, 0, 1), (2, 2, 0, 2), (0, 1, 1, 2)]


def test_channels_without_a_partition_are_left_out() -> None:
    assert rectangles([("t.me/removed", START)], channel_order=CHANNELS, max_partitions=5) == []


@given(
    due=st.sets(
        st.tuples(st.sampled_from(CHANNELS), st.integers(0, 40).map(lambda hour: START + hour * HOUR))
    ),
    max_partitions=st.integers(1, 60),
    fill=st.floats(0.1, 1.0),
)
def test_every_due_partition_is_covered_by_rectangles_that_keep_their_limits(
    due: set[Cell], max_partitions: int, fill: float
) -> None:
    found = rectangles(due, channel_order=CHANNELS, max_partitions=max_partitions, fill=fill)
    assert due <= set().union(*map(cells, found))
    assert all(len(cells(each)) <= max_partitions for each in found)
    assert all(len(cells(each) & due) >= fill * len(cells(each)) for each in found)
    assert [each.window.since for each in found] == sorted(each.window.since for each in found)


def test_the_same_due_work_gives_the_same_rectangles_in_any_order() -> None:
    due = due_of("xx.xx .xxx. x...x")
    assert rectangles(due, channel_order=CHANNELS, max_partitions=7) == rectangles(
        reversed(due), channel_order=CHANNELS, max_partitions=7
    )


def test_a_rectangle_is_a_window_of_whole_hours() -> None:
    found = rectangles([(CHANNELS[2], START)], channel_order=CHANNELS, max_partitions=1)
    expected = Window(START, START + HOUR)
    assert found == [Rectangle(first_channel=CHANNELS[2], last_channel=CHANNELS[2], window=expected)]
