"""Runs of assets and jobs as the UI's "Materialize" button and its launchpad start them, and their ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.acceptance.harness import System, wait_for

ENDS = {"SUCCESS", "FAILURE", "CANCELED"}

REPOSITORIES = """
query Repositories {
  repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } }
}"""
LAUNCH = """
mutation LaunchPipelineExecution($executionParams: ExecutionParams!) {
  launchPipelineExecution(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}"""


def launch_asset(system: System, *path: str, checks: Sequence[str] = ()) -> str:
    """Materialize an asset without partitions, and the checks it comes with; return the run's id."""
    key = {"path": list(path)}
    selection = {
        "assetSelection": [key],
        "assetCheckSelection": [{"assetKey": key, "name": name} for name in checks],
    }
    return _launch(system, "__ASSET_JOB", {}, selection)


def launch_job(system: System, job: str, op: str, **config: object) -> str:
    """Launch a job of one op with its configuration; return the run's id."""
    return _launch(system, job, {"ops": {op: {"config": config}}}, {})


def ended(system: System, run: str) -> str:
    """Wait for a run and return how it ended."""

    def end() -> str | None:
        status = system.run_status(run)
        return status if status in ENDS else None

    return wait_for(f"the end of run {run}", end, seconds=120)


def _launch(system: System, job: str, config: Mapping[str, Any], selection: Mapping[str, Any]) -> str:
    (repository,) = system.graphql(REPOSITORIES)["repositoriesOrError"]["nodes"]
    selector = {
        "repositoryName": repository["name"],
        "repositoryLocationName": repository["location"]["name"],
        "pipelineName": job,
        **selection,
    }
    params = {"selector": selector, "mode": "default", "runConfigData": config}
    launched = system.graphql(LAUNCH, executionParams=params)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])
