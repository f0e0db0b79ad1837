"""`tutordex drain`: a worker in the terminal, without Dagster."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING

import click
from rich.progress import Progress, TaskID

from tutordex_dagster.cli.console import instant, progress, say
from tutordex_dagster.cli.session import open_session, require_results
from tutordex_dagster.operations.stopping import stop_signals
from tutordex_dagster.windows import hour_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tutordex_dagster.extraction.versions import PipelineSpec
    from tutordex_dagster.queue.contract import Finished
    from tutordex_dagster.queue.spending import Tally
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.resources.work import VersionWorker

ROUND = 5_000
"""Jobs between two projections: `assignments` follows a long drain within seconds."""

IDLE_SECONDS = 5.0
"""Wait before the queue is looked at again when nothing was due."""


@click.command()
@click.option(
    "--version", "name", help="Pipeline version. Default: EXTRACTION_PIPELINE_VERSION, or the live one."
)
@click.option("--oneshot", is_flag=True, help="Exit once nothing is due. Or EXTRACTION_WORKER_ONESHOT=1.")
@click.option("--max-jobs", type=click.IntRange(1), help="Exit after so many. Or EXTRACTION_WORKER_MAX_JOBS.")
def drain(name: str | None, max_jobs: int | None, *, oneshot: bool) -> None:
    """Work through the queue of a version until Ctrl-C, which finishes what is held.

    Draining the live version also brings `assignments` up to date.
    """
    with open_session() as services, stop_signals() as stop:
        require_results(services)
        spec = services.registered(services.chosen(name))
        worker = Worker(services=services, spec=spec, stop=stop)
        with progress(unit="jobs") as bar:
            worker.show_on(bar)
            worker.run(
                oneshot=oneshot or services.settings.extraction_worker_oneshot,
                max_jobs=max_jobs or services.settings.extraction_worker_max_jobs,
            )
        _report(services, spec.name, worker.touched)
        say(worker.summary())


def _new_tally() -> "Tally":
    from tutordex_dagster.queue.spending import Tally

    return Tally()


@dataclass(kw_only=True)
class Worker:
    """Rounds of draining and projecting, and what they added up to; `touched` are channel ids and hours."""

    services: "Services"
    spec: "PipelineSpec"
    stop: Event
    tally: "Tally" = field(default_factory=_new_tally)
    touched: set[tuple[int, datetime]] = field(default_factory=set)
    _bar: tuple[Progress, TaskID] | None = None

    def show_on(self, bar: Progress) -> None:
        """Show the jobs done, of those that are due at the start."""
        due = self.services.queue.due(self.spec.name).jobs
        self._bar = bar, bar.add_task(f"Draining {self.spec.name}", total=due)

    def run(self, *, oneshot: bool, max_jobs: int | None) -> None:
        """Work until told to stop, `max_jobs` are done or, with `oneshot`, nothing is due or can be done."""
        while not self.stop.is_set() and (max_jobs is None or self.tally.done < max_jobs):
            done = self._round(ROUND if max_jobs is None else min(ROUND, max_jobs - self.tally.done))
            self._project()
            idle = done == 0 or self.tally.obstacle is not None
            if idle and oneshot:
                return
            if idle:
                self.stop.wait(IDLE_SECONDS)

    def summary(self) -> str:
        """Return what was done, what keeps the rest, and what still waits, in one line."""
        tally = self.tally
        ends = ", ".join(f"{tally.ends[end]} {end}" for end in ("ok", "skipped", "failed", "dead"))
        lost = f", {tally.lost} lost to another worker" if tally.lost else ""
        reused = f", {tally.reused} by an answer to the same text" if tally.reused else ""
        next_due = self.services.queue.next_due_at(self.spec.name)
        waiting = f"; the next job is due at {instant(next_due)} UTC" if next_due else ""
        kept = f"; {tally.obstacle}" if tally.obstacle else ""
        return f"{self.spec.name}: {tally.done} jobs ({ends}{lost}{reused}){waiting}{kept}"

    def _round(self, max_jobs: int) -> int:
        done = self._worker.work(max_jobs=max_jobs, should_stop=self.stop.is_set, on_batch=self._advance)
        self.tally.add(done)
        return done.done

    @cached_property
    def _worker(self) -> "VersionWorker":
        from tutordex_dagster.resources.work import VersionWorker

        return VersionWorker(services=self.services, spec=self.spec)

    def _advance(self, batch: "Sequence[Finished]") -> None:
        self.touched.update((end.job.channel_id, hour_of(end.job.posted_at)) for end in batch)
        if self._bar:
            bar, task = self._bar
            bar.advance(task, len(batch))

    def _project(self) -> None:
        """Bring `assignments` up to date, if it shows this version."""
        if self.spec != self.services.live:
            return
        while self.services.assignments.project(self.spec.name).more:
            pass
        while self.services.duplicates.update(self.spec.name):
            pass


def _report(services: "Services", version: str, touched: "Collection[tuple[int, datetime]]") -> None:
    """Tell Dagster which channels and hours changed, where there is a Dagster to tell."""
    from tutordex_dagster.cli.environment import dagster_home, dagster_instance
    from tutordex_dagster.resources.databases import database_urls

    if not touched or not dagster_home(services.settings).is_dir():
        return
    from tutordex_dagster import runs

    with dagster_instance(services.settings, database_urls(services.settings)) as instance:
        runs.report_extractions(instance, services, {version: touched})
