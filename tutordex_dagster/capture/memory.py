"""The raw log in memory: the rules of storing in plain Python, for dry runs and as a model in tests.

It keeps what the database keeps (revisions, the coverage ledger, the jobs) and answers every batch as the
database does, without durability.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Literal

from tutordex_dagster.capture.contract import (
    EnqueueFor,
    HourReport,
    HourSweep,
    Message,
    StoreResult,
    SweepBatch,
)
from tutordex_dagster.windows import Window, hour_of

JobState = Literal["pending", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of a message; a tombstone (`message` is None) says that the source deleted it.

    `posted_at` is that of the first revision: it decides the message's hour for ever.
    """

    raw_id: int
    message_id: int
    revision: int
    posted_at: datetime
    observed_at: datetime
    message: Message | None


class MemoryRawLog:
    """A raw log that forgets everything when it goes away."""

    def __init__(self) -> None:
        self._revisions: defaultdict[int, dict[int, list[Revision]]] = defaultdict(dict)
        self._ledger: dict[tuple[int, datetime], HourSweep] = {}
        self._jobs: dict[int, dict[str, JobState]] = {}
        self._last_raw_id = 0

    def store(self, batch: SweepBatch) -> StoreResult:
        """Store the batch, its ledger rows and its jobs; idempotent."""
        seen = {message.message_id: _without_nul(message) for message in batch.messages}
        result = StoreResult(known=len(batch.messages) - len(seen))
        touched = set()
        for message in seen.values():
            result += self._store_message(message, batch)
            first = self._revisions[batch.channel_id][message.message_id][0]
            touched.add(hour_of(first.posted_at))
        result += self._bury_missing(seen.keys(), batch)
        for hour in touched - {sweep.hour for sweep in batch.hours}:
            self._ledger.setdefault((batch.channel_id, hour), HourSweep(hour=hour, state="open"))
        for sweep in batch.hours:
            self._note_hour(batch.channel_id, sweep)
        return result

    def revisions(self, channel_id: int) -> list[Revision]:
        """Give every revision of a channel, in the order they were stored."""
        rows = (row for message in self._revisions[channel_id].values() for row in message)
        return sorted(rows, key=lambda row: row.raw_id)

    def live(self, channel_id: int) -> list[Message]:
        """Give the messages of a channel that exist now, by id, as last seen."""
        latest = (rows[-1].message for _, rows in sorted(self._revisions[channel_id].items()))
        return [message for message in latest if message is not None]

    def hours(self, channel_id: int, window: Window) -> list[HourReport]:
        """Give the ledger of a channel's hours in the window, oldest first."""
        known = sorted(hour for channel, hour in self._ledger if channel == channel_id and hour in window)
        return [self._report(channel_id, self._ledger[channel_id, hour]) for hour in known]

    def jobs(self, version: str) -> dict[int, JobState]:
        """Give the jobs of a pipeline version by raw id."""
        return {raw_id: jobs[version] for raw_id, jobs in self._jobs.items() if version in jobs}

    def _store_message(self, message: Message, batch: SweepBatch) -> StoreResult:
        rows = self._revisions[batch.channel_id].setdefault(message.message_id, [])
        if rows and not _is_news(message, batch.observed_at, rows[-1]):
            return StoreResult(known=1)
        revision = self._revision(rows, message, message.message_id, message.posted_at, batch.observed_at)
        self._append(rows, revision)
        enqueued = self._enqueue(revision.raw_id, batch.enqueue)
        is_new = revision.revision == 1
        return StoreResult(new=int(is_new), edited=int(not is_new), enqueued=enqueued)

    def _bury_missing(self, seen: Iterable[int], batch: SweepBatch) -> StoreResult:
        if not batch.tombstones:
            return StoreResult()
        read = {sweep.hour for sweep in batch.hours if sweep.state != "failed"}
        present = set(seen)
        missing = [
            rows
            for message_id, rows in self._revisions[batch.channel_id].items()
            if message_id not in present
            and rows[-1].message is not None
            and hour_of(rows[0].posted_at) in read
            and rows[-1].observed_at < batch.observed_at
        ]
        for rows in missing:
            latest = rows[-1]
            self._append(
                rows, self._revision(rows, None, latest.message_id, latest.posted_at, batch.observed_at)
            )
        return StoreResult(deleted=len(missing))

    def _revision(
        self,
        rows: Sequence[Revision],
        message: Message | None,
        message_id: int,
        posted_at: datetime,
        observed_at: datetime,
    ) -> Revision:
        return Revision(
            raw_id=self._last_raw_id + 1,
            message_id=message_id,
            revision=len(rows) + 1,
            posted_at=rows[0].posted_at if rows else posted_at,
            observed_at=observed_at,
            message=message,
        )

    def _append(self, rows: list[Revision], revision: Revision) -> None:
        for older in rows:
            self._jobs[older.raw_id] = dict.fromkeys(self._jobs.get(older.raw_id, {}), "skipped")
        rows.append(revision)
        self._last_raw_id = revision.raw_id

    def _enqueue(self, raw_id: int, wanted: Sequence[EnqueueFor]) -> int:
        self._jobs[raw_id] = {each.version: "pending" for each in wanted}
        return len(self._jobs[raw_id])

    def _note_hour(self, channel_id: int, sweep: HourSweep) -> None:
        known = self._ledger.get((channel_id, sweep.hour))
        if known and known.state == "sealed":
            sweep = replace(sweep, state="sealed")
        self._ledger[channel_id, sweep.hour] = sweep

    def _report(self, channel_id: int, sweep: HourSweep) -> HourReport:
        latest = (rows[-1] for rows in self._revisions[channel_id].values())
        live = sorted(
            (row.message_id, row.message.content_hash())
            for row in latest
            if row.message is not None and hour_of(row.posted_at) == sweep.hour
        )
        digest = blake2b(repr(live).encode(), digest_size=16).hexdigest()
        return HourReport(
            hour=sweep.hour,
            state=sweep.state,
            messages=len(live),
            first_message_id=live[0][0] if live else None,
            last_message_id=live[-1][0] if live else None,
            digest=digest,
            error=sweep.error,
        )


def _is_news(message: Message, observed_at: datetime, latest: Revision) -> bool:
    """Tell whether a message says something newer than the latest revision: edited later, or seen later."""
    if latest.message is None:
        return observed_at > latest.observed_at
    if message.content_hash() == latest.message.content_hash():
        return False
    known = (latest.message.edited_at or latest.posted_at, latest.observed_at)
    return (message.edited_at or message.posted_at, observed_at) > known


def _without_nul(message: Message) -> Message:
    payload = message.payload.replace(b"\\u0000", b"")
    return replace(message, text=message.text.replace("\x00", ""), payload=payload)
