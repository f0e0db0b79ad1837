"""What the catchup reads next: slices that begin with the oldest gap of each channel, until none is left.

A channel has a place of its own, its oldest gap, so one that always fails holds up no other. Nothing is
remembered from slice to slice: the ledger says what is missing, so a second outage only adds to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from tutordex_dagster.capture.grid import Rectangle, rectangles
from tutordex_dagster.windows import Window, hour_of

Kind = Literal["gaps", "failures", "rereads"]

MOST_PARTITIONS = 5000
"""Channel hours of one run at most."""

_LOOK_AGAIN = timedelta(hours=24)
"""Hours that failed or are looked at again are taken by the day: there is little in them to extract."""

_KINDS: Mapping[str, Kind] = {"missing": "gaps", "open": "gaps", "failed": "failures", "reread": "rereads"}

_STATES: Sequence[tuple[Kind, str]] = (
    ("gaps", "catching up"),
    ("failures", "failed, tried again"),
    ("rereads", "looking for late changes"),
)


class Due(Protocol):
    """An hour of a channel that has to be read, and why: missing, open, failed or reread."""

    @property
    def reference(self) -> str:
        """Return the channel's partition key."""
        ...

    @property
    def hour(self) -> datetime:
        """Return the start of the hour, UTC."""
        ...

    @property
    def why(self) -> str:
        """Return why it is due; anything but the four reasons is no matter of reading."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What one step of the catchup reads, as rectangles that become one run each."""

    kind: Kind
    rectangles: Sequence[Rectangle]


def slices(
    due: Iterable[Due], *, chunk: timedelta, overlap: timedelta, order: Sequence[str], grid_start: datetime
) -> Iterator[Slice]:
    """Yield the next slice of gaps, of failures and of rereads, each if there is one, in order of urgency.

    `chunk` is how much of each channel a slice of gaps takes; it begins `overlap` before the channel's oldest
    gap (whole hours), in the grid. `order` is the grid's order of channels; others are left out.
    """
    found: dict[Kind, dict[str, list[datetime]]] = {}
    for each in due:
        if each.why in _KINDS:
            found.setdefault(_KINDS[each.why], {}).setdefault(each.reference, []).append(each.hour)
    day = max(chunk, _LOOK_AGAIN)
    steps: tuple[tuple[Kind, timedelta, timedelta], ...] = (
        ("gaps", chunk, overlap),
        ("failures", day, timedelta(0)),
        ("rereads", day, timedelta(0)),
    )
    for kind, long, before in steps:
        wanted = [
            (reference, hour)
            for reference, hours in found.get(kind, {}).items()
            for hour in _chunk(hours, chunk=long, overlap=before, grid_start=grid_start)
        ]
        covering = rectangles(wanted, channel_order=order, max_partitions=MOST_PARTITIONS)
        if covering:
            yield Slice(kind=kind, rectangles=covering)


def _chunk(
    hours: Iterable[datetime], *, chunk: timedelta, overlap: timedelta, grid_start: datetime
) -> list[datetime]:
    """Return the due hours within `chunk` of the oldest one, and the hours the overlap adds before it."""
    ordered = sorted(hours)
    oldest = ordered[0]
    since = max(hour_of(oldest - overlap), min(grid_start, oldest))
    before = list(Window(since, oldest).hours()) if since < oldest else []
    return [*before, *(hour for hour in ordered if hour < oldest + chunk)]


def snapshot(
    due: Sequence[Due],
    *,
    references: Iterable[str],
    target: datetime,
    backlog: int,
    low_watermark: int,
    schema_version: str,
) -> dict[str, Any]:
    """Describe for people what is missing per channel before `target`; JSON, UTC, in the order given.

    `backlog` is how many live jobs wait. A channel with nothing to read is `complete`.
    """
    hours: dict[str, dict[Kind, list[datetime]]] = {reference: {} for reference in references}
    for each in due:
        if each.why in _KINDS:
            hours.setdefault(each.reference, {}).setdefault(_KINDS[each.why], []).append(each.hour)
    return {
        "schema_version": schema_version,
        "timezone": "UTC",
        "target_iso": target.isoformat(),
        "backlog": backlog,
        "low_watermark": low_watermark,
        "channels": {reference: _described(kinds) for reference, kinds in hours.items()},
    }


def _described(kinds: Mapping[Kind, Sequence[datetime]]) -> dict[str, Any]:
    missing = [*kinds.get("gaps", ()), *kinds.get("failures", ())]
    return {
        "state": next((state for kind, state in _STATES if kinds.get(kind)), "complete"),
        "oldest_gap": min(missing).isoformat() if missing else None,
        "missing_hours": len(missing),
    }
