"""The versioned queue in Postgres, and what can be asked about it."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg.rows import class_row, dict_row, scalar_row, tuple_row

from tutordex_dagster.capture.contract import Lane
from tutordex_dagster.queue.contract import Finished, Job, JobStatus, KnownAnswer
from tutordex_dagster.store.database import Connection, Database
from tutordex_dagster.store.lanes import LANES, PRIORITY
from tutordex_dagster.store.queries import load
from tutordex_dagster.store.text import storable, storable_json
from tutordex_dagster.windows import Clock, Window, utc_now

_SQL = load("extractions")
_PAGE = 20_000  # revisions enqueued by one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogRow:
    """How many jobs of a version stand at a status."""

    version: str
    status: JobStatus
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWork:
    """Jobs a claim could take now, those of the live lane among them, and since when the oldest waits."""

    jobs: int
    live: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionCounts:
    """Jobs of the live messages of one channel and hour by status; `digest` covers the finished ends."""

    channel_id: int
    reference: str
    hour: datetime
    ok: int
    skipped: int
    failed: int
    dead: int
    pending: int
    processing: int
    digest: str


class ExtractionQueue:
    """The queue of extraction jobs; `clock` says what is due and which leases are over, and stamps rows."""

    def __init__(
        self, db: Database, *, lease_seconds: int = 300, max_attempts: int = 5, clock: Clock = utc_now
    ) -> None:
        self._db = db
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts
        self._clock = clock

    def claim(self, version: str, *, limit: int, raw_ids: Sequence[int] | None = None) -> list[Job]:
        """Take up to `limit` due jobs of a version, most urgent lane first; each counts one attempt.

        With `raw_ids`, only those: hand in a slice of at most a few thousand, every claim looks at all of
        them. Leases that expired are ended first: back to pending, or dead after the last attempt.
        """
        params = {
            "version": version,
            "limit": limit,
            "lease_seconds": self._lease_seconds,
            "max_attempts": self._max_attempts,
            "raw_ids": None if raw_ids is None else list(raw_ids),
            "at": self._clock(),
        }
        with self._lazily_committed() as connection:
            return [_job(row) for row in connection.execute(_SQL["claim"], params)]

    def finish(self, finished: Sequence[Finished]) -> int:
        """Write the ends of claimed jobs in one statement; return how many still belonged to their claim."""
        ends = storable_json(orjson.dumps([_end(end) for end in finished]))
        params = {"ends": ends, "at": self._clock()}
        with self._lazily_committed() as connection:
            return connection.execute(_SQL["finish"], params).rowcount

    def extend(self, version: str, jobs: Collection[Job]) -> set[UUID]:
        """Begin the leases of these jobs anew; return the tokens that still own theirs."""
        params = {
            "version": version,
            "raw_ids": [job.raw_id for job in jobs],
            "leases": [job.lease for job in jobs],
            "lease_seconds": self._lease_seconds,
            "at": self._clock(),
        }
        return set(self._db.fetch(_SQL["extend"], params, scalar_row))

    def answers(self, version: str, hashes: Collection[bytes]) -> dict[bytes, KnownAnswer]:
        """Return the answers to texts of these hashes that were asked for under this version, by hash."""
        params = {"version": version, "hashes": list(hashes)}
        return {row["text_hash"]: _answer(row) for row in self._db.fetch(_SQL["answers"], params, dict_row)}

    def enqueue(self, version: str, raw_ids: Sequence[int], *, lane: Lane, force: bool = False) -> int:
        """Make jobs for these revisions, as far as they are live; return how many were made or changed.

        Without `force`, existing jobs are left alone. With it, ended ones start over, pending ones can only
        become more urgent, and one that is being processed is left to its claim.
        """
        params = {"raw_ids": list(raw_ids), **self._enqueuing(version, lane, force=force)}
        return int(self._db.value(_SQL["enqueue"], params))

    def enqueue_window(
        self,
        version: str,
        *,
        channel_ids: Sequence[int],
        window: Window,
        lane: Lane,
        force: bool = False,
        max_per_channel: int | None = None,
        page: int = _PAGE,
        on_page: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Do the same for all live messages posted in the window, or the oldest so many of every channel.

        Every page of them is a transaction of its own; `on_page` is told how many revisions it had.
        """
        scope = {"channel_ids": list(channel_ids), "limit": max_per_channel, **_ends(window)}
        wishes = self._enqueuing(version, lane, force=force)
        jobs = 0
        with (
            self._db.connection() as connection,
            # Outlives transactions; the server keeps it, and not in memory when it is long.
            connection.cursor("wanted", row_factory=scalar_row, withhold=True) as wanted,
        ):
            with connection.transaction():
                wanted.execute(_SQL["window_raw_ids" if max_per_channel is None else "oldest_raw_ids"], scope)
            raw_ids = [0]
            while raw_ids:
                with connection.transaction():
                    raw_ids = wanted.fetchmany(page)
                    changed = connection.execute(_SQL["enqueue"], {"raw_ids": raw_ids, **wishes}).fetchall()
                jobs += int(changed[0][0])
                on_page(len(raw_ids))
        return jobs

    def backlog(self) -> list[BacklogRow]:
        """Count the jobs of every version by status."""
        return self._db.fetch(_SQL["backlog"], {}, class_row(BacklogRow))

    def due(self, version: str) -> DueWork:
        """Tell what a claim could take now, expired leases included."""
        params = {"version": version, "at": self._clock()}
        return self._db.fetch(_SQL["due"], params, class_row(DueWork))[0]

    def next_due_at(self, version: str) -> datetime | None:
        """Return when the next job becomes claimable (maybe already past); None when nothing is waiting."""
        instant: datetime | None = self._db.value(_SQL["next_due_at"], {"version": version})
        return instant

    def scope_counts(self, version: str, raw_ids: Sequence[int]) -> dict[JobStatus, int]:
        """Count the jobs of these revisions by status; a status without jobs is absent."""
        params = {"version": version, "raw_ids": list(raw_ids)}
        return {row[0]: row[1] for row in self._db.fetch(_SQL["scope_counts"], params, tuple_row)}

    def counts_by_hour(
        self, version: str, channel_ids: Sequence[int], window: Window
    ) -> list[PartitionCounts]:
        """Count the jobs of live messages per channel and hour; hours without any job are absent."""
        params = {"version": version, "channel_ids": list(channel_ids), **_ends(window)}
        return self._db.fetch(_SQL["counts_by_hour"], params, class_row(PartitionCounts))

    def samples(self, version: str, channel_id: int, window: Window, limit: int) -> list[dict[str, Any]]:
        """Return the first messages of the window with their ends, as rows for a table."""
        params = {"version": version, "channel_id": channel_id, "limit": limit, **_ends(window)}
        return self._db.fetch(_SQL["samples"], params, dict_row)

    @contextmanager
    def _lazily_committed(self) -> Iterator[Connection]:
        """Lend a transaction whose commit does not wait for the disk.

        A server crash may forget the last moments of claims and ends, never half of one: those jobs are then
        pending or leased again and are done once more, which is what a worker's crash leads to as well.
        """
        with self._db.connection() as connection:
            connection.execute(_SQL["commit_lazily"])
            yield connection

    def _enqueuing(self, version: str, lane: Lane, *, force: bool) -> dict[str, object]:
        return {"version": version, "priority": PRIORITY[lane], "force": force, "at": self._clock()}


