"""How long a rectangle takes: launched as the UI launches it, with an empty body, and in one run of our own.

20 recorded channels × 168 hours with 100,000 messages, on an embedded Postgres, with the real webserver and
daemon and the whole year's grid. Every row of the table was measured in this one run; read the ratios.

    python bench/backfill.py [--channels 20 --hours 168 --messages 100000]
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import orjson

from tutordex_dagster import runs
from tutordex_dagster.cli.environment import dagster_environment, prepare_dagster_home
from tutordex_dagster.definitions import build
from tutordex_dagster.partitions import grid, partition_key, publish_partitions
from tutordex_dagster.resources.channels import sync_channels
from tutordex_dagster.resources.databases import Urls
from tutordex_dagster.resources.services import open_services
from tutordex_dagster.settings import Settings, load_settings
from tutordex_dagster.store.embedded import start_embedded
from tutordex_dagster.store.migrate import ensure_database, migrate
from tutordex_dagster.windows import HOUR, Window, hour_of

VERSION = "rules"
RAW_SECONDS = 120
EXTRACTION_SECONDS = 180
OUR_SHARE = 0.5

LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
LOOK = """
query Look($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status partitionStatusCounts { runStatus count } }
  }
}
"""
STATS = """
query Stats($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { partitionStats { numMaterialized numFailed numPartitions } }
  }
}
"""
POST = """Code: {code}
{level} {subject} @ {place}
Address: Blk {block} {place} Street {street}, S({postal})
{times}x weekly, {duration} hours, after {start}pm or weekends
Rate: ${low} - ${high}/hr
Starts: ASAP
Remarks: patient tutor, student is weak in {subject}"""


@dg.definitions
def location() -> dg.Definitions:
    """Return what this benchmark's code location serves: our assets without automation, and an empty one."""
    settings = load_settings()

    @dg.asset(partitions_def=grid(settings.grid_start), backfill_policy=dg.BackfillPolicy.single_run())
    def empty() -> None:
        """Do nothing: what is left is Dagster's own."""

    ours = build(settings)
    return dg.Definitions(
        assets=[*(ours.assets or ()), empty],
        asset_checks=ours.asset_checks,
        resources=ours.resources,
        executor=ours.executor,
    )


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """What is launched."""

    channels: Sequence[str]
    window: Window

    @property
    def keys(self) -> list[str]:
        """List the partition keys, as the UI does."""
        return [partition_key(channel, hour) for channel in self.channels for hour in self.window.hours()]


class Ui:
    """The GraphQL calls of the UI."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=120)

    def backfill(self, asset: Sequence[str], keys: Sequence[str]) -> float:
        """Launch a backfill, wait for its end, and return the seconds it took."""
        began = time.monotonic()
        params = {"assetSelection": [{"path": list(asset)}], "partitionNames": list(keys), "tags": []}
        launched = self.ask(LAUNCH, {"params": params})["launchPartitionBackfill"]
        assert "backfillId" in launched, launched
        status = "REQUESTED"
        while status in {"REQUESTED", "COMPLETED"}:
            time.sleep(0.5)
            status = self.ask(LOOK, {"id": launched["backfillId"]})["partitionBackfillOrError"]["status"]
        assert status == "COMPLETED_SUCCESS", status
        seconds = time.monotonic() - began
        stats = self.ask(STATS, {"key": {"path": list(asset)}})["assetNodeOrError"]["partitionStats"]
        assert stats["numMaterialized"] == len(keys), stats
        assert stats["numFailed"] == 0, stats
        return seconds

    def ready(self) -> bool:
        """Tell whether the UI answers and has loaded our code location."""
        try:
            answer = self.ask("{ assetNodes { id } }", {})
        except httpx.HTTPError:
            return False
        return bool(answer["assetNodes"])

    def ask(self, query: str, variables: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return the data of a query."""
        body = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in body, body["errors"]
        return body["data"]


