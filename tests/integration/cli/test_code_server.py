"""The code server of `up`: where Dagster finds it, and that it comes back at the same place."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.workspace.load import load_workspace_process_context_from_yaml_paths
from dagster._grpc.client import DagsterGrpcClient

from tests.acceptance.harness import wait_for
from tutordex_dagster.cli.code_server import CodeServer, code_server
from tutordex_dagster.operations.processes import stop_all, tail
from tutordex_dagster.operations.supervision import Supervised
from tutordex_dagster.settings import PROJECT, load_settings


@pytest.fixture
def code(home: Path) -> Iterator[CodeServer]:
    with code_server(load_settings(), home / "logs") as server:
        yield server


def address(code: CodeServer) -> str:
    (location,) = yaml.safe_load(code.workspace.read_text(encoding="utf-8"))["load_from"]
    return str(location["grpc_server"]["socket"])


def test_every_start_has_an_address_of_its_own_which_goes_with_it(home: Path) -> None:
    settings = load_settings()
    seen = []
    for _ in range(2):
        with code_server(settings, home / "logs") as code:
            seen.append(Path(address(code)))
            assert seen[-1].parent.stat().st_mode & 0o777 == 0o700
            assert len(str(seen[-1])) < 100, "the kernel refuses longer ones"
    assert seen[0] != seen[1]
    assert not any(each.parent.exists() for each in seen)


def test_the_location_has_the_name_of_the_workspace_file(code: CodeServer) -> None:
    """What Dagster remembers of sensors, such as one that was switched off, hangs on this name."""
    (ours,) = yaml.safe_load(code.workspace.read_text(encoding="utf-8"))["load_from"]
    (theirs,) = yaml.safe_load((PROJECT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    assert ours["grpc_server"]["location_name"] == theirs["python_module"]["location_name"]


def test_dagster_finds_the_definitions_there_and_again_after_it_was_killed(
    code: CodeServer, tmp_path: Path
) -> None:
    clock = [0.0]
    server = Supervised(code.program, os.environ, max_restarts=1, monotonic=lambda: clock[0])
    try:
        first = wait_for("the server", lambda: _server_id(code))
        os.kill(server.children[-1].pid, signal.SIGKILL)
        wait_for("its end to be noticed", server.look)
        clock[0] += 5
        server.look()
        wait_for("another server", lambda: (_server_id(code) or first) != first)
        assert "sensor tail" in _sensors(code, tmp_path), tail(code.program.log)
    finally:
        stop_all(server.children, grace_seconds=5)


def _server_id(code: CodeServer) -> str | None:
    try:
        return DagsterGrpcClient(socket=address(code)).get_server_id(timeout=2)
    except DagsterUserCodeUnreachableError:
        return None


def _sensors(code: CodeServer, folder: Path) -> list[str]:
    with (
        DagsterInstance.local_temp(str(folder)) as instance,
        load_workspace_process_context_from_yaml_paths(instance, [str(code.workspace)]) as workspace,
    ):
        (location,) = workspace.create_request_context().code_locations
        assert isinstance(location.origin, GrpcServerCodeLocationOrigin)
        (repository,) = location.get_repositories().values()
        return [f"sensor {sensor.name}" for sensor in repository.get_sensors()]
