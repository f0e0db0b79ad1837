"""Settings: read once, every bad value one clear error, secrets never shown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.resources.databases import chosen_url, in_container
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
    assert settings.extraction_pipeline_version is None
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
        ("PARALLELISM_MAX", "4", "PARALLELISM_MAX: Input should be less than or equal to 3"),
        ("RATE_LIMIT_STRATEGY", "bold", "RATE_LIMIT_STRATEGY: Input should be 'adaptive'"),
        ("METRICS_MODE", "pull", "METRICS_MODE: Input should be 'scrape', 'push' or 'both'"),
        ("ENVIRONMENT", "Production!", "ENVIRONMENT: String should match pattern"),
        ("TELEGRAM_API_ID", "12", "^TELEGRAM_API_HASH: is missing while TELEGRAM_API_ID is set; set both"),
        ("TELEGRAM_API_HASH", "ab", "^TELEGRAM_API_ID: is missing while TELEGRAM_API_HASH is set; set both"),
        ("LLM_API_URL", "host:8080", "LLM_API_URL: is no address of a server; write it as http://host:port"),
        (
            "LLM_API_URL",
            "http://u:p@host",
            "LLM_API_URL: holds a user or a password; set LLM_API_KEY",
        ),
        (
            "LLM_API_KEY",
            "canary\nkey",
            "LLM_API_KEY: holds a space at an end, .*copy the key anew",
        ),
        ("LLM_CONCURRENCY", "0", "LLM_CONCURRENCY: Input should be greater than or equal to 1"),
        ("SUPABASE_URL", "https://x.supabase.co", "^SUPABASE_URL: is no PostgreSQL URL; .* postgresql://"),
        ("SUPABASE_URL_HOST", "http://x:8000", "^SUPABASE_URL_HOST: is no PostgreSQL URL; write the conn"),
        ("SUPABASE_URL_DOCKER", "postgresql://[x", "^SUPABASE_URL_DOCKER: is no PostgreSQL URL; write the"),
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


def test_telegram_is_configured_by_id_and_hash_together(variable: SetVariable) -> None:
    assert not load_settings().telegram_configured
    variable("TELEGRAM_API_ID", "12")
    variable("TELEGRAM_API_HASH", "0123456789abcdef")
    assert load_settings().telegram_configured


@pytest.mark.parametrize(
    ("environment", "mode", "export"),
    [
        ("development", "", "scrape"),
        ("production", "", "both"),
        ("production", "push", "push"),
        ("development", "both", "both"),
    ],
)
def test_production_exports_metrics_both_ways_unless_it_is_told_otherwise(
    variable: SetVariable, environment: str, mode: str, export: str
) -> None:
    variable("ENVIRONMENT", environment)
    variable("METRICS_MODE", mode)
    assert load_settings().metrics_export == export


def test_every_promised_default_of_recovery_and_resilience_holds(variable: SetVariable) -> None:
    variable("CHANNEL_LIST", "")
    values = shown(load_settings())
    promised = {
        "TG_SESSION": "tutordex.session",
        "TG_SESSION_RECOVERY": "tutordex_recovery.session",
        "RECOVERY_CATCHUP_ENABLED": "1",
        "RECOVERY_CATCHUP_CHUNK_HOURS": "6",
        "RECOVERY_CATCHUP_QUEUE_LOW_WATERMARK": "0",
        "RECOVERY_CATCHUP_CHECK_INTERVAL_SECONDS": "30",
        "RECOVERY_CATCHUP_TARGET_LAG_MINUTES": "2",
        "RECOVERY_CATCHUP_OVERLAP_MINUTES": "10",
        "RECOVERY_CATCHUP_STATE_FILE": "state/recovery_catchup_state.json",
        "MAX_RESTARTS": "10",
        "HEARTBEAT_SECS": "60.0",
        "CONNECTION_CHECK_SECS": "30.0",
        "BACKFILL_ON_START": "0",
        "BACKFILL_LIMIT": "0",
        "MAX_MESSAGE_RETRIES": "5",
        "RETRY_DELAY_BASE_SECS": "60.0",
        "RETRY_MAX_ATTEMPTS": "5",
        "RETRY_MAX_ELAPSED_SECONDS": "120.0",
        "BACKOFF_BASE_SECONDS": "0.5",
        "BACKOFF_MAX_SECONDS": "10.0",
        "CIRCUIT_BREAKER_WINDOW_SECONDS": "30.0",
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "5",
        "CIRCUIT_BREAKER_OPEN_TIMEOUT_SECONDS": "60.0",
        "PARALLELISM_MAX": "2",
        "RATE_LIMIT_STRATEGY": "adaptive",
        "SCHEMA_VERSION": "1.0.0",
        "SUPABASE_ENABLED": "1",
        "SUPABASE_RAW_ENABLED": "1",
        "EXTRACTION_QUEUE_ENABLED": "1",
    }
    assert {name: values[name] for name in promised} == promised


HOST, DOCKER = "postgresql://u:host-secret@127.0.0.1/postgres", "postgresql://u:docker-secret@db/postgres"
FALLBACK, OURS = "postgresql://u:any-secret@far/postgres", "postgresql://u:our-secret@here/tutordex"


@pytest.mark.parametrize(
    ("variables", "on_the_host", "in_a_container"),
    [
        ({}, None, None),
        ({"SUPABASE_URL": FALLBACK}, FALLBACK, FALLBACK),
        ({"SUPABASE_URL_HOST": HOST, "SUPABASE_URL_DOCKER": DOCKER}, HOST, DOCKER),
        ({"SUPABASE_URL_HOST": HOST, "SUPABASE_URL": FALLBACK}, HOST, FALLBACK),
        ({"SUPABASE_URL_DOCKER": DOCKER, "SUPABASE_URL": FALLBACK}, FALLBACK, DOCKER),
        (
            {"TUTORDEX_DATABASE_URL": OURS, "SUPABASE_URL_HOST": HOST, "SUPABASE_URL_DOCKER": DOCKER},
            OURS,
            OURS,
        ),
        ({"TUTORDEX_DATABASE_URL": OURS, "SUPABASE_URL": "https://x.supabase.co"}, OURS, OURS),
    ],
)
def test_the_database_is_the_explicit_one_else_the_one_for_this_side(
    variable: SetVariable, variables: dict[str, str], on_the_host: str | None, in_a_container: str | None
) -> None:
    for name, value in variables.items():
        variable(name, value)
    settings = load_settings()
    found = [chosen_url(settings, in_container=inside) for inside in (False, True)]
    assert [url and url.get_secret_value() for url in found] == [on_the_host, in_a_container]


@pytest.mark.parametrize(
    ("given", "inside", "line"),
    [
        ("SUPABASE_URL_HOST", True, "SUPABASE_URL_DOCKER: is not set, and this is a container; set it, or"),
        ("SUPABASE_URL_DOCKER", False, "SUPABASE_URL_HOST: is not set, and this is the host; set it, or"),
    ],
)
def test_a_url_for_the_other_side_only_never_falls_back_to_an_embedded_database(
    variable: SetVariable, given: str, line: str, *, inside: bool
) -> None:
    """It would start from nothing, and everything would seem to be lost."""
    variable(given, HOST)
    with pytest.raises(UsageError, match=line):
        chosen_url(load_settings(), in_container=inside)


def test_a_container_is_known_by_its_file_or_its_variable(tmp_path: Path) -> None:
    mark = tmp_path / ".dockerenv"
    assert not in_container({}, mark)
    assert in_container({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, mark)
    mark.touch()
    assert in_container({}, mark)


def test_a_session_string_and_a_service_key_are_never_shown(variable: SetVariable) -> None:
    sessions = ("SESSION_STRING", "SESSION_STRING_RECOVERY", "SESSION_STRING_MEDIA")
    names = (*sessions, "SUPABASE_SERVICE_ROLE_KEY", "LLM_API_KEY")
    for name in names:
        variable(name, "canary-secret")
    settings = load_settings()
    assert "canary-secret" not in f"{shown(settings)} {settings!r}"
    assert {shown(settings)[name] for name in names} == {"**********"}
