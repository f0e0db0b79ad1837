"""Instants, half-open windows and the hours they touch. Aware UTC only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tutordex_dagster.errors import UsageError

HOUR = timedelta(hours=1)

Clock = Callable[[], datetime]
"""Tells the present instant, aware UTC. A parameter wherever the time matters, so tests never wait."""

Sleep = Callable[[float], None]
"""Waits that many seconds. A parameter, so tests never wait."""


def utc_now() -> datetime:
    """Tell the present instant in UTC: the clock used when nobody hands another one in."""
    return datetime.now(UTC)


def hour_of(instant: datetime) -> datetime:
    """Return the start of the UTC hour that holds this instant."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The half-open span [since, until) of time, both ends aware UTC."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        """Refuse naive or reversed ends: every later comparison relies on both."""
        for end in (self.since, self.until):
            if end.tzinfo is None:
                raise UsageError(end.isoformat(), "has no time zone", "write it as 2025-12-29T00:00:00+00:00")
        if self.since >= self.until:
            raise UsageError(
                f"{self.since.isoformat()} … {self.until.isoformat()}",
                "the window is empty: since is included and must lie before until, which is not",
                "swap or widen the two",
            )

    def __contains__(self, instant: datetime) -> bool:
        """Tell whether an aware instant lies in [since, until)."""
        return self.since <= instant < self.until

    def hours(self) -> Iterator[datetime]:
        """Yield the start of every UTC hour the window touches, oldest first."""
        hour = hour_of(self.since)
        while hour < self.until:
            yield hour
            hour += HOUR

    def whole_hours(self) -> "Window":
        """Widen both ends to full UTC hours."""
        last = hour_of(self.until)
        return Window(hour_of(self.since), last if last == self.until else last + HOUR)


def hour_window(hour: datetime) -> Window:
    """Return the one-hour window that starts at the given full hour."""
    return Window(hour, hour + HOUR)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with a time zone and return it in UTC; UsageError for anything else."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(repr(text), "is no ISO 8601 time", "write it as 2025-12-29T00:00:00+00:00") from None
    if instant.tzinfo is None:
        raise UsageError(repr(text), "has no time zone", f"write {instant.isoformat()}+00:00 if you mean UTC")
    return instant.astimezone(UTC)
