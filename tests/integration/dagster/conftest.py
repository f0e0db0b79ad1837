"""A world for every test of the glue."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.integration.dagster.world import START, StandingClock, World
from tutordex_dagster.resources.services import services_on
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.database import Database


@pytest.fixture
def world(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setitem(os.environ, "DAGSTER_EVENT_BATCH_SIZE", "1000")
    recordings = tmp_path / "channels"
    recordings.mkdir()
    clock = StandingClock()
    settings = Settings(
        _env_file=None,
        tutordex_home=tmp_path,
        tutordex_recorded_channels=recordings,
        grid_start=START,
        initial_history_hours=6,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(
            instance=instance,
            services=services_on(database, settings, clock=clock),
            clock=clock,
            recordings=recordings,
        )
