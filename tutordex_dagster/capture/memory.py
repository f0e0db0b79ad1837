"""The raw log in memory, for dry runs and as a model in tests.

It keeps what the database keeps (revisions, the coverage ledger, the jobs, the cursors) and answers every
batch as the database does, without durability.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    HourReport,
    HourSweep,
    Message,
    Position,
    StoreResult,
)
from tutordex_dagster.capture.storing import ChannelState, JobState, Revision, Storing
from tutordex_dagster.windows import Clock, Window, hour_of, utc_now


class MemoryRawLog:
    """A raw log that forgets everything when it goes away; `clock` stamps demands to read hours again."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._channels: defaultdict[int, ChannelState] = defaultdict(ChannelState)
        self._jobs: dict[int, dict[str, JobState]] = {}

    def store(self, batch: CaptureBatch) -> StoreResult:
        """Store the batch, its deletions, ledger rows, jobs and cursor; idempotent."""
        return Storing(self._channels[batch.channel_id], self._jobs, batch, self._clock()).run()

    def confirm(self, cursors: Mapping[int, int], at: datetime) -> None:
        """Note cursors by channel id that their sources gave at the instant `at`, with nothing to store."""
        for channel_id, cursor in cursors.items():
            self._channels[channel_id].confirm(cursor, at)

    def position(self, channel_id: int) -> Position:
        """Tell how far the channel is followed."""
        channel = self._channels[channel_id]
        return Position(
            cursor=channel.cursor,
            cursor_at=channel.cursor_at,
            last_message_id=max(channel.revisions, default=0),
        )

    def rereads(self, channel_id: int) -> dict[datetime, datetime]:
        """Give when hours of a channel are to be read again, by hour; those that need not are left out."""
        hours = sorted(self._channels[channel_id].hours.items())
        return {hour: sweep.reread_at for hour, sweep in hours if sweep.reread_at}

    def revisions(self, channel_id: int) -> list[Revision]:
        """Give every revision of a channel, in the order they were stored."""
        rows = (row for message in self._channels[channel_id].revisions.values() for row in message)
        return sorted(rows, key=lambda row: row.raw_id)

    def live(self, channel_id: int) -> list[Message]:
        """Give the messages of a channel that exist now, by id, as last seen."""
        latest = (rows[-1].message for _, rows in sorted(self._channels[channel_id].revisions.items()))
        return [message for message in latest if message is not None]

    def hours(self, channel_id: int, window: Window) -> list[HourReport]:
        """Give the ledger of a channel's hours in the window, oldest first."""
        channel = self._channels[channel_id]
        return [_report(channel, sweep) for hour, sweep in sorted(channel.hours.items()) if hour in window]

    def jobs(self, version: str) -> dict[int, JobState]:
        """Give the jobs of a pipeline version by raw id."""
        return {raw_id: jobs[version] for raw_id, jobs in self._jobs.items() if version in jobs}


def _report(channel: ChannelState, sweep: HourSweep) -> HourReport:
    latest = (rows[-1] for rows in channel.revisions.values())
    live = sorted(
        (row.message_id, row.message.content_hash())
        for row in latest
        if row.message is not None and hour_of(row.posted_at) == sweep.hour
    )
    return HourReport(
        hour=sweep.hour,
        state=sweep.state,
        messages=len(live),
        first_message_id=live[0][0] if live else None,
        last_message_id=live[-1][0] if live else None,
        digest=blake2b(repr(live).encode(), digest_size=16).hexdigest(),
        error=sweep.error,
    )
