"""An experiment beside a running system: whoever works its posts off, it compares when all have ended."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tutordex_dagster.comparison.experiments import ExperimentSpec
from tutordex_dagster.errors import TransientError
from tutordex_dagster.resources.arms import WAIT_SECONDS
from tutordex_dagster.resources.comparisons import Report, run_experiment
from tutordex_dagster.resources.services import Services, services_on
from tutordex_dagster.settings import Settings

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

ARMS = ("rules", "rules-strict")
LEASE = 300.0
POST = "Code: A{number}\nP5 Maths @ Bishan\nAddress: 10 Bishan Street 12, S(570010)\n$40/hr"


@pytest.fixture
def services(world: "World", tmp_path: Path) -> Services:
    settings = Settings(_env_file=None, tutordex_home=tmp_path)
    world.store(*(world.message(number, POST.format(number=number)) for number in range(1, 6)))
    return services_on(world.db, settings, clock=world.clock)


@pytest.fixture
def run(world: "World", services: Services) -> Callable[..., Report]:
    """Give a function that runs the experiment; `meanwhile` happens whenever it waits."""
    spec = ExperimentSpec(
        name="arms", description="Two.", versions=ARMS, since=world.day.since, until=world.day.until
    )

    def run(meanwhile: Callable[[], object] = lambda: None) -> Report:
        def sleep(seconds: float) -> None:
            world.clock.forward(seconds=seconds)
            meanwhile()

        (report,) = run_experiment(services, spec, sleep=sleep)
        return report

    return run


@pytest.fixture
def queued(world: "World", services: Services) -> list[int]:
    """Queue all posts for the second arm, so that another worker can be quicker; return their raw ids."""
    raw_ids = [world.raw_id(number) for number in range(1, 6)]
    services.queue.enqueue(ARMS[1], raw_ids, lane="reparse")
    return raw_ids


def outcomes(report: Report) -> Any:  # noqa: ANN401 - JSON
    return json.loads((report.folder / "summary.json").read_text(encoding="utf-8"))["outcomes"]


def test_jobs_another_worker_holds_are_waited_for_and_its_ends_are_compared(
    world: "World", services: Services, run: Callable[..., Report], queued: list[int]
) -> None:
    """It used to compare at once, as if the version had nothing to say about these posts."""
    held = services.queue.claim(ARMS[1], limit=3)

    def finish_one() -> None:
        services.queue.finish([world.skipped(held.pop(), "by the other worker")])

    report = run(finish_one)

    assert held == []
    assert outcomes(report) == [
        {"a": "ok", "b": "ok", "posts": 2},
        {"a": "ok", "b": "skipped", "posts": 3},
    ]
    assert not any("not finished" in note for note in report.comparison.notes)
    assert services.queue.scope_counts(ARMS[1], queued) == {"ok": 2, "skipped": 3}


def test_jobs_of_a_worker_that_died_are_taken_over_when_its_lease_is_over(
    world: "World", services: Services, run: Callable[..., Report], queued: list[int]
) -> None:
    services.queue.claim(ARMS[1], limit=3)
    began = world.clock()
    report = run()
    assert outcomes(report) == [{"a": "ok", "b": "ok", "posts": 5}]
    assert LEASE <= (world.clock() - began).total_seconds() <= LEASE + WAIT_SECONDS
    attempts = world.rows(
        "SELECT attempt FROM telegram_extractions WHERE pipeline_version = %(arm)s AND raw_id = ANY (%(ids)s)"
        " ORDER BY attempt",
        arm=ARMS[1],
        ids=queued,
    )
    assert [row["attempt"] for row in attempts] == [1, 1, 2, 2, 2]


def test_a_post_that_fails_gets_all_its_attempts_before_versions_are_compared(
    world: "World", services: Services, run: Callable[..., Report], queued: list[int]
) -> None:
    """Each of them begins in time, although all of them take longer than anybody is waited for."""
    began, failures = world.clock(), 3

    def fail() -> None:
        nonlocal failures
        for job in services.queue.claim(ARMS[1], limit=1, raw_ids=queued[:1]) if failures else ():
            failures -= 1
            services.queue.finish([world.failed(job, retry_in=480)])

    fail()
    assert outcomes(run(fail)) == [{"a": "ok", "b": "ok", "posts": 5}]
    assert failures == 0
    assert (world.clock() - began).total_seconds() >= 3 * 480


def test_who_holds_jobs_for_ever_is_not_waited_for_that_long_and_nothing_is_compared(
    world: "World", services: Services, run: Callable[..., Report], queued: list[int], tmp_path: Path
) -> None:
    held = services.queue.claim(ARMS[1], limit=2)
    (failed,) = services.queue.claim(ARMS[1], limit=1, raw_ids=queued[2:])
    services.queue.finish([world.failed(failed, retry_in=3600)])
    began = world.clock()
    with pytest.raises(TransientError) as stopped:
        run(lambda: services.queue.extend(ARMS[1], held))
    assert str(stopped.value) == (
        "rules-strict: 3 of 5 posts have not ended (2 held by another worker, 1 to be tried again, the next"
        " due at 2025-12-30 10:15:00 UTC): nothing came on for 600 s, so nothing is compared; see with"
        " `tutordex status` who works on it, then run the experiment again: it goes on"
    )
    assert (world.clock() - began).total_seconds() == 2 * LEASE
    assert services.queue.scope_counts(ARMS[0], queued) == {"ok": 5}
    assert not list(tmp_path.rglob("summary.json"))


def test_a_post_that_was_edited_before_a_version_was_queued_is_counted_and_not_waited_for(
    world: "World", run: Callable[..., Report]
) -> None:
    run()
    world.rows("DELETE FROM telegram_extractions WHERE pipeline_version = %(arm)s RETURNING 1", arm=ARMS[1])
    world.store(world.message(1, POST.format(number=9), edited=70), seen=80)
    report = run()
    assert outcomes(report) == [
        {"a": "ok", "b": "missing", "posts": 1},
        {"a": "ok", "b": "ok", "posts": 4},
    ]
    assert any(
        note.startswith("1 of them were never read by one of the versions: not queued for it, or edited")
        for note in report.comparison.notes
    )
