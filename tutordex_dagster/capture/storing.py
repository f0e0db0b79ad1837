"""The rules of storing one batch, in plain Python: what becomes a revision, what was deleted, what is due.

They answer every batch as the database does; the raw log in memory is made of them.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from tutordex_dagster.capture.contract import CaptureBatch, HourSweep, Message, StoreResult
from tutordex_dagster.windows import hour_of

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


@dataclass(slots=True)
class ChannelState:
    """What is known of one channel.

    `unseen` are deletions of messages that were never stored; `shown` is when the newest read of an hour
    began that showed all there was.
    """

    revisions: dict[int, list[Revision]] = field(default_factory=dict)
    unseen: dict[int, datetime] = field(default_factory=dict)
    hours: dict[datetime, HourSweep] = field(default_factory=dict)
    shown: dict[datetime, datetime] = field(default_factory=dict)
    cursor: int | None = None
    cursor_at: datetime | None = None

    def confirm(self, cursor: int, at: datetime) -> None:
        """Move the cursor, forward only."""
        if self.cursor is None or self.cursor <= cursor:
            self.cursor = cursor
            self.cursor_at = max(self.cursor_at or at, at)


class Storing:
    """The steps of storing one batch; `jobs` has an entry for every revision of every channel."""

    def __init__(
        self, channel: ChannelState, jobs: dict[int, dict[str, JobState]], batch: CaptureBatch, at: datetime
    ) -> None:
        self._channel = channel
        self._jobs = jobs
        self._batch = batch
        self._at = at
        self._seen = {message.message_id: _without_nul(message) for message in batch.messages}
        self._deleted = set(batch.deleted)
        self._stored: list[Revision] = []

    def run(self) -> StoreResult:
        """Take the steps in order: later ones read what earlier ones wrote."""
        news = [message for message in self._seen.values() if self._is_news(message)]
        for message in news:
            self._append(message.message_id, message, message.posted_at, self._batch.observed_at)
        new = sum(row.revision == 1 for row in self._stored)
        lost = dict.fromkeys(self._missing() | self._named(), self._batch.observed_at) | self._outdated()
        for message_id, observed_at in sorted(lost.items()):
            first = self._channel.revisions[message_id][0]
            self._append(message_id, None, first.posted_at, observed_at)
        self._note_hours()
        self._follow()
        return StoreResult(
            new=new,
            edited=len(news) - new,
            deleted=len(lost),
            known=len(self._batch.messages) - len(news),
            enqueued=self._enqueue(),
        )

    def _is_news(self, message: Message) -> bool:
        """Tell whether a message says something newer: unknown, edited or seen later, and not deleted."""
        rows = self._channel.revisions.get(message.message_id)
        if rows and rows[-1].message is not None:
            return _is_newer(message, self._batch.observed_at, rows[-1])
        if message.message_id in self._deleted:
            return False
        deleted_at = rows[-1].observed_at if rows else self._channel.unseen.get(message.message_id)
        return deleted_at is None or deleted_at < self._batch.observed_at

    def _missing(self) -> set[int]:
        """Find the messages that a full read of their hour should have shown and did not."""
        read = {s.hour for s in self._batch.hours if self._batch.tombstones and s.state != "failed"}
        candidates = self._channel.revisions.keys() - self._seen.keys() if read else set()
        return {
            message_id
            for message_id in candidates
            if (row := self._live(message_id))
            and hour_of(row.posted_at) in read
            and row.observed_at < self._batch.observed_at
        }

    def _named(self) -> set[int]:
        """Find those the source calls deleted, and remember the ones that are not known."""
        for message_id in self._deleted - self._channel.revisions.keys():
            earlier = self._channel.unseen.get(message_id, self._batch.observed_at)
            self._channel.unseen[message_id] = max(earlier, self._batch.observed_at)
        return {
            message_id
            for message_id in self._deleted & self._channel.revisions.keys()
            if (row := self._live(message_id)) and row.observed_at <= self._batch.observed_at
        }

    def _outdated(self) -> dict[int, datetime]:
        """Find the new ones that a read of their hour, begun later, did not show any more, and when."""
        shown = {
            row.message_id: self._channel.shown.get(hour_of(row.posted_at), row.observed_at)
            for row in self._stored
            if row.revision == 1
        }
        return {message_id: at for message_id, at in shown.items() if at > self._batch.observed_at}

    def _live(self, message_id: int) -> Revision | None:
        latest = self._channel.revisions[message_id][-1]
        return None if latest.message is None else latest

    def _append(
        self, message_id: int, message: Message | None, posted_at: datetime, observed_at: datetime
    ) -> None:
        rows = self._channel.revisions.setdefault(message_id, [])
        revision = Revision(
            raw_id=len(self._jobs) + 1,
            message_id=message_id,
            revision=len(rows) + 1,
            posted_at=rows[0].posted_at if rows else posted_at,
            observed_at=observed_at,
            message=message,
        )
        for older in rows:
            self._jobs[older.raw_id] = dict.fromkeys(self._jobs[older.raw_id], "skipped")
        rows.append(revision)
        self._jobs[revision.raw_id] = {}
        self._stored.append(revision)

    def _note_hours(self) -> None:
        for row in self._stored:
            hour = hour_of(row.posted_at)
            self._channel.hours.setdefault(hour, HourSweep(hour=hour, state="open"))
        for sweep in self._batch.hours:
            self._note_sweep(sweep)

    def _note_sweep(self, sweep: HourSweep) -> None:
        known = self._channel.hours.get(sweep.hour, HourSweep(hour=sweep.hour, state="open"))
        reread_at = sweep.reread_at
        if sweep.state != "sealed" or self._batch.source == "export":
            reread_at = known.reread_at
        if known.reread_at and known.reread_at > self._batch.observed_at:
            reread_at = known.reread_at
        if sweep.state != "failed" and self._batch.tombstones:
            observed_at = self._batch.observed_at
            self._channel.shown[sweep.hour] = max(
                self._channel.shown.get(sweep.hour, observed_at), observed_at
            )
        state = "sealed" if known.state == "sealed" else sweep.state
        self._channel.hours[sweep.hour] = replace(sweep, state=state, reread_at=reread_at)

    def _follow(self) -> None:
        demanded = set(self._batch.reread.hours()) if self._batch.reread else set()
        for hour in demanded & self._channel.hours.keys():
            self._channel.hours[hour] = replace(self._channel.hours[hour], reread_at=self._at)
        if self._batch.cursor is not None:
            self._channel.confirm(self._batch.cursor, self._batch.observed_at)

    def _enqueue(self) -> int:
        live = [row for row in self._stored if self._live(row.message_id) is row]
        for row in live:
            self._jobs[row.raw_id] = {wish.version: "pending" for wish in self._batch.enqueue}
        return sum(len(self._jobs[row.raw_id]) for row in live)


def _is_newer(message: Message, observed_at: datetime, latest: Revision) -> bool:
    """Tell whether a message says something newer than its live revision: edited later, or seen later."""
    known = latest.message
    if known is None or message.content_hash() == known.content_hash():
        return False
    since = (known.edited_at or latest.posted_at, latest.observed_at)
    return (message.edited_at or message.posted_at, observed_at) > since


def _without_nul(message: Message) -> Message:
    payload = message.payload.replace(b"\\u0000", b"")
    return replace(message, text=message.text.replace("\x00", ""), payload=payload)
