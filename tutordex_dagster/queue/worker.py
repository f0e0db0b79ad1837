"""The worker: claims jobs in batches, extracts, and writes every end under the claim that owns it."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from tutordex_dagster.errors import PermanentError, TutorDexError
from tutordex_dagster.extraction.contract import Closing, Extracted, Extractor, Outcome, Skipped
from tutordex_dagster.queue.contract import Finished, Job, Queue
from tutordex_dagster.windows import Clock

log = logging.getLogger(__name__)

POISON = (
    TutorDexError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What one post may do to an extractor: it costs that post an attempt and nothing else.

Everything outside this list (no memory, a signal, a lost database) is not about the post and ends the run.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a message is tried, and how long it waits in between: full jitter over a doubling span."""

    max_attempts: int
    base_seconds: float
    max_seconds: float = 6 * 3600

    def delay(self, attempt: int, draw: Callable[[], float]) -> timedelta:
        """Return the wait after this attempt (1 is the first): between half and all of `base · 2^(n-1)`."""
        span = min(self.base_seconds * 2 ** (attempt - 1), self.max_seconds)
        return timedelta(seconds=span * (0.5 + draw() / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainSummary:
    """What one drain did. `lost` jobs had gone to another worker before they were finished."""

    claimed: int = 0
    lost: int = 0
    ends: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> int:
        """Count the posts that gave assignments."""
        return self.ends.get("ok", 0)

    @property
    def skipped(self) -> int:
        """Count the posts that hold no assignment; `reasons` says why."""
        return self.ends.get("skipped", 0)

    @property
    def failed(self) -> int:
        """Count the jobs that will be tried again."""
        return self.ends.get("failed", 0)

    @property
    def dead(self) -> int:
        """Count the jobs that are out of attempts."""
        return self.ends.get("dead", 0)


def drain(
    queue: Queue,
    extractor: Extractor,
    version: str,
    *,
    clock: Clock,
    policy: RetryPolicy,
    raw_ids: Sequence[int] | None = None,
    batch_size: int = 200,
    max_jobs: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_batch: Callable[[Sequence[Finished]], None] = lambda _: None,
    draw: Callable[[], float] = random.random,
) -> DrainSummary:
    """Work through the due jobs of a version, or through those of `raw_ids`, until none is due.

    Stops between two batches when `should_stop` says so, or after `max_jobs` jobs. `on_batch` sees each
    batch once its ends are stored.
    """
    claimed = lost = 0
    ends: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    while not should_stop():
        limit = batch_size if max_jobs is None else min(batch_size, max_jobs - claimed)
        jobs = queue.claim(version, limit=limit, raw_ids=raw_ids) if limit > 0 else ()
        if not jobs:
            break
        finished = [run_job(job, extractor, clock=clock, policy=policy, draw=draw) for job in jobs]
        lost += len(finished) - queue.finish(finished)
        claimed += len(jobs)
        ends.update(end.status for end in finished)
        reasons.update(end.reason for end in finished if end.reason)
        on_batch(finished)
    return DrainSummary(claimed=claimed, lost=lost, ends=ends, reasons=reasons)


def run_job(
    job: Job, extractor: Extractor, *, clock: Clock, policy: RetryPolicy, draw: Callable[[], float]
) -> Finished:
    """Extract one job and return its end. A post that breaks the extractor costs only itself an attempt."""
    try:
        outcome = Skipped(reason="service") if job.kind == "service" else extractor.extract(job.text)
    except POISON as error:
        log.warning(
            "event=message_failed raw_id=%s version=%s attempt=%s error=%s",
            job.raw_id,
            job.version,
            job.attempt,
            type(error).__name__,
        )
        return _failure(job, error, now=clock(), policy=policy, draw=draw)
    return _end(job, outcome)


def _end(job: Job, outcome: Outcome) -> Finished:
    if isinstance(outcome, Skipped):
        closes = {} if outcome.closes == Closing() else {"closes": outcome.closes.model_dump(mode="json")}
        return Finished(job=job, status="skipped", reason=outcome.reason, meta=closes)
    return Finished(job=job, status="ok", result=result_json(outcome))


def _failure(
    job: Job, error: Exception, *, now: datetime, policy: RetryPolicy, draw: Callable[[], float]
) -> Finished:
    final = isinstance(error, PermanentError) or job.attempt >= policy.max_attempts
    meta: dict[str, Any] = {"attempts": job.attempt, "message": str(error)[:500]}
    return Finished(
        job=job,
        status="dead" if final else "failed",
        error_class=type(error).__name__,
        not_before=None if final else now + policy.delay(job.attempt, draw),
        meta=meta,
    )


def result_json(extracted: Extracted) -> bytes:
    """Return the stored form of a post's assignments: `{"kind", "segments"}` as JSON."""
    return orjson.dumps(extracted.model_dump())
