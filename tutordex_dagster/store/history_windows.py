"""Windows of a channel's history that somebody is reading or has left half read.

A row is a lease and the instant the reading began; how far it came is what the ledger says of its hours. The
lease ends by the database's own clock, the only one that all hosts share.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Window

_SQL = load("history_windows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to read a window. Its hours before `next_hour` were read since `began_at` already.

    `next_hour` is the window's end when all of them were.
    """

    token: UUID
    began_at: datetime
    next_hour: datetime


class HistoryWindows:
    """The table of windows being read."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def claim(
        self,
        channel_id: int,
        window: Window,
        *,
        began_at: datetime,
        lease_seconds: float,
        resume_within: timedelta,
    ) -> Claim | None:
        """Take the window of whole hours, or return None while another reader's lease of it is good.

        One that was left half read is gone on with when it began less than `resume_within` before
        `began_at`; older ones of the channel are forgotten.
        """
        params = {
            "channel_id": channel_id,
            "since": window.since,
            "until": window.until,
            "began_at": began_at,
            "resume_after": began_at - resume_within,
            "lease_seconds": lease_seconds,
        }
        with self._db.connection() as connection, connection.cursor(row_factory=class_row(Claim)) as cursor:
            cursor.execute(_SQL["forget_stale"], params)
            return cursor.execute(_SQL["claim"], params).fetchone()

    def renew(self, token: UUID, lease_seconds: float) -> bool:
        """Make the lease good for `lease_seconds` from now; False when another reader has the window."""
        return self._db.execute(_SQL["renew"], {"token": token, "lease_seconds": lease_seconds}) == 1

    def release(self, token: UUID) -> None:
        """Leave the window half read: the next claim of it goes on at once."""
        self._db.execute(_SQL["release"], {"token": token})

    def finish(self, token: UUID) -> bool:
        """Forget the window, which was read to its end; False when another reader has it."""
        return self._db.execute(_SQL["finish"], {"token": token}) == 1
