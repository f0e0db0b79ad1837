"""Recorded channels on a real Postgres and an ephemeral Dagster instance, at an instant that stands still."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import orjson

from tutordex_dagster.definitions import build
from tutordex_dagster.partitions import grid, partition_key, publish_partitions
from tutordex_dagster.resources.channels import sync_channels
from tutordex_dagster.resources.services import Services
from tutordex_dagster.runs import BackfillSummary, backfill
from tutordex_dagster.windows import HOUR, Window

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
"""The grid of the tests: seven hours, the running one included."""


class StandingClock:
    """A clock that only moves when a test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything a test of the glue touches."""

    instance: dg.DagsterInstance
    services: Services
    clock: StandingClock
    recordings: Path

    def record(self, name: str, lines: Sequence[Mapping[str, Any] | str], *, channel_id: int) -> None:
        """Write a recorded channel whose day begins at EPOCH and never repeats; a string is a broken line."""
        header = {
            "schema_version": 1,
            "channel": {"id": channel_id, "reference": f"t.me/{name}", "title": name},
            "period_hours": 24 * 365,
            "epoch": EPOCH.isoformat(),
        }
        rows = [
            orjson.dumps(header),
            *(row.encode() if isinstance(row, str) else orjson.dumps(row) for row in lines),
        ]
        (self.recordings / f"{name}.jsonl").write_bytes(b"\n".join(rows))

    def publish(self) -> None:
        """Register the recorded channels and make them partitions."""
        sync = sync_channels(self.services)
        publish_partitions(self.instance, [channel.reference for channel in sync.registered])

    def backfill(
        self,
        *,
        hours: int = 4,
        versions: Sequence[str] = ("rules",),
        **options: Any,  # noqa: ANN401 - of runs.backfill
    ) -> BackfillSummary:
        """Materialize the first hours of the grid for every channel, as the command line does."""
        return backfill(
            self.instance,
            self.services,
            channels=[channel.reference for channel in self.services.channels.all()],
            versions=versions,
            **{"window": Window(START, START + hours * HOUR), "assignments": True, **options},
        )

    def run(self, job: str, **options: Any) -> dg.ExecuteInProcessResult:  # noqa: ANN401
        """Run a job of the definitions in this process."""
        definitions = build(self.services.settings, services=self.services)
        return definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        )

    def colours(self, asset: dg.AssetKey) -> dict[str, str]:
        """Return the status of every partition of an asset that has one, as the UI shows it."""
        partitions = grid(self.services.settings.grid_start)
        keys = [
            partition_key(channel.reference, hour)
            for channel in self.services.channels.all()
            for hour in Window(START, NOW).hours()
        ]
        statuses = self.instance.get_status_by_partition(asset, keys, partitions) or {}
        return {key: status.value for key, status in statuses.items() if status}

    def events(self, asset: dg.AssetKey) -> dict[str | None, dg.AssetMaterialization]:
        """Return the newest materialization of every partition."""
        records = self.instance.fetch_materializations(asset, limit=1000, ascending=True).records
        return {
            record.partition_key: record.asset_materialization
            for record in records
            if record.asset_materialization
        }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.services.database.connection() as connection:
            return connection.execute(query.encode()).fetchall()


def tags(event: dg.AssetMaterialization) -> Mapping[str, str]:
    """Return the tags of an event."""
    return event.tags or {}


def at(hour: float) -> int:
    """Return the second of a recording that is this hour of NOW's day."""
    return int((24 + hour) * 3600)


POST = """Code: {code}
P5 Maths @ Bishan
Address: 10 Bishan Street 12, S(570010)
1x weekly, 1.5 hours
$40/hr"""


def post(hour: float, code: str = "A1", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a recorded post of an assignment at this hour of NOW's day."""
    return {"at": at(hour), "text": POST.format(code=code), **more}
