"""Arithmetic on the grid of channels × hours: few rectangles that cover what is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tutordex_dagster.windows import HOUR, Window

_LONGEST_BRIDGE = 3
"""Hours without due work that a rectangle may span before the next due one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """Contiguous channels (by the order given, both ends included) × contiguous hours."""

    first_channel: str
    last_channel: str
    window: Window


def rectangles(
    due: Iterable[tuple[str, datetime]],
    *,
    channel_order: Sequence[str],
    max_partitions: int,
    fill: float = 0.5,
) -> list[Rectangle]:
    """Cover the due partitions (channel, full hour) with few rectangles, oldest hour first.

    Each rectangle holds at most `max_partitions`, of which at least the share `fill` is due. Channels outside
    `channel_order` are no partitions and are left out. The same input gives the same rectangles.
    """
    place = {channel: index for index, channel in enumerate(channel_order)}
    left = {(hour, place[channel]) for channel, hour in due if channel in place}
    found = []
    for hour, first in sorted(left):
        if (hour, first) not in left:
            continue
        last = _widest(left, hour, first, max_partitions)
        until = _longest(left, hour, range(first, last + 1), max_partitions, fill)
        window = Window(hour, until)
        left -= {(each, index) for each in window.hours() for index in range(first, last + 1)}
        found.append(
            Rectangle(first_channel=channel_order[first], last_channel=channel_order[last], window=window)
        )
    return found


def _widest(left: set[tuple[datetime, int]], hour: datetime, first: int, max_partitions: int) -> int:
    """Return the last of the neighbouring channels that are due in this hour."""
    last = first
    while (hour, last + 1) in left and last + 2 - first <= max_partitions:
        last += 1
    return last


def _longest(
    left: set[tuple[datetime, int]], since: datetime, channels: range, max_partitions: int, fill: float
) -> datetime:
    """Return the end of the longest span that stays full enough, bridging a few hours without due work."""
    until = hour = since + HOUR
    covered, size, gap = len(channels), len(channels), 0
    while gap <= _LONGEST_BRIDGE and size + len(channels) <= max_partitions:
        due_here = sum((hour, channel) in left for channel in channels)
        covered, size, hour = covered + due_here, size + len(channels), hour + HOUR
        gap = 0 if due_here else gap + 1
        if due_here and covered >= fill * size:
            until = hour
    return until
