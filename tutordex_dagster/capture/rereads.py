"""When a sealed hour is read again: late edits and deletions that nobody told us about are found that way."""

from datetime import UTC, datetime, timedelta

from tutordex_dagster.windows import HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEDULE = (
    (timedelta(hours=3), timedelta(hours=1)),
    (timedelta(hours=12), timedelta(hours=6)),
    (timedelta(hours=48), timedelta(hours=24)),
    (timedelta(days=7), timedelta(hours=24)),
)
"""How long after the end of an hour to look again, and the grid this is rounded up to.

Posts change mostly while they are young. The grid makes neighbouring hours due together: one read for many.
"""


def next_reread(hour: datetime, observed_at: datetime) -> datetime | None:
    """Return when to read the hour again after a read that began at `observed_at`; None: no more.

    The instants belong to the hour, whenever it is read: a read at any time satisfies all up to it.
    """
    planned = (_rounded_up(hour + HOUR + age, grid) for age, grid in _SCHEDULE)
    return next((instant for instant in planned if instant > observed_at), None)


def _rounded_up(instant: datetime, grid: timedelta) -> datetime:
    return instant + (_EPOCH - instant) % grid
