"""Settings: read once, every bad value one clear error, secrets never shown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.settings import (
    PROJECT,
    Settings,
    load_settings,
    reference_markdown,
    shown,
    unknown_variables,
)

SetVariable = Callable[[str, str], None]


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> SetVariable:
    """Give a function that sets an environment variable for one test; no `.env` file is read."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    return monkeypatch.setenv


def test_an_empty_environment_gives_the_demo_on_recorded_channels(variable: SetVariable) -> None:
    variable("CHANNEL_LIST", "")
    settings = load_settings()
    assert settings.channel_list is None
    assert settings.tutordex_database_url is None
    assert settings.tutordex_recorded_channels == PROJECT / "examples/channels"
    assert settings.extraction_pipeline_version == "rules"
    assert settings.target_lag == timedelta(minutes=2)


def test_relative_folders_start_at_the_project_and_absolute_ones_stay(
    variable: SetVariable, tmp_path: Path
) -> None:
    variable("TUTORDEX_HOME", "somewhere/else")
    variable("TUTORDEX_PIPELINES", str(tmp_path))
    settings = load_settings()
    assert settings.tutordex_home == PROJECT / "somewhere/else"
    assert settings.tutordex_pipelines == tmp_path


def test_the_grid_starts_at_a_full_hour_given_in_any_zone(variable: SetVariable) -> None:
    variable("GRID_START", "2026-03-01T08:00:00+08:00")
    assert load_settings().grid_start == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("TUTORDEX_PORT", "http", "TUTORDEX_PORT: Input should be a valid integer"),
        ("TUTORDEX_PORT", "70000", "TUTORDEX_PORT: Input should be less than or equal to 65535"),
        ("GRID_START", "2026-03-01T00:00:00", "has no time zone; write 2026-03-01T00:00:00\\+00:00"),
        ("GRID_START", "2026-03-01T00:30:00+00:00", "is no full UTC hour; write 2026-03-01T00:00:00\\+00:00"),
        ("NIGHTLY_TIMEZONE", "Mars/Olympus", "'Mars/Olympus' is no IANA time zone; write one such as"),
        ("LOG_LEVEL", "LOUD", "'LOUD' is no log level; write DEBUG, INFO, WARNING or ERROR"),
        ("TUTORDEX_DATABASE_URL", "mysql://x/y", "TUTORDEX_DATABASE_URL: is no PostgreSQL URL; write it as"),
        ("EXTRACTION_FAILURE_SHARE_LIMIT", "0", "EXTRACTION_FAILURE_SHARE_LIMIT: Input should be greater"),
    ],
)
def test_a_bad_value_is_named_with_the_reason_and_the_next_step(
    variable: SetVariable, name: str, value: str, line: str
) -> None:
    variable(name, value)
    with pytest.raises(UsageError, match=line):
        load_settings()


def test_a_bad_database_url_never_puts_its_password_into_the_message(variable: SetVariable) -> None:
    variable("TUTORDEX_DATABASE_URL", "mysql://someone:hunter2@host/name")
    with pytest.raises(UsageError) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)


def test_shown_settings_hide_secrets_and_name_every_variable(variable: SetVariable) -> None:
    variable("TUTORDEX_DATABASE_URL", "postgresql://someone:hunter2@host/name")
    values = shown(load_settings())
    assert values["TUTORDEX_DATABASE_URL"] == "**********"
    assert values["TUTORDEX_HOME"] == ".tutordex"
    assert values["EXTRACTION_QUEUE_ENABLED"] == "1"
    assert set(values) == {name.upper() for name in Settings.model_fields}


def test_a_misspelt_variable_of_ours_is_found_and_others_are_left_alone() -> None:
    environment = ("EXTRACTION_PIPELINE_VERSOIN", "TUTORDEX_HOME", "PATH", "RECOVERY_CATCHUP_ENABLED")
    assert unknown_variables(environment) == ("EXTRACTION_PIPELINE_VERSOIN",)


def test_every_setting_has_a_row_with_its_meaning_in_the_reference() -> None:
    rows = reference_markdown().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    assert all(len(row.split(" | ")) == 3 and len(row.split(" | ")[2]) > len("x |") for row in rows)
