"""Dagster's launcher of runs, which can tell besides whether a run's process still lives.

Dagster notices a dead worker through the code server that started it. When both die within seconds of each
other, nobody is left to notice, and the run stays "started" until its time limit. With this class, which
`dagster.yaml` names, the monitoring daemon asks for the process itself and fails the run. The same goes for
runs that a command line carries out, which have no code server at all.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._serdes import ConfigurableClassData
from typing_extensions import override

from tutordex_dagster.operations.identity import PROCESS_TAG, is_gone, lives_since

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class WatchingRunLauncher(DefaultRunLauncher):
    """Launches as Dagster's own does, and looks for the processes of runs that started."""

    @classmethod
    @override
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "WatchingRunLauncher":
        return cls(inst_data=inst_data)

    @property
    @override
    def supports_check_run_worker_health(self) -> bool:
        return True

    @override
    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return NOT_FOUND for a process that is known to be gone; of another machine's nothing is known."""
        if self._is_gone(run):
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The process of this run is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _is_gone(self, run: dg.DagsterRun) -> bool:
        if PROCESS_TAG in run.tags:
            return is_gone(run.tags[PROCESS_TAG])
        if not is_of_this_machine(run.tags.get(GRPC_INFO_TAG)):
            return False
        worker = self._worker(run.run_id)
        return worker is not None and not lives_since(*worker)

    def _worker(self, run_id: str) -> tuple[int, datetime] | None:
        """Return the process that reported itself as the run's worker last, and when it did."""
        events = self._instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, ascending=False
        )
        for record in events.records:
            entry = record.event_log_entry
            pid = entry.get_dagster_event().engine_event_data.metadata.get("pid")
            if pid is not None:
                return int(str(pid.value)), datetime.fromtimestamp(entry.timestamp, UTC)
        return None


def is_of_this_machine(code_server: str | None) -> bool:
    """Tell whether Dagster's note about a run's code server leads to this machine."""
    if code_server is None:
        return False
    server = json.loads(code_server)
    return "socket" in server or server.get("host") in _LOOPBACK
