"""The real thing: `tutordex up` in a home of its own, spoken to as a person's browser and terminal would."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx
import psycopg

HOUR = timedelta(hours=1)
TUTORDEX = Path(sys.executable).with_name("tutordex")
POST = """Code: {code}
P5 Maths @ Bishan
Address: 10 Bishan Street {place}, S(57{place:04})
1x weekly, 1.5 hours
$40/hr"""

Seen = TypeVar("Seen")

LAUNCH = """
mutation LaunchPartitionBackfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on Error { message }
  }
}"""
REEXECUTE = """
mutation LaunchRunReexecution($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
  }
}"""
RUN_STATUS = """
query Run($id: ID!) {
  runOrError(runId: $id) { ... on Run { status } ... on Error { message } }
}"""
PARTITIONS = """
query PartitionHealth($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      partitionKeysByDimension { name partitionKeys }
      assetPartitionStatuses {
        __typename
        ... on MultiPartitionStatuses {
          primaryDimensionName
          ranges {
            primaryDimStartKey
            primaryDimEndKey
            secondaryDim {
              ... on TimePartitionStatuses { ranges { status startKey endKey } }
              ... on DefaultPartitionStatuses { materializedPartitions }
            }
          }
        }
      }
    }
  }
}"""
RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { runId tags { key value } } } }
}"""
LOGS = """
query Logs($id: ID!) {
  logsForRun(runId: $id) {
    ... on EventConnection { events { ... on MessageEvent { message } } }
    ... on Error { message }
  }
}"""


def wait_for(what: str, look: Callable[[], Seen | None], *, seconds: float = 90, every: float = 0.5) -> Seen:
    """Return what `look` finds as soon as it finds something; fail after the deadline.

    Looks `every` so many seconds: a look through the UI keeps a processor busy for a good part of one.
    """
    deadline = monotonic() + seconds
    while True:
        if found := look():
            return found
        assert monotonic() < deadline, f"waited {seconds} s for {what}"
        sleep(every)


