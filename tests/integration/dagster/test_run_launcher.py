"""Runs whose process is gone are failed by Dagster's monitoring, whoever started them."""

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from tutordex_dagster.operations.identity import PROCESS_TAG, own_identity
from tutordex_dagster.resources.run_launcher import WatchingRunLauncher
from tutordex_dagster.settings import PROJECT

if TYPE_CHECKING:
    from dagster._core.workspace.context import BaseWorkspaceRequestContext

LAUNCHER = {"module": "tutordex_dagster.resources.run_launcher", "class": "WatchingRunLauncher"}
HERE = {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": "/tmp/code.sock"})}  # noqa: S108 - not opened
ELSEWHERE = {GRPC_INFO_TAG: json.dumps({"host": "code-server", "port": 4000})}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test({"run_launcher": LAUNCHER}) as made:
        yield made


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def empty() -> None:
    """Have something to be a run of."""
    nothing()


def dead_process() -> int:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    return child.pid


def status_after_a_look(instance: dg.DagsterInstance, tags: dict[str, str], worker: int | None) -> str:
    """Leave a started run with these tags and this worker, let the monitoring look, return the status."""
    run = instance.create_run_for_job(empty, tags=tags, status=dg.DagsterRunStatus.STARTED)
    if worker is not None:
        instance.report_engine_event(f"Started (pid: {worker})", run, EngineEventData.in_process(worker))
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    no_workspace = cast("BaseWorkspaceRequestContext", None)  # asked only for runs that are resumed: none is
    monitor_started_run(instance, no_workspace, record, logging.getLogger("monitoring"))
    seen = instance.get_run_by_id(run.run_id)
    assert seen is not None
    return seen.status.value


def test_the_instance_file_names_this_launcher() -> None:
    assert "class: WatchingRunLauncher" in (PROJECT / "dagster.yaml").read_text()


def test_a_run_whose_worker_died_together_with_its_code_server_fails(instance: dg.DagsterInstance) -> None:
    """Without it the run stays started for hours, and its version is extracted by nobody meanwhile."""
    assert isinstance(instance.run_launcher, WatchingRunLauncher)
    assert status_after_a_look(instance, HERE, dead_process()) == "FAILURE"


def test_a_run_whose_worker_lives_goes_on(instance: dg.DagsterInstance) -> None:
    assert status_after_a_look(instance, HERE, os.getpid()) == "STARTED"


def test_a_worker_of_another_machine_is_none_of_ours_to_judge(instance: dg.DagsterInstance) -> None:
    assert status_after_a_look(instance, ELSEWHERE, dead_process()) == "STARTED"


def test_a_run_that_has_not_named_its_worker_is_left_alone(instance: dg.DagsterInstance) -> None:
    assert status_after_a_look(instance, HERE, None) == "STARTED"


@pytest.mark.parametrize(
    ("process", "status"),
    [
        (own_identity(), "STARTED"),
        (own_identity().rpartition(" ")[0] + " 1", "FAILURE"),
        ("another-host 1 1", "STARTED"),
    ],
    ids=["alive", "gone, its id used again", "elsewhere"],
)
def test_a_run_of_the_command_line_fails_when_that_was_killed(
    instance: dg.DagsterInstance, process: str, status: str
) -> None:
    """For its hours nothing else would read them, nor anything of the same pool."""
    assert status_after_a_look(instance, {PROCESS_TAG: process}, None) == status
