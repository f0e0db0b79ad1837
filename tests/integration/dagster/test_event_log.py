"""Dagster's event log on Postgres with planned partitions in bulk."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tests.integration.dagster.world import START, World, at, post
from tutordex_dagster.assets.keys import RAW_MESSAGES
from tutordex_dagster.partitions import partition_key
from tutordex_dagster.resources.event_log import BulkEventLogStorage
from tutordex_dagster.settings import PROJECT
from tutordex_dagster.windows import HOUR


@pytest.fixture
def on_postgres(
    world: World, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Give the world an instance as dagster.yaml describes it."""
    monkeypatch.setitem(os.environ, "TUTORDEX_DAGSTER_DATABASE_URL", empty_url)
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield replace(world, instance=instance)


def test_planned_partitions_that_were_not_materialized_show_as_failed(on_postgres: World) -> None:
    world = on_postgres
    world.record("alpha", [post(6.5), f'{{"at": {at(7.2)}, "text": 7}}', post(8.5)], channel_id=1)
    world.publish()

    summary = world.backfill(hours=3, versions=[], assignments=False)

    planned = world.instance.get_records_for_run(
        summary.runs[0], of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    ).records
    keys = [str(partition_key("t.me/alpha", START + hour * HOUR)) for hour in range(3)]
    assert isinstance(world.instance.event_log_storage, BulkEventLogStorage)
    assert sorted(str(record.event_log_entry.get_dagster_event().partition) for record in planned) == keys
    assert world.colours(RAW_MESSAGES) == dict(
        zip(keys, ["MATERIALIZED", "FAILED", "MATERIALIZED"], strict=True)
    )
    (asset,) = world.instance.get_asset_records([RAW_MESSAGES])
    assert asset.asset_entry.last_run_id == summary.runs[0]
