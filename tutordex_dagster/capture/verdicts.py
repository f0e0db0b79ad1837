"""What a sweep says of each hour once its reading has ended.

An hour is

- sealed when the read began at least a lag after the hour ended, and the source vouches for all of it;
- failed when a message in it could not be read, or the source broke off for good in it or before it;
- open otherwise.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from tutordex_dagster.capture.contract import HourSweep
from tutordex_dagster.capture.rereads import next_reread
from tutordex_dagster.windows import HOUR


@dataclass(slots=True, kw_only=True)
class Verdicts:
    """Judges the hours of one sweep, which shows the channel as of `observed_at`.

    Hours ending by `sealed_until` can be sealed; `changes` tells whether another read may find other things.
    """

    changes: bool
    observed_at: datetime
    sealed_until: datetime
    _reasons: dict[datetime, Counter[str]] = field(default_factory=dict)

    def blame(self, hour: datetime, reason: str) -> None:
        """Note why an hour failed."""
        self._reasons.setdefault(hour, Counter())[reason] += 1

    def on(self, hour: datetime) -> HourSweep:
        """Judge an hour: a failure says the first reason and how many more there are."""
        if reasons := self._reasons.get(hour):
            more = reasons.total() - 1
            first = next(iter(reasons))
            return HourSweep(hour=hour, state="failed", error=f"{first} (and {more} more)" if more else first)
        if hour + HOUR > self.sealed_until:
            return HourSweep(hour=hour, state="open")
        reread_at = next_reread(hour, self.observed_at) if self.changes else None
        return HourSweep(hour=hour, state="sealed", reread_at=reread_at)
