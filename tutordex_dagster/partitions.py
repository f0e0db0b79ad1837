"""The channel × hour grid, and arithmetic on it that never lists it: a year has 8,760 keys a channel."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from tutordex_dagster.capture.grid import Rectangle, rectangles
from tutordex_dagster.windows import HOUR, Window, hour_of

CHANNEL = "channel"
HOUR_DIMENSION = "hour"
CHANNELS = dg.DynamicPartitionsDefinition(name=CHANNEL)

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
"""Two corners of a rectangle; a run with both covers every partition in between (seen with 1.13)."""

_KEY_FORMAT = "%Y-%m-%d-%H:%M"
"""Dagster's own form of an hourly key, always UTC here."""


def grid(start: datetime) -> dg.MultiPartitionsDefinition:
    """Return the grid from `start` (a full UTC hour) on; the running hour is part of it."""
    hours = dg.HourlyPartitionsDefinition(start_date=start, end_offset=1, timezone="UTC", fmt=_KEY_FORMAT)
    return dg.MultiPartitionsDefinition({CHANNEL: CHANNELS, HOUR_DIMENSION: hours})


def partition_key(reference: str, hour: datetime) -> dg.MultiPartitionKey:
    """Return the key of one channel's hour, `t.me/name|2026-01-05-13:00`."""
    return dg.MultiPartitionKey(
        {CHANNEL: reference, HOUR_DIMENSION: hour.astimezone(UTC).strftime(_KEY_FORMAT)}
    )


def parse_key(key: str) -> tuple[str, datetime]:
    """Return the channel and the hour (aware UTC) of a partition key."""
    reference, _, hour = key.rpartition("|")
    return reference, datetime.strptime(hour, _KEY_FORMAT).replace(tzinfo=UTC)


def windows_by_channel(keys: Iterable[str]) -> dict[str, list[Window]]:
    """Gather partition keys into contiguous windows per channel, channels in the order of the keys."""
    hours: dict[str, list[datetime]] = {}
    for key in keys:
        reference, hour = parse_key(key)
        hours.setdefault(reference, []).append(hour)
    return {reference: contiguous(found) for reference, found in hours.items()}


def contiguous(hours: Iterable[datetime]) -> list[Window]:
    """Return the fewest windows that cover exactly these hours, oldest first."""
    windows: list[Window] = []
    for hour in sorted(set(hours)):
        if windows and windows[-1].until == hour:
            windows[-1] = Window(windows[-1].since, hour + HOUR)
        else:
            windows.append(Window(hour, hour + HOUR))
    return windows


def range_tags(rectangle: Rectangle) -> Mapping[str, str]:
    """Return the run tags that make one run cover the rectangle.

    Two corners mean everything in between in the grid's own order of channels: the order of registration.
    """
    return {
        RANGE_START_TAG: partition_key(rectangle.first_channel, rectangle.window.since),
        RANGE_END_TAG: partition_key(rectangle.last_channel, rectangle.window.until - HOUR),
    }


def rectangle_of(tags: Mapping[str, str]) -> Rectangle | None:
    """Return the rectangle that a run's tags name, or None for a run over no range."""
    start, end = tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)
    if start is None or end is None:
        return None
    (first, since), (last, newest) = parse_key(start), parse_key(end)
    return Rectangle(first_channel=first, last_channel=last, window=Window(since, newest + HOUR))


def rectangles_over(channels: Iterable[str], window: Window, *, order: Sequence[str]) -> list[Rectangle]:
    """Split channels × window (widened to full hours) into the fewest rectangles the grid's order allows."""
    due = [(channel, hour) for channel in channels for hour in window.hours()]
    return rectangles(due, channel_order=order, max_partitions=max(len(due), 1), fill=1)


def within_grid(window: Window, *, start: datetime, now: datetime) -> Window | None:
    """Cut a window to the full hours the grid has now, the running one included; None when none is left."""
    since, until = max(window.since, start), min(window.until, hour_of(now) + HOUR)
    return Window(since, until).whole_hours() if since < until else None


def grid_order(instance: dg.DagsterInstance) -> Sequence[str]:
    """Return the channels in the grid's order: that of registration."""
    return instance.get_dynamic_partitions(CHANNEL)


def publish_partitions(instance: dg.DagsterInstance, references: Iterable[str]) -> list[str]:
    """Add the channels that are no partitions yet, and return them."""
    known = set(grid_order(instance))
    new = [reference for reference in references if reference not in known]
    if new:
        instance.add_dynamic_partitions(CHANNEL, new)
    return new
