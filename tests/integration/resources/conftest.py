"""A Telegram on this machine, and services that read it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.resources import feed
from tutordex_dagster.resources.services import Services, services_on
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.database import Database
from tutordex_dagster.windows import HOUR, hour_of, utc_now

MakeServices = Callable[..., Services]


@pytest.fixture
def telegram() -> Iterator[LoopbackTelegram]:
    """Give a Telegram with two agencies of a few posts."""
    with LoopbackTelegram() as server:
        for name in ("alpha_agency", "beta_agency"):
            server.channel(name)
            server.fill(name, 6, hour_of(utc_now()) - 2 * HOUR, HOUR / 3)
        yield server


@pytest.fixture
def make_services(
    telegram: LoopbackTelegram, database: Database, database_url: str, tmp_path: Path
) -> Iterator[MakeServices]:
    """Give a maker of services with sessions of two accounts; its settings can be overridden by name."""
    made: list[Services] = []

    def make(**overridden: Any) -> Services:  # noqa: ANN401 - as Settings takes them
        values: dict[str, Any] = {
            "tutordex_home": tmp_path,
            "tutordex_database_url": database_url,
            "tutordex_recorded_channels": tmp_path,
            "telegram_api_id": 1,
            "telegram_api_hash": "0" * 32,
            "session_string": telegram.session_string(0),
            "session_string_recovery": telegram.session_string(1),
            "channel_list": "@alpha_agency",
            "session_lease_secs": 3,
            **overridden,
        }
        made.append(services_on(database, Settings(_env_file=None, **values)))
        return made[-1]

    yield make
    feed.forget_warm_session()
    for services in made:
        services.close()


@pytest.fixture
def services(make_services: MakeServices) -> Services:
    """Give services that follow one agency."""
    return make_services()
