"""What makes stored results good enough to go on with. Plain functions over what the store reports."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from tutordex_dagster.extraction.contract import Extracted
from tutordex_dagster.store.coverage import ChannelCoverage

_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one check: one sentence, and the rows a person needs to act on it."""

    passed: bool
    summary: str
    rows: Sequence[dict[str, Any]] = field(default_factory=tuple)


def too_many_failures(share: float, limit: float, *, version: str) -> Finding:
    """Judge the share (0 to 1) of a version's attempted jobs that failed or died."""
    text = f"{share:.1%} of the last day's messages failed in {version!r}; the limit is {limit:.1%}"
    return Finding(passed=share <= limit, summary=text)


def coverage_gaps(channels: Iterable[ChannelCoverage]) -> Finding:
    """Judge that no hour is missing between a channel's first and newest one."""
    rows = [
        {
            "channel": channel.reference,
            "missing_hours": channel.missing,
            "since": gap.since,
            "until": gap.until,
        }
        for channel in channels
        for gap in channel.gaps
    ]
    missing = sum(channel.missing for channel in channels)
    return Finding(passed=not rows, summary=f"{missing} hours are missing", rows=rows[:_SHOWN])


def silent_channels(channels: Iterable[ChannelCoverage], *, now: datetime, limit: timedelta) -> Finding:
    """Judge that every channel has a message younger than the limit."""
    rows = [
        {"channel": channel.reference, "newest_message": channel.newest_message_at}
        for channel in channels
        if channel.newest_message_at is None or now - channel.newest_message_at > limit
    ]
    hours = int(limit / timedelta(hours=1))
    return Finding(
        passed=not rows, summary=f"{len(rows)} channels are silent for over {hours} hours", rows=rows
    )


def none_of(rows: Sequence[dict[str, Any]], *, what: str) -> Finding:
    """Judge that a query for what must not be found nothing."""
    return Finding(passed=not rows, summary=f"{len(rows)} {what}", rows=rows[:_SHOWN])


def invalid_results(results: Iterable[tuple[int, Any]]) -> Finding:
    """Judge that stored results (raw id, JSON value) have the shape that readers rely on."""
    rows: list[dict[str, Any]] = []
    checked = 0
    for raw_id, result in results:
        checked += 1
        try:
            Extracted.model_validate(result)
        except ValidationError as error:
            first = error.errors()[0]
            field_name = ".".join(str(part) for part in first["loc"])
            rows.append({"raw_id": raw_id, "field": field_name, "problem": first["msg"]})
    return Finding(
        passed=not rows, summary=f"{len(rows)} of {checked} results have another shape", rows=rows[:_SHOWN]
    )