def _job(row: tuple[Any, ...]) -> Job:
    raw_id, version, lease, attempt, priority, channel_id, posted_at, kind, text, forwarded_from, spent = row
    return Job(
        raw_id=raw_id,
        version=version,
        lease=lease,
        attempt=attempt,
        lane=LANES[priority],
        channel_id=channel_id,
        posted_at=posted_at,
        kind=kind,
        text=text,
        forwarded_from=forwarded_from,
        spent=spent or {},
    )


def _answer(row: dict[str, Any]) -> KnownAnswer:
    result = row.pop("result")
    return KnownAnswer(**row, result=None if result is None else result.encode())


def _end(end: Finished) -> dict[str, object]:
    return {
        "raw_id": end.job.raw_id,
        "version": end.job.version,
        "lease": end.job.lease,
        "status": end.status,
        "result": None if end.result is None else orjson.Fragment(end.result),
        "reason": None if end.reason is None else storable(end.reason),
        "error_class": end.error_class,
        "not_before": end.not_before,
        # The standard library escapes a lone surrogate where orjson refuses it; error texts may hold one.
        "text_hash": None if end.text_hash is None else end.text_hash.hex(),
        "meta": orjson.Fragment(json.dumps(end.meta, default=str)),
    }


def _ends(window: Window) -> dict[str, datetime]:
    return {"since": window.since, "until": window.until}
