"""The one code server of `tutordex up`: the UI and the daemon both ask it, and it starts the runs.

Left to themselves, both start one of their own. The UI never starts a dead one again, and the daemon replaces
its own every minute, so nothing could stay warm between two ticks of a sensor (both seen with Dagster 1.13).
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tutordex_dagster.cli.environment import dagster_home
from tutordex_dagster.operations.processes import Program

if TYPE_CHECKING:
    from tutordex_dagster.settings import Settings

_LOCATION = "tutordex"  # as in workspace.yaml: what Dagster remembers of sensors hangs on it
_MODULE = "tutordex_dagster.definitions"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeServer:
    """The program to start, and the workspace file that leads to it."""

    program: Program
    workspace: Path


@contextmanager
def code_server(settings: "Settings", logs: Path) -> Iterator[CodeServer]:
    """Write the workspace file of a server at an address of its own, which goes when the block ends.

    The address is a new one every time: a run whose worker died together with its server is known by that
    server's silence. It is a socket only this user can open, in a short path, as the kernel wants it.
    """
    with tempfile.TemporaryDirectory(prefix="tutordex-") as folder:
        address = Path(folder) / "code.sock"
        workspace = dagster_home(settings) / "workspace.yaml"
        server = {"socket": str(address), "location_name": _LOCATION}
        workspace.parent.mkdir(parents=True, exist_ok=True)
        workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
        yield CodeServer(program=_program(address, logs), workspace=workspace)


def _program(address: Path, logs: Path) -> Program:
    serve = [sys.executable, "-m", "dagster", "api", "grpc", "--socket", str(address)]
    what = ["--module-name", _MODULE, "--location-name", _LOCATION]
    # Lazily: definitions that do not load are shown by the UI instead of ending the server.
    how = ["--lazy-load-user-code", "--use-python-environment-entry-point"]
    return Program(name="Dagster code server", arguments=[*serve, *what, *how], log=logs / "code.log")
