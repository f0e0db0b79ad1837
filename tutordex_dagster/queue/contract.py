"""A job of the extraction queue, its ends, and the queue protocol the worker drains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from tutordex_dagster.capture.contract import Lane

JobStatus = Literal["pending", "processing", "ok", "failed", "skipped", "dead"]
"""pending → processing → ok | skipped | failed (tried again at `not_before`) | dead (out of attempts)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One claimed extraction: a message revision for a pipeline version, owned through its lease token."""

    raw_id: int
    version: str
    lease: UUID
    attempt: int
    lane: Lane
    channel_id: int
    posted_at: datetime
    kind: Literal["post", "service"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How one claimed job ended. `failed` carries `not_before`; `ok` carries `result` as JSON bytes."""

    job: Job
    status: Literal["ok", "failed", "skipped", "dead"]
    result: bytes | None = None
    reason: str | None = None
    error_class: str | None = None
    not_before: datetime | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


class Queue(Protocol):
    """The versioned queue as the worker sees it."""

    def claim(self, version: str, *, limit: int, raw_ids: Sequence[int] | None = None) -> Sequence[Job]:
        """Take up to `limit` due jobs of a version, most urgent lane first; each counts one attempt.

        With `raw_ids`, only those. Expired leases are returned to the queue (or declared dead) first.
        """
        ...

    def finish(self, finished: Sequence[Finished]) -> int:
        """Write the ends of claimed jobs; return how many still belonged to their claim."""
        ...
