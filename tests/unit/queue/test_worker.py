"""The worker against a queue in memory: what one post does to itself and to nobody else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.extraction.contract import Assignment, Extracted, Outcome, Skipped
from tutordex_dagster.queue.contract import Finished, Job
from tutordex_dagster.queue.ends import RetryPolicy
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.queue.worker import drain

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLICY = RetryPolicy(max_attempts=3, base_seconds=60)


def job(raw_id: int, text: str, *, attempt: int = 1, service: bool = False) -> Job:
    return Job(
        raw_id=raw_id,
        version="rules",
        lease=UUID(int=raw_id),
        attempt=attempt,
        lane="live",
        channel_id=1,
        posted_at=NOW,
        kind="service" if service else "post",
        text=text,
    )


class MemoryQueue:
    """Hands out its jobs once; jobs in `stolen` belong to somebody else by the time they are finished."""

    def __init__(self, jobs: Sequence[Job], stolen: frozenset[int] = frozenset()) -> None:
        self.waiting = list(jobs)
        self.stolen = stolen
        self.finished: list[Finished] = []
        self.claims: list[int] = []

    def claim(self, version: str, *, limit: int, raw_ids: Sequence[int] | None = None) -> Sequence[Job]:
        due = [j for j in self.waiting if j.version == version and (raw_ids is None or j.raw_id in raw_ids)]
        taken = due[:limit]
        self.waiting = [j for j in self.waiting if j not in taken]
        self.claims.append(limit)
        return taken

    def finish(self, finished: Sequence[Finished]) -> int:
        owned = [end for end in finished if end.job.raw_id not in self.stolen]
        self.finished += owned
        return len(owned)

    def end_of(self, raw_id: int) -> Finished:
        return next(end for end in self.finished if end.job.raw_id == raw_id)


class ByText:
    """An extractor whose answer is named by the text itself."""

    def extract(self, text: str) -> Outcome:
        match text:
            case "poison":
                raise ValueError("no assignment can be read")
            case "hopeless":
                raise PermanentError("hopeless: refused; discard it")
            case "later":
                raise TransientError("later: not now; try again")
            case "deep":
                raise RecursionError
            case "promo":
                return Skipped(reason="promo")
        return Extracted(kind="assignment", segments=(Assignment(assignment_code=text),))


def run(queue: MemoryQueue, *, max_jobs: int | None = None, raw_ids: Sequence[int] | None = None) -> Tally:
    return drain(
        queue,
        ByText(),
        "rules",
        clock=lambda: NOW,
        policy=POLICY,
        batch_size=2,
        max_jobs=max_jobs,
        raw_ids=raw_ids,
        draw=lambda: 1.0,
    )


def test_a_post_with_an_assignment_ends_ok_with_its_segments_as_json() -> None:
    queue = MemoryQueue([job(1, "AB12")])
    assert run(queue).ok == 1
    stored = orjson.loads(queue.end_of(1).result or b"")
    assert stored["kind"] == "assignment"
    assert [segment["assignment_code"] for segment in stored["segments"]] == ["AB12"]


@pytest.mark.parametrize("text", ["poison", "deep", "later"])
def test_a_post_that_breaks_the_extractor_waits_for_another_attempt(text: str) -> None:
    queue = MemoryQueue([job(1, text)])
    assert run(queue).failed == 1
    assert queue.end_of(1).not_before == NOW + timedelta(seconds=60)


def test_a_poison_message_is_dead_after_its_attempts_and_the_rest_goes_on() -> None:
    queue = MemoryQueue([job(1, "AB1"), job(2, "poison", attempt=3), job(3, "AB3")])
    summary = run(queue)
    assert (summary.ok, summary.dead, summary.failed) == (2, 1, 0)
    assert queue.end_of(2).error_class == "ValueError"
    assert queue.end_of(2).not_before is None


def test_an_error_that_cannot_be_helped_is_dead_at_once() -> None:
    queue = MemoryQueue([job(1, "hopeless")])
    assert run(queue).dead == 1


def test_what_is_not_about_the_post_ends_the_run() -> None:
    class Exhausted:
        def extract(self, text: str) -> Outcome:
            raise MemoryError(text)

    with pytest.raises(MemoryError):
        drain(MemoryQueue([job(1, "x")]), Exhausted(), "rules", clock=lambda: NOW, policy=POLICY)


def test_service_messages_are_skipped_without_asking_the_extractor() -> None:
    queue = MemoryQueue([job(1, "poison", service=True), job(2, "promo")])
    summary = run(queue)
    assert summary.skipped == 2
    assert summary.reasons == {"service": 1, "promo": 1}


def test_a_job_lost_to_another_worker_is_counted_as_lost() -> None:
    queue = MemoryQueue([job(1, "AB1"), job(2, "AB2")], stolen=frozenset({2}))
    assert run(queue).lost == 1


def test_max_jobs_stops_in_the_middle_of_a_batch() -> None:
    queue = MemoryQueue([job(n, f"AB{n}") for n in range(1, 8)])
    assert run(queue, max_jobs=3).claimed == 3
    assert [j.raw_id for j in queue.waiting] == [4, 5, 6, 7]


def test_only_the_given_raw_ids_are_worked_on() -> None:
    queue = MemoryQueue([job(n, f"AB{n}") for n in range(1, 5)])
    assert run(queue, raw_ids=[2, 4]).claimed == 2
    assert [j.raw_id for j in queue.waiting] == [1, 3]


def test_a_stop_request_is_obeyed_between_two_batches() -> None:
    queue = MemoryQueue([job(n, f"AB{n}") for n in range(1, 6)])
    seen: list[int] = []
    summary = drain(
        queue,
        ByText(),
        "rules",
        clock=lambda: NOW,
        policy=POLICY,
        batch_size=2,
        should_stop=lambda: bool(seen),
        on_batch=lambda batch: seen.append(len(batch)),
    )
    assert (summary.claimed, seen) == (2, [2])


@given(attempt=st.integers(1, 100), luck=st.floats(0, 1))
def test_the_wait_is_jittered_between_half_and_all_of_a_bounded_doubling_span(
    attempt: int, luck: float
) -> None:
    span = min(60 * 2 ** (attempt - 1), POLICY.max_seconds)
    assert span / 2 <= POLICY.delay(attempt, lambda: luck).total_seconds() <= span


def test_what_went_wrong_is_logged_without_the_text_of_the_post(caplog: pytest.LogCaptureFixture) -> None:
    run(MemoryQueue([job(7, "poison")]))
    assert "event=message_failed raw_id=7 version=rules attempt=1 error=ValueError" in caplog.text
    assert "poison" not in caplog.text
