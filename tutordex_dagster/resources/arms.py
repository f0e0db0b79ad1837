"""The posts of an experiment, worked off for each of its versions, whoever does the work.

A running system takes due jobs of these versions as well. So what counts is how the posts ended, and not who
ended them: jobs that somebody else holds are waited for, and what becomes due is taken.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tutordex_dagster.comparison.contract import FINAL
from tutordex_dagster.errors import TransientError
from tutordex_dagster.extraction.versions import PipelineSpec
from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.resources.work import VersionWorker
from tutordex_dagster.windows import Sleep

if TYPE_CHECKING:
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.store.comparisons import Standing

WAIT_SECONDS = 3.0
"""Between two looks at what others hold and what has become due."""

PATIENCE_LEASES = 2
"""So many leases may pass without an end or an attempt. After one, the jobs of a worker that died are free;
another one may have taken them and died as well. The waits between attempts, as they are set by default,
are shorter too: the last one takes at most eight minutes.
"""

Progress = Callable[[str, int, int], None]
"""Told for which version how many posts have ended by now, and how many there are."""


def work_off(
    services: "Services",
    experiment: str,
    versions: Sequence[PipelineSpec],
    *,
    progress: Progress = lambda _version, _ended, _posts: None,
    sleep: Sleep = time.sleep,
) -> None:
    """Return once every frozen post has ended for every version (ok, skipped, dead).

    Posts that were edited or deleted before a version was queued for them get no job, and are not waited
    for. Raises TransientError when a version cannot extract now, and when nothing came on for
    PATIENCE_LEASES leases. What has ended is kept.
    """
    for version in versions:
        for raw_ids in services.comparisons.member_ids(experiment):
            services.queue.enqueue(version.name, raw_ids, lane="reparse")
    workers = [VersionWorker(services=services, spec=version) for version in versions]
    limit = timedelta(seconds=PATIENCE_LEASES * services.settings.extraction_lease_secs)
    patience = _Patience(limit, since=services.clock())
    while True:
        standings = [_round(services, experiment, worker, progress) for worker in workers]
        if not any(standing.waiting for standing in standings):
            return
        if patience.ends(standings, services.clock()):
            raise _given_up(standings, patience.limit)
        sleep(WAIT_SECONDS)


def _round(services: "Services", experiment: str, worker: VersionWorker, progress: Progress) -> "Standing":
    """Take what is due for one version, and tell how far it is then."""
    version = worker.spec.name
    before = services.comparisons.standing(experiment, version)
    progress(version, before.ended, before.posts)
    if not before.due(services.clock()):
        return before
    ended = before.ended

    def note(batch: Sequence[Finished]) -> None:
        nonlocal ended
        ended += sum(end.status in FINAL for end in batch)
        progress(version, ended, before.posts)

    for raw_ids in services.comparisons.due_ids(experiment, version):
        obstacle = worker.work(raw_ids=raw_ids, on_batch=note).obstacle
        if obstacle:
            raise TransientError(f"{version}: {obstacle}; then run the experiment again: it goes on")
    after = services.comparisons.standing(experiment, version)
    progress(version, after.ended, after.posts)
    return after


class _Patience:
    """Ends when for so long no more posts have ended, and no more attempts were begun, than ever before."""

    def __init__(self, limit: timedelta, *, since: datetime) -> None:
        self.limit = limit
        self._furthest = (0, 0)
        self._since = since

    def ends(self, standings: Sequence["Standing"], now: datetime) -> bool:
        """Tell whether it has ended by now (aware UTC)."""
        ended = sum(standing.ended for standing in standings)
        attempts = sum(standing.attempts for standing in standings)
        if ended > self._furthest[0] or attempts > self._furthest[1]:
            self._furthest = max(ended, self._furthest[0]), max(attempts, self._furthest[1])
            self._since = now
        return now - self._since >= self.limit


def _given_up(standings: Sequence["Standing"], waited: timedelta) -> TransientError:
    left = "; ".join(_left(standing) for standing in standings if standing.waiting)
    return TransientError(
        f"{left}: nothing came on for {waited.total_seconds():.0f} s, so nothing is compared;"
        " see with `tutordex status` who works on it, then run the experiment again: it goes on"
    )


def _left(standing: "Standing") -> str:
    """Say what a version still lacks, such as `v2: 3 of 12 posts have not ended (2 held by …)`."""
    counted = {
        "held by another worker": standing.held,
        "to be tried again": standing.failed,
        "not begun": standing.pending,
    }
    parts = ", ".join(f"{posts} {words}" for words, posts in counted.items() if posts)
    due = f", the next due at {standing.next_due_at:%Y-%m-%d %H:%M:%S} UTC" if standing.next_due_at else ""
    return f"{standing.version}: {standing.waiting} of {standing.posts} posts have not ended ({parts}{due})"
