"""How a job ends: what an outcome, an error and the message itself make of it. Pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson

from tutordex_dagster.errors import PermanentError, TutorDexError
from tutordex_dagster.extraction.contract import Answer, Closing, Extracted, Outcome, Skipped
from tutordex_dagster.extraction.failures import AnswerRejected, LaneUnavailable
from tutordex_dagster.queue.contract import Finished, Job, KnownAnswer
from tutordex_dagster.queue.spending import added, amounts_of

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

ARTIFACT_BYTES = 8192
"""As much of a rejected answer is kept."""

UNANSWERED = "unanswered"
"""Among what a job spent: how often it was given back because nobody answered."""

SUSPICIOUS = 20
"""A job that got no answer so often may have itself to blame: whether the server answers at all is asked."""

_MESSAGE_CHARACTERS = 500


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
class Judge:
    """Turns failures into ends of jobs; `clock` and `draw` decide when they are tried again."""

    clock: Callable[[], datetime]
    policy: RetryPolicy
    draw: Callable[[], float]

    def failed(self, job: Job, error: Exception) -> Finished:
        """End an attempt that the post spoilt: tried again later, or dead when that cannot help any more."""
        final = isinstance(error, PermanentError) or job.attempt >= self.policy.max_attempts
        return Finished(
            job=job,
            status="dead" if final else "failed",
            error_class=failure_class(error),
            not_before=None if final else self.clock() + self.policy.delay(job.attempt, self.draw),
            meta={
                "attempts": job.attempt,
                "message": str(error)[:_MESSAGE_CHARACTERS],
                **_evidence(job, error),
            },
        )

    def unanswered(self, job: Job) -> Finished:
        """Give a job back that nobody answered, with its attempt: most likely that is not its fault.

        It waits as long as after a first failure, so that others are tried meanwhile.
        """
        wait = self.policy.delay(1, self.draw)
        meta = {"spent": {**job.spent, UNANSWERED: job.spent.get(UNANSWERED, 0) + 1}}
        return replace(released(job), not_before=self.clock() + wait, meta=meta)


def suspicious(job: Job, error: LaneUnavailable) -> bool:
    """May this job be what the server cannot stand, and no outage? A server that asks for a pause says no."""
    return error.retry_after is None and job.spent.get(UNANSWERED, 0) >= SUSPICIOUS


def released(job: Job) -> Finished:
    """Give a job back that nobody began: due at once, with its attempt."""
    return Finished(job=job, status="pending")


def without_asking(job: Job) -> Skipped | None:
    """Return why this message needs no extractor, or None when it does."""
    if job.kind == "service":
        return Skipped(reason="service")
    if job.forwarded_from is not None:
        return Skipped(reason="forwarded")
    return None if job.text.strip() else Skipped(reason="empty")


def ended(job: Job, outcome: Outcome) -> Finished:
    """End a job well: with assignments, or with the reason why there are none."""
    if isinstance(outcome, Skipped):
        closes = {} if outcome.closes == Closing() else {"closes": outcome.closes.model_dump(mode="json")}
        return Finished(job=job, status="skipped", reason=outcome.reason, meta=closes)
    return Finished(job=job, status="ok", result=result_json(outcome))


def answered(job: Job, answer: Answer, text_hash: bytes) -> Finished:
    """End a job with an answer that was asked for, whose cost is added to that of earlier attempts."""
    end = ended(job, answer.outcome)
    meta = {
        **end.meta,
        **answer.meta,
        "attempts": job.attempt,
        "spent": added(job.spent, amounts_of(answer.meta)),
    }
    return replace(end, meta=meta, text_hash=text_hash)


def reused(job: Job, known: KnownAnswer) -> Finished:
    """End a job with the answer another post of the same text got."""
    meta: dict[str, Any] = {"reused_from": known.raw_id}
    if known.closes is not None:
        meta["closes"] = known.closes
    if job.spent:
        meta["spent"] = dict(job.spent)
    return Finished(job=job, status=known.status, result=known.result, reason=known.reason, meta=meta)


def known_from(end: Finished) -> KnownAnswer | None:
    """Return what other posts of the same text may use of this end; None when there is nothing."""
    if end.text_hash is None:
        return None
    return KnownAnswer(
        text_hash=end.text_hash,
        raw_id=end.job.raw_id,
        status="skipped" if end.result is None else "ok",
        result=end.result,
        reason=end.reason,
        closes=end.meta.get("closes"),
    )


def hash_of(text: str) -> bytes:
    """Return what two equal texts, and no others, have in common."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def failure_class(error: Exception) -> str:
    """Name the kind of failure: what was wrong with an answer, else the type of the error."""
    return error.rejection if isinstance(error, AnswerRejected) else type(error).__name__


def result_json(extracted: Extracted) -> bytes:
    """Return the stored form of a post's assignments: `{"kind", "segments"}` as JSON."""
    return orjson.dumps(extracted.model_dump())


def _evidence(job: Job, error: Exception) -> Mapping[str, Any]:
    if not isinstance(error, AnswerRejected):
        return {"spent": dict(job.spent)} if job.spent else {}
    kept = error.artifact.encode("utf-8", "replace")[:ARTIFACT_BYTES].decode("utf-8", "ignore")
    return {**error.meta, "artifact": kept, "spent": added(job.spent, amounts_of(error.meta))}