def main() -> None:
    """Measure and print the table; exit 1 when a target is missed."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results, rectangle = _prepare_and_measure(Path(folder), options)
    _print(results, rectangle, options.messages)
    sys.exit(0 if _good(results) else 1)


def _prepare_and_measure(home: Path, options: argparse.Namespace) -> tuple[dict[str, float], Rectangle]:
    os.environ.update(
        TUTORDEX_HOME=str(home),
        TUTORDEX_RECORDED_CHANNELS=str(home / "channels"),
        INITIAL_HISTORY_HOURS="1",
    )
    until = hour_of(datetime.now(UTC)) - HOUR
    window = Window(until - options.hours * HOUR, until)
    channels = _write_recordings(home / "channels", options.channels, options.messages, window)
    rectangle = Rectangle(channels=channels, window=window)
    server = start_embedded(home / "postgres")
    try:
        urls = Urls(tutordex=server.url("tutordex"), dagster=server.url("dagster"))
        ensure_database(urls.tutordex)
        ensure_database(urls.dagster)
        prepare_dagster_home(load_settings())
        os.environ.update(dagster_environment(load_settings(), urls))
        with _processes(home) as ui:
            return _measure(load_settings(), ui, rectangle), rectangle
    finally:
        server.stop()


def _measure(settings: Settings, ui: Ui, rectangle: Rectangle) -> dict[str, float]:
    results: dict[str, float] = {}
    with open_services(settings) as services, dg.DagsterInstance.get() as instance:
        migrate(services.database)
        sync_channels(services)
        publish_partitions(instance, rectangle.channels)

        def one_run(*, versions: Sequence[str], force: bool) -> float:
            began = time.monotonic()
            summary = runs.backfill(
                instance,
                services,
                channels=rectangle.channels,
                window=rectangle.window,
                versions=versions,
                assignments=False,
                force=force,
            )
            assert len(summary.runs) == 1, summary
            assert not summary.failed_partitions, summary.failed_partitions[:5]
            assert not summary.errors, summary.errors
            return time.monotonic() - began

        steps: list[tuple[str, Callable[[], float]]] = [
            ("empty, from the UI", lambda: ui.backfill(["empty"], rectangle.keys)),
            ("raw_messages, from the UI", lambda: ui.backfill(["raw_messages"], rectangle.keys)),
            ("extractions/rules, from the UI", lambda: ui.backfill(["extractions", VERSION], rectangle.keys)),
            ("raw_messages, one run", lambda: one_run(versions=[], force=False)),
            ("raw_messages and extractions/rules, one run", lambda: one_run(versions=[VERSION], force=True)),
        ]
        for name, step in steps:
            results[name] = step()
            print(f"{name}: {results[name]:.1f} s", flush=True)
    return results


def _good(results: dict[str, float]) -> bool:
    raw, extraction = results["raw_messages, from the UI"], results["extractions/rules, from the UI"]
    ours = results["raw_messages, one run"], results["raw_messages and extractions/rules, one run"]
    return (
        raw <= RAW_SECONDS
        and extraction <= EXTRACTION_SECONDS
        and ours[0] <= OUR_SHARE * raw
        and ours[1] <= OUR_SHARE * (raw + extraction)
    )


def _print(results: dict[str, float], rectangle: Rectangle, messages: int) -> None:
    empty = results["empty, from the UI"]
    print(f"\n{len(rectangle.keys)} partitions, {messages} messages")
    print(f"{'':46}{'seconds':>9}{'× empty':>9}")
    for name, seconds in results.items():
        print(f"{name:46}{seconds:9.1f}{seconds / empty:9.2f}")
    raw, both = results["raw_messages, from the UI"], results["extractions/rules, from the UI"]
    print(f"one run / UI, raw_messages: {results['raw_messages, one run'] / raw:.2f}")
    ours = results["raw_messages and extractions/rules, one run"]
    print(f"one run / UI, both assets: {ours / (raw + both):.2f}")


@contextmanager
def _processes(home: Path) -> Iterator[Ui]:
    """Run the webserver and the daemon on this file's code location."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target = ["-f", __file__, "-a", "location"]
    commands = {
        "webserver": ["-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), *target],
        "daemon": ["-m", "dagster._daemon", "run", *target],
    }
    children: list[subprocess.Popen[bytes]] = []
    try:
        for name, arguments in commands.items():
            with (home / f"{name}.log").open("wb") as log:
                children.append(subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log))
        ui = Ui(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + 60
        while not ui.ready():
            assert time.monotonic() < deadline, (home / "webserver.log").read_text()
            time.sleep(0.5)
        yield ui
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(60)


def _write_recordings(folder: Path, channels: int, messages: int, window: Window) -> list[str]:
    folder.mkdir()
    seconds = int((window.until - window.since).total_seconds())
    references = []
    for number in range(channels):
        share = messages * (number + 1) // channels - messages * number // channels
        reference = f"t.me/bench{number:02d}"
        header = {
            "schema_version": 1,
            "channel": {"id": 1000 + number, "reference": reference, "title": f"Bench {number}"},
            "period_hours": 24 * 365 * 2,
            "epoch": window.since.isoformat(),
        }
        lines = [{"at": index * seconds // share, "text": _post(number, index)} for index in range(share)]
        (folder / f"bench{number:02d}.jsonl").write_bytes(
            b"\n".join(orjson.dumps(line) for line in [header, *lines])
        )
        references.append(reference)
    return references


def _post(channel: int, index: int) -> str:
    pick = index * 7 + channel
    return POST.format(
        code=f"B{channel:02d}{index:05d}",
        level=("P5", "Sec 3", "JC2", "K2", "IB Year 5")[pick % 5],
        subject=("Maths", "English", "Physics", "Chinese", "Chemistry")[pick % 7 % 5],
        place=("Bishan", "Tampines", "Clementi", "Yishun")[pick % 4],
        block=100 + pick % 800,
        street=10 + pick % 90,
        postal=f"{500000 + pick % 300000}",
        times=1 + pick % 3,
        duration=("1.5", "2")[pick % 2],
        start=3 + pick % 5,
        low=25 + pick % 40,
        high=35 + pick % 40,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--messages", type=int, default=100_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
