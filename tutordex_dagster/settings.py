"""Every setting, read from the environment (and `.env`) once, validated, with its name and default.

`docs/configuration.md` is generated from this file, so a description here is what an operator reads.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import hour_of

PROJECT = Path(__file__).resolve().parents[1]
"""The folder that holds `pipelines/` and `examples/`; relative paths in settings start here."""

OUR_PREFIXES = ("TUTORDEX_", "EXTRACTION_", "RECOVERY_CATCHUP_")
"""A variable with one of these prefixes that no setting knows is most likely a slip of the pen."""


def _in_project(path: Path) -> Path:
    return path if path.is_absolute() else PROJECT / path


ProjectPath = Annotated[Path, AfterValidator(_in_project)]


class Settings(BaseSettings):
    """All settings of one process. An empty environment gives the demo on recorded channels."""

    model_config = SettingsConfigDict(
        env_file=PROJECT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    tutordex_home: ProjectPath = Field(
        Path(".tutordex"),
        description="Folder of everything that lives outside Postgres: embedded data, logs.",
    )
    tutordex_database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL URL (Supabase's connection string is one). Unset: an embedded PostgreSQL"
        " in `TUTORDEX_HOME`.",
    )
    tutordex_dagster_database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL URL of Dagster's own storage. Unset: database `dagster` on the same server.",
    )
    tutordex_host: str = Field("127.0.0.1", description="Address the Dagster UI listens on; it has no login.")
    tutordex_port: int = Field(3001, ge=1, le=65535, description="Port of the Dagster UI.")
    tutordex_recorded_channels: ProjectPath = Field(
        Path("examples/channels"), description="Folder of recorded channels, which need no account."
    )
    tutordex_pipelines: ProjectPath = Field(
        Path("pipelines"), description="Folder of pipeline version files, one YAML file a version."
    )
    channel_list: str | None = Field(
        None,
        description="Channels to collect: comma list or JSON array of `t.me/X`, `@X` or links."
        " Unset: every recorded channel.",
    )
    grid_start: datetime = Field(
        datetime(2026, 1, 1, tzinfo=UTC),
        description="First hour of the partition grid, ISO 8601 with a time zone. Older rows are kept and"
        " extracted but have no partition; a year of one channel is 8,760 partitions.",
    )
    initial_history_hours: int = Field(
        168, ge=1, description="How many hours back a newly added channel is collected by itself."
    )
    extraction_pipeline_version: str = Field(
        "rules", description="The live pipeline version: the one `assignments` shows."
    )
    extraction_queue_enabled: bool = Field(
        True, description="0 stores raw messages only and enqueues no extraction."
    )
    extraction_worker_oneshot: bool = Field(
        False, description="1 makes `tutordex drain` exit once the queue is empty."
    )
    extraction_worker_max_jobs: int | None = Field(
        None, ge=1, description="`tutordex drain` stops after this many jobs."
    )
    extraction_worker_batch_size: int = Field(
        200, ge=1, le=1000, description="Jobs claimed and finished in one transaction."
    )
    extraction_lease_secs: int = Field(
        300, ge=10, description="Seconds after which a job whose worker died is given to another."
    )
    max_message_retries: int = Field(
        5, ge=1, le=100, description="Attempts at one message before its job is declared dead."
    )
    retry_delay_base_secs: float = Field(
        60, gt=0, description="Seconds before the second attempt; doubles with every further one."
    )
    extraction_failure_share_limit: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of failed and dead extractions of the live version in a day above which"
        " `assignments` is not updated.",
    )
    freshness_hours: int = Field(
        24, ge=1, description="A channel whose newest message is older than this is reported as silent."
    )
    recovery_catchup_enabled: bool = Field(
        True, description="0 stops the sensor that reads missing and ended hours by itself."
    )
    recovery_catchup_chunk_hours: int = Field(
        6, ge=1, le=168, description="Hours of one catchup slice while there is live work in the queue."
    )
    recovery_catchup_queue_low_watermark: int = Field(
        0, ge=0, description="Catchup waits while the live queue holds more jobs than this."
    )
    recovery_catchup_check_interval_seconds: int = Field(
        30, ge=5, description="Seconds between two looks at what is missing."
    )
    recovery_catchup_target_lag_minutes: int = Field(
        2, ge=0, description="Minutes an hour must be over before it is read for good and sealed."
    )
    recovery_catchup_overlap_minutes: int = Field(
        10, ge=0, description="Minutes a requested backfill starts earlier, against posts on the boundary."
    )
    schema_version: str = Field(
        "1.0.0", description="Version stamped on every file written for others.", pattern=r"^\d+\.\d+\.\d+$"
    )
    nightly_timezone: str = Field(
        "Asia/Singapore", description="IANA time zone of the nightly schedule (03:30 there)."
    )
    log_level: str = Field("INFO", description="Least severe log line that is shown.")

    @field_validator("grid_start")
    @classmethod
    def _aware_full_hour(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; write {value.isoformat()}+00:00")
        if hour_of(value) != value:
            raise ValueError(f"{value.isoformat()} is no full UTC hour; write {hour_of(value).isoformat()}")
        return value.astimezone(UTC)

    @field_validator("nightly_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no IANA time zone; write one such as Asia/Singapore") from None
        return value

    @field_validator("tutordex_database_url", "tutordex_dagster_database_url")
    @classmethod
    def _postgres_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value and urlsplit(value.get_secret_value()).scheme not in {"postgresql", "postgres"}:
            raise ValueError("is no PostgreSQL URL; write it as postgresql://user:password@host:5432/name")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError(f"{value!r} is no log level; write DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @property
    def target_lag(self) -> timedelta:
        """Return how long an hour must be over before it can be sealed."""
        return timedelta(minutes=self.recovery_catchup_target_lag_minutes)


def load_settings() -> Settings:
    """Read the process environment and `.env`; UsageError names the first variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        reason, _, step = first["msg"].removeprefix("Value error, ").partition("; ")
        raise UsageError(name, reason, step or "correct it in the environment or in .env") from None


@cache
def settings() -> Settings:
    """Return this process's settings, read once."""
    return load_settings()


def unknown_variables(environment: Iterable[str]) -> tuple[str, ...]:
    """Return variables that carry one of our prefixes but that no setting knows, sorted."""
    known = {name.upper() for name in Settings.model_fields}
    return tuple(sorted(n for n in environment if n.startswith(OUR_PREFIXES) and n not in known))


def shown(values: Settings) -> Mapping[str, str]:
    """Return every setting by its variable name, secrets hidden."""
    return {name.upper(): _shown_value(getattr(values, name)) for name in Settings.model_fields}


def _shown_value(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path) and value.is_relative_to(PROJECT):
        return str(value.relative_to(PROJECT))
    return "" if value is None else str(value)


def reference_markdown() -> str:
    """Return the table of all settings as Markdown: name, default, meaning."""
    rows = [
        f"| `{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _default(field: Any) -> str:  # noqa: ANN401 - pydantic's FieldInfo default is untyped
    value = _shown_value(_in_project(field.default) if isinstance(field.default, Path) else field.default)
    return f"`{value}`" if re.search(r"\S", value) else "unset"