@dataclass(kw_only=True)
class System:
    """One home folder and, while it runs, the `tutordex up` on it."""

    folder: Path
    port: int
    settings: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def home(self) -> Path:
        """Return TUTORDEX_HOME."""
        return self.folder / "home"

    @property
    def url(self) -> str:
        """Return the UI's address."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return what every command of this system sees; coverage would slow all of Dagster down."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV_CORE_")}
        return {
            **inherited,
            **self.settings,
            "TUTORDEX_HOME": str(self.home),
            "TUTORDEX_PORT": str(self.port),
        }

    def start(self) -> None:
        """Start `up` and return once the UI answers and the first fill is over."""
        with (self.folder / "up.out").open("w") as out:
            self.process = subprocess.Popen([TUTORDEX, "up"], env=self.environment(), stdout=out, stderr=out)
        wait_for("the UI", self.answers, seconds=120)
        wait_for("the first fill", lambda: "First fill:" in self.output(), seconds=120)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop `up` as Ctrl-C does and return its exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(40)

    def output(self) -> str:
        """Return what `up` has printed; fails when it has ended."""
        text = (self.folder / "up.out").read_text()
        assert self.process, "was never started"
        assert self.process.poll() is None, text
        return text

    def answers(self) -> bool:
        """Tell whether the UI says what it is."""
        self.output()
        try:
            return "dagster_webserver_version" in httpx.get(f"{self.url}/server_info", timeout=5).json()
        except httpx.TransportError:
            return False

    def run(self, *arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run another command of ours on the same home; fails on another exit code."""
        ended = subprocess.run(
            [TUTORDEX, *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == exit_code, ended
        return ended

    def graphql(self, query: str, **variables: Any) -> Any:  # noqa: ANN401 - as the schema says
        """Send a query as the UI does and return its data."""
        sent = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=sent, timeout=30).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def launch(
        self,
        assets: Sequence[Sequence[str]],
        partitions: Sequence[str],
        *,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Launch a backfill the way the UI's "Materialize" dialog does; return its id."""
        params = {
            "assetSelection": [{"path": list(path)} for path in assets],
            "partitionNames": list(partitions),
            "fromFailure": False,
            "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()],
        }
        launched = self.graphql(LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def reexecute_from_failure(self, run: str) -> str:
        """Do what the UI's "Re-execute from failure" button does; return the new run's id."""
        params = {"parentRunId": run, "strategy": "FROM_FAILURE"}
        launched = self.graphql(REEXECUTE, params=params)["launchRunReexecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def run_status(self, run: str) -> str:
        """Return the status the UI shows for a run."""
        return str(self.graphql(RUN_STATUS, id=run)["runOrError"]["status"])

    def materialized(self, asset: Sequence[str]) -> set[str]:
        """Return the partitions of an asset that are green, from the ranges the UI draws."""
        node = self.graphql(PARTITIONS, key={"path": list(asset)})["assetNodeOrError"]
        assert node["assetPartitionStatuses"]["__typename"] == "MultiPartitionStatuses", node
        hours = {key: at for at, key in enumerate(_dimension(node, "hour"))}
        channels = {key: at for at, key in enumerate(_dimension(node, "channel"))}
        return {
            f"{channel}|{hour}"
            for block in node["assetPartitionStatuses"]["ranges"]
            for channel, hour in _green(
                block, node["assetPartitionStatuses"]["primaryDimensionName"], channels, hours
            )
        }

    def run_of(self, backfill: str, channel: str) -> str | None:
        """Return the run of a backfill that reads this channel, once it exists: the UI makes one for each."""
        of_backfill = {"tags": [{"key": "dagster/backfill", "value": backfill}]}
        for run in self.graphql(RUNS, filter=of_backfill)["runsOrError"]["results"]:
            tags = {tag["key"]: tag["value"] for tag in run["tags"]}
            if tags["dagster/asset_partition_range_start"].startswith(f"{channel}|"):
                return str(run["runId"])
        return None

    def worker_of(self, run: str) -> int | None:
        """Return the process id of a run's worker, once a line the UI shows of the run names it."""
        events = self.graphql(LOGS, id=run)["logsForRun"]["events"]
        named = re.findall(r"pid: (\d+)", "\n".join(each.get("message", "") for each in events))
        return int(named[-1]) if named else None

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask our database."""
        where = f"postgresql://postgres:@/tutordex?host={self.home / 'postgres'}"
        with psycopg.connect(where) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def processes(self) -> list[str]:
        """Return the command lines of all living processes that belong to this home."""
        return [line for pid in Path("/proc").iterdir() if pid.name.isdigit() and (line := self._ours(pid))]

    def _ours(self, process: Path) -> str | None:
        mark = os.fsencode(self.home)
        try:
            line = (process / "cmdline").read_bytes()
            is_ours = mark in line or mark in (process / "environ").read_bytes()
        except OSError:
            return None  # ended while we looked, or another user's
        return line.replace(b"\0", b" ").decode("utf-8", "replace") if is_ours and line else None


def settings_of(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a small system: two days of grid, our own recordings."""
    grid_start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 48 * HOUR
    return {
        "TUTORDEX_RECORDED_CHANNELS": str(folder / "recordings"),
        "GRID_START": grid_start.isoformat(),
        **settings,
    }


def record(path: Path, channel_id: int, per_hour: int) -> None:
    """Write a recording of a day with so many assignments an hour, in a street of its own."""
    header = {
        "schema_version": 1,
        "channel": {"id": channel_id, "reference": f"t.me/{path.stem}", "title": path.stem},
        "period_hours": 24,
        "epoch": "2026-01-05T00:00:00+00:00",
    }
    step = 3600 // per_hour
    posts = [
        {"at": number * step + 5, "text": POST.format(code=f"T{number:05}", place=channel_id)}
        for number in range(24 * per_hour)
    ]
    path.write_text("\n".join(json.dumps(line) for line in [header, *posts]), encoding="utf-8")


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def keys(channels: Sequence[str], since: datetime, hours: int) -> list[str]:
    """Return the partition keys of a rectangle, as the UI writes them."""
    return [
        f"{channel}|{(since + hour * HOUR):%Y-%m-%d-%H:%M}" for channel in channels for hour in range(hours)
    ]


def _dimension(node: Mapping[str, Any], name: str) -> list[str]:
    return next(each["partitionKeys"] for each in node["partitionKeysByDimension"] if each["name"] == name)


def _green(
    block: Mapping[str, Any], primary: str, channels: Mapping[str, int], hours: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield channel and hour of every materialized partition of one block of the UI's picture."""
    outer, inner = (hours, channels) if primary == "hour" else (channels, hours)
    secondary = block["secondaryDim"]
    seconds = secondary.get("materializedPartitions") or [
        key
        for each in secondary.get("ranges", [])
        if each["status"] == "MATERIALIZED"
        for key in _between(inner, each["startKey"], each["endKey"])
    ]
    for first in _between(outer, block["primaryDimStartKey"], block["primaryDimEndKey"]):
        for second in seconds:
            yield (second, first) if primary == "hour" else (first, second)


def _between(positions: Mapping[str, int], start: str, end: str) -> list[str]:
    return [key for key, at in positions.items() if positions[start] <= at <= positions[end]]
