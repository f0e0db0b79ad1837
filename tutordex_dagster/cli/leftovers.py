"""Runs whose worker is gone although Dagster still shows them as running.

A run worker is a child of a code server, and Dagster's default launcher cannot ask after it once that server
is gone: after a crash of the whole machine a run would show as running for ever, and hold its slots.

`python -m tutordex_dagster.cli.leftovers` clears them up where a daemon starts without `tutordex up`.
"""

import json
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterInstance

SERVER_TAG = ".dagster/grpc_info"
"""Dagster's own tag on a launched run: the address of the code server that started its worker."""

_CONNECT_SECONDS = 2.0


def fail_abandoned_runs(instance: "DagsterInstance") -> list[str]:
    """Mark runs as failed whose code server no longer answers; return their ids."""
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES  # no public name in 1.13

    abandoned: list[str] = []
    for run in instance.get_runs(filters=RunsFilter(statuses=list(IN_PROGRESS_RUN_STATUSES))):
        if SERVER_TAG in run.tags and not _answers(json.loads(run.tags[SERVER_TAG])):
            instance.report_run_failed(
                run, "Its worker ended together with the code server; re-execute from failure."
            )
            abandoned.append(run.run_id)
    return abandoned


def main() -> None:
    """Fail the abandoned runs of this environment's instance and say how many they were."""
    from tutordex_dagster.cli.console import say, setup_logging
    from tutordex_dagster.cli.environment import dagster_instance
    from tutordex_dagster.resources.databases import database_urls
    from tutordex_dagster.settings import load_settings

    setup_logging()
    settings = load_settings()
    with dagster_instance(settings, database_urls(settings)) as instance:
        say(f"{len(fail_abandoned_runs(instance))} abandoned runs")


def _answers(server: dict[str, Any]) -> bool:
    """Tell whether something listens at the address: a local socket file, or host and port."""
    path = server.get("socket")
    address = path or (server.get("host") or "localhost", int(server.get("port") or 0))
    family = socket.AF_UNIX if path else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.settimeout(_CONNECT_SECONDS)
        return probe.connect_ex(address) == 0


if __name__ == "__main__":
    main()
