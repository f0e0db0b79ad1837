"""A small world for the store's tests: one channel, a clock that moves by hand, short ways to say things."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import orjson
import pytest
from psycopg.rows import dict_row

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    ChannelInfo,
    EnqueueFor,
    HourState,
    HourSweep,
    Lane,
    Message,
    StoreResult,
)
from tutordex_dagster.queue.contract import Finished, Job
from tutordex_dagster.store.assignments import Assignments
from tutordex_dagster.store.channels import Channel, Channels
from tutordex_dagster.store.coverage import Coverage
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.extractions import ExtractionQueue
from tutordex_dagster.store.raw_log import PostgresRawLog
from tutordex_dagster.windows import Window, hour_of

TEN = datetime(2025, 12, 29, 10, tzinfo=UTC)


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Move on by so many `seconds`, `minutes` or `hours`."""
        self.now += timedelta(**by)


class World:
    """The repositories on one database, and sentences about its channel 5."""

    channel_id = 5
    day = Window(TEN - timedelta(hours=10), TEN + timedelta(hours=14))

    def __init__(self, database: Database) -> None:
        self.db = database
        self.clock = HandClock(TEN + timedelta(days=1))
        self.channels = Channels(database)
        self.log = PostgresRawLog(database, clock=self.clock)
        self.queue = ExtractionQueue(database, lease_seconds=300, max_attempts=2, clock=self.clock)
        self.assignments = Assignments(database, clock=self.clock)
        self.coverage = Coverage(database)

    def register(self, channel_id: int = 5, *, since: datetime = TEN) -> Channel:
        """Register channel `t.me/c<id>`."""
        info = ChannelInfo(channel_id=channel_id, reference=f"t.me/c{channel_id}", title="Agency")
        return self.channels.register(info, source="telegram", collect_since=since)

    def wait_for_blocked(self, sessions: int) -> None:
        """Look until so many sessions of this database wait for a lock; 10 s at most."""
        query = (
            "SELECT count(*) AS n FROM pg_stat_activity "
            "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        self.wait_for(lambda: self.rows(query)[0]["n"] >= sessions)

    def wait_for(self, seen: Callable[[], bool]) -> None:
        """Look until it is so; 10 s at most."""
        deadline = monotonic() + 10
        while not seen():
            assert monotonic() < deadline

    def at(self, minute: float) -> datetime:
        """Return ten o'clock plus so many minutes."""
        return TEN + timedelta(minutes=minute)

    def message(
        self,
        message_id: int,
        text: str = "P5 Maths at Bedok",
        *,
        edited: float | None = None,
        minute: float | None = None,
    ) -> Message:
        """Make a post; without a minute it was posted `message_id` minutes after ten."""
        return Message(
            message_id=message_id,
            posted_at=self.at(message_id if minute is None else minute),
            edited_at=None if edited is None else self.at(edited),
            text=text,
        )

    def batch(
        self,
        *messages: Message,
        seen: float = 60,
        sweep: HourState | None = None,
        error: str | None = None,
        enqueue: str | None = None,
        channel_id: int = 5,
    ) -> CaptureBatch:
        """Make a batch observed at minute `seen`; `sweep` is the state it leaves ten o'clock's hour in."""
        hours = [HourSweep(hour=hour_of(TEN), state=sweep, error=error)] if sweep else []
        wishes = [EnqueueFor(version=enqueue, lane="live")] if enqueue else []
        return CaptureBatch(
            channel_id=channel_id,
            source="telegram",
            observed_at=self.at(seen),
            messages=messages,
            hours=hours,
            tombstones=sweep is not None,
            enqueue=wishes,
        )

    def sweep_of(self, hours_after_ten: int, state: HourState) -> CaptureBatch:
        """Make an empty batch that covers another hour."""
        sweep = HourSweep(
            hour=self.at(60 * hours_after_ten), state=state, error="gone" if state == "failed" else None
        )
        return replace(self.batch(seen=60 * hours_after_ten + 60), hours=[sweep])

    def store(
        self,
        *messages: Message,
        seen: float = 60,
        sweep: HourState | None = None,
        error: str | None = None,
        enqueue: str | None = None,
        channel_id: int = 5,
    ) -> StoreResult:
        """Store a batch made of these."""
        return self.log.store(
            self.batch(*messages, seen=seen, sweep=sweep, error=error, enqueue=enqueue, channel_id=channel_id)
        )

    def tail(
        self,
        *messages: Message,
        seen: float = 60,
        deleted: Sequence[int] = (),
        cursor: int | None = None,
        reread: Window | None = None,
        enqueue: str | None = None,
    ) -> StoreResult:
        """Store what following the channel told at minute `seen`."""
        batch = self.batch(*messages, seen=seen, enqueue=enqueue)
        return self.log.store(replace(batch, deleted=deleted, cursor=cursor, reread=reread))

    def rows(self, query: str, **params: object) -> list[dict[str, Any]]:
        """Run any query."""
        with self.db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), params).fetchall()

    def live(self) -> dict[int, str]:
        """Return what a reader of the channels sees now."""
        return {
            row["message_id"]: row["text"]
            for row in self.rows("SELECT * FROM live_messages ORDER BY message_id")
        }

    def revisions(self) -> list[tuple[int, int, str]]:
        """Return (message id, revision, text or "-" for a tombstone), all of them."""
        rows = self.rows("SELECT * FROM telegram_messages_raw ORDER BY channel_id, message_id, revision")
        return [
            (row["message_id"], row["revision"], "-" if row["kind"] == "tombstone" else row["text"])
            for row in rows
        ]

    def raw_id(self, message_id: int, revision: int = 1) -> int:
        """Return the key of a revision."""
        query = "SELECT raw_id FROM telegram_messages_raw WHERE message_id = %(m)s AND revision = %(r)s"
        return int(self.rows(query, m=message_id, r=revision)[0]["raw_id"])

    def hour(self) -> dict[str, Any]:
        """Return the ledger's row of ten o'clock."""
        return self.rows("SELECT * FROM channel_hours WHERE hour = %(hour)s AND channel_id = 5", hour=TEN)[0]

    def jobs(self, version: str = "v1") -> dict[tuple[int, int], tuple[str, str | None]]:
        """Return {(message id, revision): (status, reason)} of a version."""
        rows = self.rows(
            "SELECT message_id, revision, status, reason FROM telegram_extractions "
            "JOIN telegram_messages_raw USING (raw_id) WHERE pipeline_version = %(version)s",
            version=version,
        )
        return {(row["message_id"], row["revision"]): (row["status"], row["reason"]) for row in rows}

    def claim_one(self, version: str = "v1") -> Job:
        """Claim the only due job."""
        (job,) = self.queue.claim(version, limit=10)
        return job

    def ok(self, job: Job, *codes: str, **fields: object) -> Finished:
        """End a job well with one assignment for every code."""
        segments = [{"assignment_code": code, **fields} for code in codes or ("A1",)]
        return Finished(
            job=job, status="ok", result=orjson.dumps({"kind": "assignment", "segments": segments})
        )

    def skipped(self, job: Job, reason: str) -> Finished:
        """End a job without a result."""
        return Finished(job=job, status="skipped", reason=reason)

    def failed(self, job: Job, *, retry_in: float = 0) -> Finished:
        """End an attempt badly."""
        not_before = self.clock() + timedelta(seconds=retry_in)
        return Finished(
            job=job, status="failed", reason="boom", error_class="ValueError", not_before=not_before
        )

    def extract(
        self, outcomes: Mapping[int, Sequence[str] | str], version: str = "v1", **fields: object
    ) -> None:
        """Drain a version: message id → codes of its segments, or the reason to skip it."""
        query = "SELECT message_id FROM telegram_messages_raw WHERE raw_id = %(raw_id)s"
        for job in self.queue.claim(version, limit=1000):
            outcome = outcomes[self.rows(query, raw_id=job.raw_id)[0]["message_id"]]
            end = self.skipped(job, outcome) if isinstance(outcome, str) else self.ok(job, *outcome, **fields)
            assert self.queue.finish([end]) == 1

    def shown(self) -> dict[tuple[int, int], tuple[str | None, str, str | None]]:
        """Return {(message id, segment): (code, status, closed reason)} of `assignments`."""
        return {
            (row["message_id"], row["segment"]): (row["assignment_code"], row["status"], row["closed_reason"])
            for row in self.rows("SELECT * FROM assignments")
        }

    def in_lane(self, batch: CaptureBatch, version: str, lane: Lane) -> CaptureBatch:
        """Return the batch with its jobs in a lane."""
        return replace(batch, enqueue=[EnqueueFor(version=version, lane=lane)])


@pytest.fixture
def world(database: Database) -> World:
    """Give a world whose channel 5 is registered since ten o'clock and whose live version is v1."""
    world = World(database)
    world.register()
    world.assignments.begin_with("v1")
    return world
