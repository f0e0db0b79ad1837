"""Dagster's storages on Postgres: one pool of connections, and planned partitions in bulk."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from tests.acceptance.harness import wait_for
from tests.integration.dagster.world import START, World, at, post
from tutordex_dagster.assets.keys import RAW_MESSAGES
from tutordex_dagster.partitions import partition_key
from tutordex_dagster.resources.instance_storage import PooledEventLogStorage
from tutordex_dagster.settings import PROJECT
from tutordex_dagster.windows import HOUR

WAITING = """
SELECT true FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
OTHERS = """
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def instance(empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Give an instance as dagster.yaml describes it, on an empty database."""
    monkeypatch.setitem(os.environ, "TUTORDEX_DAGSTER_DATABASE_URL", empty_url)
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


@pytest.fixture
def on_postgres(world: World, instance: dg.DagsterInstance) -> World:
    """Give the world that instance."""
    return replace(world, instance=instance)


def ask(instance: dg.DagsterInstance) -> None:
    """Let every storage run some statements: runs, event log, ticks."""
    assert instance.get_runs_count() == 0
    assert instance.all_asset_keys() == []
    assert instance.all_instigator_state() == []


def connections(url: str) -> set[int]:
    """Return the server processes that serve this database, but for this question."""
    with psycopg.connect(url) as connection:
        return {pid for (pid,) in connection.execute(f"SELECT pid {OTHERS}").fetchall()}


def test_all_storages_of_all_instances_of_a_process_share_a_connection_that_stays(
    instance: dg.DagsterInstance, empty_url: str
) -> None:
    ask(instance)
    kept = connections(empty_url)
    for _ in range(3):
        with dg.DagsterInstance.from_ref(instance.get_ref()) as another:
            ask(another)
    assert len(kept) == 1
    assert connections(empty_url) == kept


def test_who_finds_no_tables_waits_for_whoever_is_making_them(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once fail, and the code server of the first `up` would never show its definitions."""
    monkeypatch.setitem(os.environ, "TUTORDEX_DAGSTER_DATABASE_URL", empty_url)
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(empty_url) as maker:
            maker.execute("SELECT pg_advisory_xact_lock(20252)")
            opening = pool.submit(dg.DagsterInstance.from_config, str(tmp_path))
            wait_for("it to wait", lambda: maker.execute(WAITING).fetchall(), every=0.01)
            assert maker.execute("SELECT tablename FROM pg_tables WHERE tablename = 'runs'").fetchall() == []
        with opening.result() as instance:
            ask(instance)


def test_a_connection_that_broke_is_replaced_unnoticed(instance: dg.DagsterInstance, empty_url: str) -> None:
    ask(instance)
    kept = connections(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {OTHERS}")
    ask(instance)
    assert kept.isdisjoint(connections(empty_url))


def test_planned_partitions_that_were_not_materialized_show_as_failed(on_postgres: World) -> None:
    world = on_postgres
    world.record("alpha", [post(6.5), f'{{"at": {at(7.2)}, "text": 7}}', post(8.5)], channel_id=1)
    world.publish()

    summary = world.backfill(hours=3, versions=[], assignments=False)

    planned = world.instance.get_records_for_run(
        summary.runs[0], of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    ).records
    keys = [str(partition_key("t.me/alpha", START + hour * HOUR)) for hour in range(3)]
    assert isinstance(world.instance.event_log_storage, PooledEventLogStorage)
    assert sorted(str(record.event_log_entry.get_dagster_event().partition) for record in planned) == keys
    assert world.colours(RAW_MESSAGES) == dict(
        zip(keys, ["MATERIALIZED", "FAILED", "MATERIALIZED"], strict=True)
    )
    (asset,) = world.instance.get_asset_records([RAW_MESSAGES])
    assert asset.asset_entry.last_run_id == summary.runs[0]
