"""How the due jobs of a version are worked through: at once by rules, many at a time by a language model."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from tutordex_dagster.extraction.contract import Extractor
from tutordex_dagster.extraction.failures import LaneStopped
from tutordex_dagster.extraction.llm.spec import LlmSpec
from tutordex_dagster.extraction.versions import PipelineSpec, build_extractor
from tutordex_dagster.queue.contract import Finished
from tutordex_dagster.queue.ends import Judge
from tutordex_dagster.queue.lane import LaneWork, drain_lane
from tutordex_dagster.queue.spending import Tally
from tutordex_dagster.queue.worker import drain
from tutordex_dagster.resilience.breaker import BreakerPolicy, CircuitBreaker
from tutordex_dagster.resilience.metrics import (
    EXTRACTION_COST,
    EXTRACTION_FAILURES,
    EXTRACTION_LATENCY,
    EXTRACTION_TOKENS,
    EXTRACTIONS,
    EXTRACTIONS_REUSED,
    Metrics,
)
from tutordex_dagster.resources.services import Services

LANE = "llm:"
"""What the names of these breakers begin with; the version's name follows."""

CALLS_AN_ANSWER = 4
"""An answer may take so many calls: the first one finds out what the server understands."""

AN_OUTAGE = 2
"""As many calls at least have to fail before a version pauses: one may be the fault of its post."""


@dataclass(frozen=True, kw_only=True)
class VersionWorker:
    """Works for one version. What it does is counted in the metrics."""

    services: Services
    spec: PipelineSpec

    def work(
        self,
        *,
        raw_ids: Sequence[int] | None = None,
        max_jobs: int | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        on_batch: Callable[[Sequence[Finished]], None] = lambda _: None,
    ) -> Tally:
        """Work through the due jobs, or through those of `raw_ids`, until none is due.

        Ends early when `should_stop` says so, after `max_jobs` jobs, or while nothing can be extracted (the
        tally's `obstacle` says why). `on_batch` sees each batch of ends once it is stored.
        """
        if self.spec.llm is not None:
            tally = asyncio.run(self._ask(self.spec.llm, raw_ids, max_jobs, should_stop, on_batch))
        else:
            tally = drain(
                self.services.queue,
                self._extractor,
                self.spec.name,
                clock=self.services.clock,
                policy=self.services.retry_policy,
                raw_ids=raw_ids,
                batch_size=self.services.settings.extraction_worker_batch_size,
                max_jobs=max_jobs,
                should_stop=should_stop,
                on_batch=on_batch,
            )
        count(self.services.metrics, self.spec.name, tally)
        return tally

    def obstacle(self) -> str | None:
        """Say in plain words why nothing can be extracted now, or None; asks the database alone."""
        return None if self.spec.llm is None else self._breaker(self.spec.llm).obstacle()

    @cached_property
    def _extractor(self) -> Extractor:
        return build_extractor(self.spec)

    async def _ask(
        self,
        llm: LlmSpec,
        raw_ids: Sequence[int] | None,
        max_jobs: int | None,
        should_stop: Callable[[], bool],
        on_batch: Callable[[Sequence[Finished]], None],
    ) -> Tally:
        from tutordex_dagster.resources.llm import open_extractor

        services, breaker = self.services, self._breaker(llm)
        obstacle = breaker.obstacle()
        if obstacle is not None:
            return Tally(obstacle=obstacle)
        judge = Judge(clock=services.clock, policy=services.retry_policy, draw=random.random)
        try:
            async with open_extractor(self.spec, services.settings) as extractor:
                return await drain_lane(
                    LaneWork(
                        queue=services.queue,
                        extractor=extractor,
                        version=self.spec.name,
                        breaker=breaker,
                        judge=judge,
                        concurrency=llm.concurrency,
                        lease_seconds=services.settings.extraction_lease_secs,
                        reuse=llm.reuse,
                        raw_ids=raw_ids,
                        max_jobs=max_jobs,
                        should_stop=should_stop,
                        on_batch=on_batch,
                    )
                )
        except LaneStopped as error:
            breaker.stop(str(error))
            return Tally(obstacle=breaker.obstacle())

    def _breaker(self, llm: LlmSpec) -> CircuitBreaker:
        """Return the version's breaker; failures that come as late as a timeout still count together."""
        settings = self.services.settings
        return CircuitBreaker(
            f"{LANE}{self.spec.name}",
            store=self.services.breakers,
            policy=BreakerPolicy(
                window=timedelta(seconds=settings.circuit_breaker_window_seconds + llm.timeout_seconds),
                threshold=min(settings.circuit_breaker_failure_threshold, max(llm.concurrency, AN_OUTAGE)),
                open_timeout=timedelta(seconds=settings.circuit_breaker_open_timeout_seconds),
                probe_timeout=timedelta(seconds=CALLS_AN_ANSWER * llm.timeout_seconds),
            ),
            clock=self.services.clock,
            metrics=self.services.metrics,
        )


def count(metrics: Metrics, version: str, tally: Tally) -> None:
    """Add what a drain did to the metrics of its version."""
    for status, jobs in tally.ends.items():
        metrics.count(EXTRACTIONS, jobs, version=version, status=status)
    for failure, times in tally.failures.items():
        metrics.count(EXTRACTION_FAILURES, times, version=version, failure=failure)
    if tally.reused:
        metrics.count(EXTRACTIONS_REUSED, tally.reused, version=version)
    for kind in ("prompt", "completion"):
        if f"{kind}_tokens" in tally.amounts:
            metrics.count(EXTRACTION_TOKENS, tally.amounts[f"{kind}_tokens"], version=version, kind=kind)
    if "cost" in tally.amounts:
        metrics.count(EXTRACTION_COST, tally.amounts["cost"], version=version)
    for share in (0.5, 0.95):
        seconds = tally.quantile(share)
        if seconds is not None:
            metrics.gauge(EXTRACTION_LATENCY, seconds, version=version, quantile=f"{share:g}")
