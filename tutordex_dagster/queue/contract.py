"""A job of the extraction queue, its ends, and the queue protocol the workers drain."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic import JsonValue

from tutordex_dagster.capture.contract import Lane

JobStatus = Literal["pending", "processing", "ok", "failed", "skipped", "dead"]
"""pending → processing → ok | skipped | failed (tried again at `not_before`) | dead (out of attempts)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One claimed extraction: a message revision for a pipeline version, owned through its lease token.

    `spent` is what the attempts before this one cost.
    """

    raw_id: int
    version: str
    lease: UUID
    attempt: int
    lane: Lane
    channel_id: int
    posted_at: datetime
    kind: Literal["post", "service"]
    text: str
    forwarded_from: str | None = None
    spent: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How one claimed job ended. `failed` carries `not_before`; `ok` carries `result` as JSON bytes.

    `pending` gives the job back together with its attempt. `text_hash` marks an answer that other posts of
    the same text may use as well.
    """

    job: Job
    status: Literal["ok", "failed", "skipped", "dead", "pending"]
    result: bytes | None = None
    reason: str | None = None
    error_class: str | None = None
    not_before: datetime | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    text_hash: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswer:
    """The end an earlier post of the same text came to under the same version."""

    text_hash: bytes
    raw_id: int
    status: Literal["ok", "skipped"]
    result: bytes | None = None
    reason: str | None = None
    closes: Mapping[str, JsonValue] | None = None


class Queue(Protocol):
    """The versioned queue as a worker of quick extractors sees it."""

    def claim(self, version: str, *, limit: int, raw_ids: Sequence[int] | None = None) -> Sequence[Job]:
        """Take up to `limit` due jobs of a version, most urgent lane first; each counts one attempt.

        With `raw_ids`, only those. Expired leases are returned to the queue (or declared dead) first.
        """
        ...

    def finish(self, finished: Sequence[Finished]) -> int:
        """Write the ends of claimed jobs; return how many still belonged to their claim."""
        ...


class LeasedQueue(Queue, Protocol):
    """The same queue for a worker that holds its jobs for long and pays for answers."""

    def extend(self, version: str, jobs: Collection[Job]) -> set[UUID]:
        """Begin the leases of these jobs anew; return the tokens that still own theirs."""
        ...

    def answers(self, version: str, hashes: Collection[bytes]) -> Mapping[bytes, KnownAnswer]:
        """Return what is known already, by hash of the text."""
        ...
