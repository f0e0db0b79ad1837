"""The worker of slow and fallible extractors: many answers in flight, and a pause when nobody answers.

One loop starts calls and takes their answers. Everything that waits for the database (writing ends, extending
leases, claiming ahead) is one task beside it, so no call waits for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tutordex_dagster.errors import TransientError
from tutordex_dagster.extraction.contract import AsyncExtractor
from tutordex_dagster.extraction.failures import LaneStopped, LaneUnavailable
from tutordex_dagster.queue.contract import Finished, Job, KnownAnswer, LeasedQueue
from tutordex_dagster.queue.ends import (
    POISON,
    Judge,
    answered,
    ended,
    hash_of,
    known_from,
    released,
    reused,
    suspicious,
    without_asking,
)
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.queue.worker import tell
from tutordex_dagster.resilience.breaker import CircuitBreaker
from tutordex_dagster.resilience.errors import BreakerOpen, BreakerStopped

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How soon a wish to stop is seen, and ends are written when they are few."""

POLL_SECONDS = 1.0
"""Wait before an empty queue, or a database that was away, is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWork:
    """What is to be done, and with what: the due jobs of a version, or those of `raw_ids`.

    At most `concurrency` answers are in flight; `lease_seconds` are those of the queue; `reuse` takes the
    answer an equal text got before. `on_batch` sees each batch of ends once it is stored.
    """

    queue: LeasedQueue
    extractor: AsyncExtractor
    version: str
    breaker: CircuitBreaker
    judge: Judge
    concurrency: int
    lease_seconds: float
    reuse: bool = True
    raw_ids: Sequence[int] | None = None
    max_jobs: int | None = None
    should_stop: Callable[[], bool] = lambda: False
    on_batch: Callable[[Sequence[Finished]], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class _Call:
    """One answer on its way: for which job, and as which probe of the breaker."""

    job: Job
    text_hash: bytes
    probe: UUID | None


async def drain_lane(work: LaneWork) -> Tally:
    """Work until none of the jobs is due.

    Ends early when `should_stop` says so, after `max_jobs` claims, or when the breaker lets no call pass
    (the tally's `obstacle` says why). Then answers in flight are waited for, and jobs nobody began are given
    back with their attempt. Raises TransientError when the database is away for longer than a lease.
    """
    return await _Lane(work).run()


class _Lane:
    """The state of one drain. Every held job is in `_ready`, `_twins`, `_calls` or `_ends`."""

    def __init__(self, work: LaneWork) -> None:
        self._work = work
        self._tally = Tally()
        self._ready: deque[Job] = deque()
        self._twins: dict[bytes, list[Job]] = {}
        """By the text that is being asked about: jobs of the same text, which wait for that answer."""
        self._calls: dict[asyncio.Task[Finished], _Call] = {}
        self._ends: list[Finished] = []
        self._house: asyncio.Task[None] | None = None
        self._probe: UUID | None = None
        """The one call the breaker lets through, until it was answered."""
        self._dry = False
        self._beat_at = work.judge.clock()
        self._write_at = self._claim_at = self._away_until = 0.0
        self._stored_at = asyncio.get_running_loop().time()

    async def run(self) -> Tally:
        """Work until nothing is due or may be done."""
        try:
            while True:
                self._start_calls()
                self._keep_house()
                waited_for = {*self._calls, *([self._house] if self._house else [])}
                if waited_for:
                    await asyncio.wait(waited_for, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                elif self._done():
                    break
                else:
                    await asyncio.sleep(LOOK_SECONDS)
                self._take_answers()
                self._end_house()
        finally:
            await self._give_back()
        return self._tally

    def _done(self) -> bool:
        """Tell, while no call is in flight, whether nothing is left to be done."""
        return not self._ends and (self._over() or self._dry or self._room() <= 0)

    # Calls

    def _start_calls(self) -> None:
        while self._ready and self._may_start():
            job = self._ready.popleft()
            skipped = without_asking(job)
            if skipped is not None:
                self._end([ended(job, skipped)])
                continue
            text_hash = hash_of(job.text)
            if self._work.reuse and text_hash in self._twins:
                self._twins[text_hash].append(job)
                continue
            self._twins.setdefault(text_hash, [])
            call = _Call(job, text_hash, self._probe)
            self._calls[asyncio.create_task(self._ask(call))] = call

    def _may_start(self) -> bool:
        if self._over() or len(self._calls) >= self._work.concurrency:
            return False
        return self._probe is None or not self._probing()

    def _probing(self) -> bool:
        return any(call.probe is not None for call in self._calls.values())

    async def _ask(self, call: _Call) -> Finished:
        """Ask for one answer and return the end it makes; what it says about the lane goes to the breaker."""
        try:
            answer = await self._work.extractor.answer(call.job.text)
        except LaneStopped as error:
            reason = str(error)
            await self._report(lambda: self._work.breaker.stop(reason))
            self._tally.failures[type(error).__name__] += 1
            return released(call.job)
        except POISON as error:
            if isinstance(error, LaneUnavailable) and not await self._is_spoilt_by(call.job, error):
                reason, pause = str(error), error.retry_after
                await self._report(lambda: self._work.breaker.failed(reason, call.probe, retry_after=pause))
                self._tally.failures[type(error).__name__] += 1
                return self._work.judge.unanswered(call.job)
            tell(call.job, error)
            end = self._work.judge.failed(call.job, error)
        else:
            end = answered(call.job, answer, call.text_hash)
        if call.probe is not None:
            await self._report(lambda: self._work.breaker.succeeded(call.probe))
        return end

    async def _is_spoilt_by(self, job: Job, error: LaneUnavailable) -> bool:
        return suspicious(job, error) and await self._work.extractor.responds()

    async def _report(self, tell_breaker: Callable[[], None]) -> None:
        """Tell the breaker, and learn whether calls may go on; a database that is away loses no answer."""
        try:
            await asyncio.to_thread(tell_breaker)
            self._tally.obstacle = await asyncio.to_thread(self._work.breaker.obstacle)
        except TransientError as error:
            log.warning("event=breaker_not_told component=%s error=%s", self._work.breaker.component, error)

    def _take_answers(self) -> None:
        for task in [task for task in self._calls if task.done()]:
            end = None if task.cancelled() else task.result()  # cancelled: its lease was lost
            call = self._calls.pop(task)
            twins = self._twins.pop(call.text_hash, [])
            if call.probe is not None:
                self._probe = None
            known = known_from(end) if end else None
            if known is None:
                self._ready.extendleft(reversed(twins))
            else:
                self._end([reused(twin, known) for twin in twins])
            if end:
                self._end([end])

    def _end(self, ends: Sequence[Finished]) -> None:
        if not self._ends:
            self._write_at = _now() + LOOK_SECONDS
        self._ends += ends

    # The house: everything that waits for the database, one thing after the other

    def _keep_house(self) -> None:
        if self._house is not None or _now() < self._away_until:
            return
        if self._must_write() or self._must_beat() or self._may_claim():
            self._house = asyncio.create_task(self._work_in_house())

    async def _work_in_house(self) -> None:
        if self._ends:
            await self._write()
        if self._must_beat():
            await self._beat()
        if self._may_claim():
            await self._claim()

    def _end_house(self) -> None:
        """Look how the work in the house went; a database may be away for as long as leases last."""
        if self._house is None or not self._house.done():
            return
        house, self._house = self._house, None
        try:
            house.result()
        except TransientError as error:
            if _now() - self._stored_at > self._work.lease_seconds:
                raise
            log.warning("event=queue_away version=%s error=%s", self._work.version, error)
            self._away_until = _now() + POLL_SECONDS
        else:
            self._stored_at = _now()

    def _must_write(self) -> bool:
        if not self._ends:
            return False
        return not self._calls or len(self._ends) >= self._work.concurrency or _now() >= self._write_at

    def _must_beat(self) -> bool:
        beat = timedelta(seconds=self._work.lease_seconds / 3)
        return bool(self._calls) and self._work.judge.clock() >= self._beat_at + beat

    def _may_claim(self) -> bool:
        """Tell whether to claim now: ahead of need, a few at once, at most twice what is in flight."""
        if self._over() or self._room() <= 0 or self._probing():
            return False
        if len(self._ready) > self._work.concurrency // 2 or (self._dry and not self._calls):
            return False
        return _now() >= self._claim_at

    def _room(self) -> int:
        held = len(self._ready) + len(self._calls) + len(self._ends) + sum(map(len, self._twins.values()))
        room = 2 * self._work.concurrency - held
        return room if self._work.max_jobs is None else min(room, self._work.max_jobs - self._tally.claimed)

    def _over(self) -> bool:
        return self._tally.obstacle is not None or self._work.should_stop()

    async def _write(self) -> None:
        ends = self._ends[:]
        owned = await asyncio.to_thread(self._work.queue.finish, ends)
        del self._ends[: len(ends)]  # only now: what could not be written is kept; more came behind it
        self._write_at = _now() + LOOK_SECONDS
        self._tally.lost += len(ends) - owned
        self._tally.count(ends)
        self._work.on_batch(ends)

    async def _beat(self) -> None:
        """Extend the leases of what is held; drop what somebody else holds by now."""
        at = self._work.judge.clock()
        held = [call.job for call in self._calls.values()] + list(self._ready)
        held += [twin for twins in self._twins.values() for twin in twins]
        ours = await asyncio.to_thread(self._work.queue.extend, self._work.version, held)
        self._beat_at = at
        lost = {job.lease for job in held} - ours
        if not lost:
            return
        self._tally.lost += len(lost)
        self._ready = deque(job for job in self._ready if job.lease not in lost)
        for text_hash, twins in self._twins.items():
            self._twins[text_hash] = [twin for twin in twins if twin.lease not in lost]
        for task, call in self._calls.items():
            if call.job.lease in lost:
                task.cancel()

    async def _claim(self) -> None:
        """Claim as many jobs as there is room for: a single one when it is to be the breaker's probe."""
        if self._probe is None:
            try:
                self._probe = await asyncio.to_thread(self._work.breaker.admit)
            except (BreakerOpen, BreakerStopped) as refusal:
                self._tally.obstacle = str(refusal)
                return
        limit = 1 if self._probe else self._room()
        jobs = await asyncio.to_thread(
            self._work.queue.claim, self._work.version, limit=limit, raw_ids=self._work.raw_ids
        )
        self._tally.claimed += len(jobs)
        self._dry = not jobs
        self._claim_at = _now() + (POLL_SECONDS if self._dry else 0)
        known = await self._known_answers(jobs)
        for job in jobs:
            answer = known.get(hash_of(job.text)) if known and without_asking(job) is None else None
            if answer is None:
                self._ready.append(job)
            else:
                self._end([reused(job, answer)])

    async def _known_answers(self, jobs: Sequence[Job]) -> Mapping[bytes, KnownAnswer]:
        """Look up answers to the same texts; a database that is away costs a second call, not the job."""
        hashes = {hash_of(job.text) for job in jobs if without_asking(job) is None}
        if not self._work.reuse or not hashes:
            return {}
        try:
            return await asyncio.to_thread(self._work.queue.answers, self._work.version, hashes)
        except TransientError as error:
            log.warning("event=queue_away version=%s error=%s", self._work.version, error)
            return {}

    async def _give_back(self) -> None:
        """Store what is known and give the rest back; calls are still in flight only after an error."""
        calls, house = list(self._calls), self._house
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, *([house] if house else []), return_exceptions=True)
        back = [call.job for call in self._calls.values()] + list(self._ready)
        back += [twin for twins in self._twins.values() for twin in twins]
        self._ends += [released(job) for job in back]
        try:
            if self._ends:
                await self._write()
            if self._probe is not None:
                await asyncio.to_thread(self._work.breaker.returned, self._probe)
        except TransientError as error:
            log.warning("event=jobs_not_given_back version=%s error=%s", self._work.version, error)


def _now() -> float:
    return asyncio.get_running_loop().time()
