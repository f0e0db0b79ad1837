"""The verbs that speak to Dagster, in this process, with Dagster's storage on the test server."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from click.testing import Result

from tutordex_dagster.cli.environment import dagster_environment, dagster_instance
from tutordex_dagster.cli.first_fill import days_of, fill, missing_hours
from tutordex_dagster.cli.inspection import daemon_finding, pool_finding, runs_in_progress
from tutordex_dagster.cli.leftovers import SERVER_TAG, fail_abandoned_runs
from tutordex_dagster.cli.leftovers import main as clear_leftovers
from tutordex_dagster.resources.channels import sync_channels
from tutordex_dagster.resources.databases import Urls, database_urls
from tutordex_dagster.resources.services import Services
from tutordex_dagster.windows import HOUR, hour_of

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def dagster_database(
    home: Path,  # noqa: ARG001 - its variables are the ones to come back to
    empty_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Give Dagster a database of its own, and put back what opening it does to the environment."""
    monkeypatch.setenv("TUTORDEX_DAGSTER_DATABASE_URL", empty_url)
    monkeypatch.setenv("INITIAL_HISTORY_HOURS", "3")
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def instance(services: Services) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(services.settings, database_urls(services.settings)) as opened:
        yield opened


def test_backfill_reads_extracts_and_projects_and_again_changes_nothing(
    tutordex: Command, services: Services
) -> None:
    until = hour_of(datetime.now(UTC)) - HOUR
    window = (
        "--since",
        (until - 2 * HOUR).isoformat(),
        "--until",
        until.isoformat(),
        "--overlap-minutes",
        "0",
    )
    result = tutordex("backfill", *window)
    assert "2 channels" in result.stdout
    assert "4 partitions in 1 runs, 0 failed" in result.stdout
    backlog, shown = services.queue.backlog(), services.assignments.stats()
    assert shown.by_channel == {"t.me/first_demo": 2, "t.me/second_demo": 2}
    tutordex("backfill", *window)
    assert services.queue.backlog() == backlog
    assert services.assignments.stats() == shown
    assert "Dagster: no run in progress" in tutordex("status").stdout
    assert "Dagster daemon   is not running" in tutordex("doctor").stdout


def test_backfill_of_one_channel_starts_earlier_by_the_overlap(tutordex: Command) -> None:
    until = hour_of(datetime.now(UTC))
    window = ("--since", (until - HOUR).isoformat(), "--until", until.isoformat())
    result = tutordex("backfill", *window, "--channels", "@second_demo", "--max-messages", "1")
    assert "1 channels" in result.stdout
    assert "2 partitions in" in result.stdout


def test_a_window_outside_of_the_grid_is_refused(tutordex: Command) -> None:
    old = ("--since", "2020-01-01T00:00:00+00:00", "--until", "2020-01-02T00:00:00+00:00")
    result = tutordex("backfill", *old, exit_code=2)
    assert "holds no hour of the grid, which runs from 2026-01-01 00:00 to now" in result.stderr


def test_a_channel_that_cannot_be_read_is_named_and_the_others_are_kept(
    tutordex: Command, services: Services
) -> None:
    sync_channels(services)
    (services.settings.tutordex_recorded_channels / "first_demo.jsonl").unlink()
    until = hour_of(datetime.now(UTC))
    window = ("--since", (until - HOUR).isoformat(), "--until", until.isoformat(), "--overlap-minutes", "0")
    result = tutordex("backfill", *window, exit_code=1)
    assert "tutordex: t.me/first_demo|" in result.stderr
    assert services.assignments.stats().by_channel == {"t.me/second_demo": 1}


def test_the_first_fill_reads_what_is_missing_and_a_second_one_finds_nothing(
    services: Services, instance: dg.DagsterInstance
) -> None:
    half_past = hour_of(services.clock()) + HOUR / 2  # in the first minutes of an hour one hour less is due
    unasked = tuple(spec.model_copy(update={"shadow": False}) for spec in services.pipelines)
    services = replace(services, clock=lambda: half_past, pipelines=unasked)
    sync_channels(services)
    said: list[str] = []
    fill(instance, services, said.append)
    assert said[0].startswith("First assignments: ")
    assert said[1].startswith("First fill: 6 channel hours read")
    assert missing_hours(services) == []
    assert {row.version for row in services.queue.backlog()} == {"rules"}, "nobody asked for any other"
    said.clear()
    fill(instance, services, said.append)
    assert len(said) == 1
    assert said[0].startswith("First fill: 0 channel hours read")


def test_days_are_counted_back_from_the_newest_hour(services: Services) -> None:
    sync_channels(services)
    missing = missing_hours(services)
    assert [len(day) for day in days_of(missing)] == [len(missing)]
    assert days_of([]) == []


def test_a_drain_tells_dagster_which_partitions_it_touched(
    tutordex: Command, instance: dg.DagsterInstance, posts: Callable[[int], datetime]
) -> None:
    hour = posts(2)
    tutordex("drain", "--oneshot")
    rules = dg.AssetKey(["extractions", "rules"])
    assert instance.get_materialized_partitions(rules) == {f"t.me/first_demo|{hour:%Y-%m-%d-%H:%M}"}


def test_a_run_whose_code_server_is_gone_is_failed_and_one_whose_server_answers_is_not(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    def started(address: Path) -> str:
        tags = {SERVER_TAG: json.dumps({"host": "localhost", "socket": str(address)})}
        run = instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED, tags=tags)
        return run.run_id

    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(tmp_path / "alive"))
        server.listen()
        alive, gone = started(tmp_path / "alive"), started(tmp_path / "gone")
        ours = instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED).run_id
        assert [run.run_id for run in runs_in_progress(instance)] == [ours, gone, alive]
        assert fail_abandoned_runs(instance) == [gone]
    states = {each: run.status.value for each in (alive, gone, ours) if (run := instance.get_run_by_id(each))}
    assert states == {alive: "STARTED", gone: "FAILURE", ours: "STARTED"}


def test_leftovers_are_cleared_up_by_a_program_of_their_own(
    instance: dg.DagsterInstance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon in a container starts without `tutordex up`."""
    tags = {SERVER_TAG: json.dumps({"host": "localhost", "socket": str(tmp_path / "gone")})}
    run = instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED, tags=tags)
    clear_leftovers()
    assert capsys.readouterr().out == "1 abandoned runs\n"
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE


def test_silent_daemons_and_closed_pools_are_found(instance: dg.DagsterInstance) -> None:
    assert daemon_finding(instance, now=0).level == "warn"
    assert pool_finding(instance).level == "ok"
    instance.event_log_storage.set_concurrency_slots("telegram", 0)
    finding = pool_finding(instance)
    assert (finding.level, finding.detail) == ("fail", "no slots in telegram")


def test_the_environment_of_a_dagster_process_names_both_databases(services: Services) -> None:
    urls = Urls(tutordex="postgresql://a/tutordex", dagster="postgresql://a/dagster")
    variables = dagster_environment(services.settings, urls)
    assert variables["TUTORDEX_DATABASE_URL"] == urls.tutordex
    assert variables["TUTORDEX_DAGSTER_DATABASE_URL"] == urls.dagster
    assert Path(variables["DAGSTER_HOME"]) == services.settings.tutordex_home / "dagster"


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def idle() -> None:
        nothing()

    return idle
