"""A Telegram and a deployment that share one clock, which only the test moves."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.integration.dagster.world import StandingClock
from tests.integration.outages.world import BEGAN, NAMES, Deployment
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.resources.services import services_on
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.database import Database
from tutordex_dagster.windows import hour_of

MakeDeployment = Callable[..., Deployment]


@pytest.fixture(autouse=True)
def _untraced(no_cover: None) -> None:
    """Trace no lines: that takes longer than days of runs do, and other tests reach the same lines."""


@pytest.fixture
def clock() -> StandingClock:
    """Give the clock of the test."""
    clock = StandingClock()
    clock.now = BEGAN
    return clock


@pytest.fixture
def telegram(clock: StandingClock) -> Iterator[LoopbackTelegram]:
    """Give a Telegram with two agencies that have posted nothing yet."""
    with LoopbackTelegram(clock=clock) as server:
        for name in NAMES:
            server.channel(name)
        yield server


@pytest.fixture
def defaults(telegram: LoopbackTelegram, database_url: str, tmp_path: Path) -> Mapping[str, Any]:
    """Give the settings of a deployment with two accounts, impatient and without second attempts."""
    return {
        "tutordex_home": tmp_path,
        "tutordex_database_url": database_url,
        "tutordex_recorded_channels": tmp_path,
        "telegram_api_id": 1,
        "telegram_api_hash": "0" * 32,
        "session_string": telegram.session_string(0),
        "session_string_recovery": telegram.session_string(1),
        "channel_list": ", ".join(f"@{name}" for name in NAMES),
        "grid_start": hour_of(BEGAN),
        "retry_max_attempts": 1,
        "telegram_history_calls_per_30s": 100,
        "telegram_flood_patience_secs": 1,
    }


@pytest.fixture
def make(
    telegram: LoopbackTelegram,
    clock: StandingClock,
    database: Database,
    defaults: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeDeployment]:
    """Give a maker of the deployment; settings can be overridden by name."""
    monkeypatch.setitem(os.environ, "DAGSTER_EVENT_BATCH_SIZE", "1000")
    made: list[Deployment] = []

    def deploy(**overridden: Any) -> Deployment:  # noqa: ANN401 - as Settings takes them
        values: dict[str, Any] = {**defaults, **overridden}
        services = services_on(database, Settings(_env_file=None, **values), clock=clock)
        made.append(Deployment(telegram=telegram, services=services, clock=clock, instance=instance))
        return made[-1]

    with dg.DagsterInstance.ephemeral() as instance:
        yield deploy
        for deployment in made:
            deployment.go_down()
