"""The worker of quick extractors: claims in batches, extracts, writes every end under the claim that owns it.

Extractors that are asked and waited for have another one, in `lane`.
"""

import logging
import random
from collections.abc import Callable, Sequence

from tutordex_dagster.extraction.contract import Extractor
from tutordex_dagster.queue.contract import Finished, Job, Queue
from tutordex_dagster.queue.ends import POISON, Judge, RetryPolicy, ended, failure_class, without_asking
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.windows import Clock

log = logging.getLogger(__name__)


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
) -> Tally:
    """Work through the due jobs of a version, or through those of `raw_ids`, until none is due.

    Stops between two batches when `should_stop` says so, or after `max_jobs` jobs. `on_batch` sees each
    batch once its ends are stored.
    """
    tally, judge = Tally(), Judge(clock=clock, policy=policy, draw=draw)
    while not should_stop():
        limit = batch_size if max_jobs is None else min(batch_size, max_jobs - tally.claimed)
        jobs = queue.claim(version, limit=limit, raw_ids=raw_ids) if limit > 0 else ()
        if not jobs:
            break
        finished = [run_job(job, extractor, judge) for job in jobs]
        tally.lost += len(finished) - queue.finish(finished)
        tally.claimed += len(jobs)
        tally.count(finished)
        on_batch(finished)
    return tally


def run_job(job: Job, extractor: Extractor, judge: Judge) -> Finished:
    """Extract one job and return its end. A post that breaks the extractor costs only itself an attempt."""
    try:
        outcome = without_asking(job) or extractor.extract(job.text)
    except POISON as error:
        tell(job, error)
        return judge.failed(job, error)
    return ended(job, outcome)


def tell(job: Job, error: Exception) -> None:
    """Log that an attempt failed, without the text of the post or of an answer."""
    log.warning(
        "event=message_failed raw_id=%s version=%s attempt=%s error=%s",
        job.raw_id,
        job.version,
        job.attempt,
        failure_class(error),
    )
