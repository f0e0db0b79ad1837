"""Every setting, read from the environment (and `.env`) once, validated, with its name and default.

`docs/configuration.md` is generated from this file, so a description here is what an operator reads.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.llm.address import ServerUrl
from tutordex_dagster.windows import hour_of

PROJECT = Path(__file__).resolve().parents[1]
"""The folder that holds `pipelines/` and `examples/`; relative paths in settings start here."""

OUR_PREFIXES = (
    "TUTORDEX_",
    "EXTRACTION_",
    "LLM_",
    "RECOVERY_CATCHUP_",
    "TELEGRAM_",
    "TG_SESSION",
    "SESSION_STRING",
    "TAIL_",
    "RESILIENCE_",
)
"""A variable with one of these prefixes that no setting knows is most likely a slip of the pen."""

SUPABASE_URLS = ("supabase_url_host", "supabase_url_docker", "supabase_url")

MetricsExport: TypeAlias = Literal["scrape", "push", "both"]
"""How recorded metrics leave: they are fetched, they are sent, or both."""


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
    supabase_url_host: SecretStr | None = Field(
        None,
        description="Supabase's PostgreSQL URL as the host reaches it; used outside containers while"
        " `TUTORDEX_DATABASE_URL` is unset.",
    )
    supabase_url_docker: SecretStr | None = Field(
        None,
        description="Supabase's PostgreSQL URL as a container reaches it; used inside containers while"
        " `TUTORDEX_DATABASE_URL` is unset.",
    )
    supabase_url: SecretStr | None = Field(
        None, description="Supabase's PostgreSQL URL wherever the one of the two above is unset."
    )
    supabase_service_role_key: SecretStr | None = Field(
        None,
        description="Accepted and hidden, not used: a PostgreSQL URL has a user and a password of its own.",
    )
    supabase_enabled: bool = Field(
        True, description="0 extracts nothing: `tutordex drain` refuses to work, the extract sensors wait."
    )
    supabase_raw_enabled: bool = Field(
        True,
        description="0 reads nothing: `tutordex tail`, `tutordex backfill` and `tutordex enqueue` refuse to"
        " work, the sensors wait.",
    )
    tutordex_host: str = Field("127.0.0.1", description="Address the Dagster UI listens on; it has no login.")
    tutordex_port: int = Field(3001, ge=1, le=65535, description="Port of the Dagster UI.")
    tutordex_recorded_channels: ProjectPath = Field(
        Path("examples/channels"), description="Folder of recorded channels, which need no account."
    )
    tutordex_pipelines: ProjectPath = Field(
        Path("pipelines"), description="Folder of pipeline version files, one YAML file a version."
    )
    tutordex_gold: ProjectPath = Field(
        Path("tests/data/gold"),
        description="Labelled posts the pipeline versions are scored on: a YAML file, or a folder of them.",
    )
    tutordex_experiments: ProjectPath = Field(
        Path("experiments"), description="Folder of A/B experiments, one YAML file each."
    )
    environment: str = Field(
        "development",
        pattern=r"^[a-z][a-z0-9_-]*$",
        description="Name of this deployment. A Telegram session belongs to one environment and is refused"
        " in any other.",
    )
    telegram_api_id: int | None = Field(
        None,
        ge=1,
        description="From https://my.telegram.org. With `TELEGRAM_API_HASH` and a session: live Telegram.",
    )
    telegram_api_hash: SecretStr | None = Field(None, description="From https://my.telegram.org.")
    session_string: SecretStr | None = Field(
        None,
        description="Session that follows the channels (`tutordex login` makes one). Wins over `TG_SESSION`.",
    )
    tg_session: str = Field(
        "tutordex.session", description="File of that session; a relative path starts at `TUTORDEX_HOME`."
    )
    session_string_recovery: SecretStr | None = Field(
        None,
        description="Session that reads history (catchup, backfill, sealing). Wins over"
        " `TG_SESSION_RECOVERY`; with neither, history is read through the first session"
        " whenever nobody follows with it.",
    )
    tg_session_recovery: str = Field(
        "tutordex_recovery.session",
        description="File of that session; a relative path starts at `TUTORDEX_HOME`.",
    )
    session_string_media: SecretStr | None = Field(
        None, description="Session for media. Wins over `TG_SESSION_MEDIA`."
    )
    tg_session_media: str = Field(
        "tutordex_media.session",
        description="File of that session; a relative path starts at `TUTORDEX_HOME`.",
    )
    session_lease_secs: int = Field(
        30,
        ge=3,
        description="Seconds after which a session whose holder died may be used by another process.",
    )
    telegram_answer_secs: float = Field(30, gt=0, description="Longest wait for one answer of Telegram.")
    telegram_history_calls_per_30s: int = Field(
        10,
        ge=1,
        description="History calls in any 30 seconds; fewer after a flood wait, until it has been quiet.",
    )
    telegram_flood_patience_secs: float = Field(
        600,
        ge=0,
        description="A run waits for a flood wait up to this long; a longer one ends the run, and the rest is"
        " read when it is over.",
    )
    telegram_takeout: bool = Field(
        False, description="1 reads backfills in a takeout session (Telegram tells the account's owner)."
    )
    tail_enabled: bool = Field(
        True, description="0 stops the sensor that follows new posts, edits and deletions."
    )
    tail_check_interval_seconds: int = Field(
        10,
        ge=5,
        description="Seconds between two looks of the tail sensor for new posts, edits and deletions.",
    )
    tail_rescan_days: int = Field(
        14, ge=1, description="Days of history that are read again when Telegram cannot list what changed."
    )
    connection_check_secs: float = Field(
        30, gt=0, description="Seconds between two connection checks of `tutordex tail`."
    )
    heartbeat_secs: float = Field(60, gt=0, description="Seconds between two heartbeats of `tutordex tail`.")
    max_restarts: int = Field(
        10,
        ge=0,
        description="Restarts in a row before `tutordex tail`, or `tutordex up` with a program, gives up.",
    )
    backfill_on_start: bool = Field(
        False,
        description="1 makes `tutordex tail` read the newest `BACKFILL_LIMIT` posts of every channel first.",
    )
    backfill_limit: int = Field(
        0, ge=0, description="Posts of each channel for `BACKFILL_ON_START`; 0 reads none."
    )
    retry_max_attempts: int = Field(5, ge=1, description="Attempts at one call to Telegram.")
    retry_max_elapsed_seconds: float = Field(
        120, gt=0, description="No further attempt begins after so long."
    )
    backoff_base_seconds: float = Field(
        0.5,
        gt=0,
        description="Longest wait before the second attempt; doubles with every further one (full jitter).",
    )
    backoff_max_seconds: float = Field(10, gt=0, description="Longest wait between two attempts.")
    circuit_breaker_window_seconds: float = Field(
        30, gt=0, description="Sliding window in which failures count."
    )
    circuit_breaker_failure_threshold: int = Field(
        5, ge=1, description="Failures within the window that open the breaker."
    )
    circuit_breaker_open_timeout_seconds: float = Field(
        60, gt=0, description="Seconds before an open breaker lets one probe through."
    )
    parallelism_max: int = Field(2, ge=1, le=3, description="Channels read at once inside one run.")
    rate_limit_strategy: Literal["adaptive"] = Field(
        "adaptive",
        description="How calls are paced: `adaptive` slows down after flood waits and recovers slowly.",
    )
    resilience_retries: bool = Field(
        True, description="0 switches retries of calls off (first phase of a rollout)."
    )
    resilience_breaker: bool = Field(True, description="0 switches the circuit breaker off (second phase).")
    resilience_pacing: bool = Field(
        True, description="0 switches pacing off (third phase); flood waits are honoured all the same."
    )
    metrics_mode: MetricsExport | None = Field(
        None,
        description="How recorded metrics will be exported. Unset: `both` when `ENVIRONMENT` is production,"
        " else `scrape`. `tutordex status` shows them in every mode.",
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
    extraction_pipeline_version: str | None = Field(
        None,
        description="The version commands work on where none is named; unset: the live one, which"
        " `assignments` shows and only `tutordex promote` changes. On an empty database it becomes the live"
        " one; unset: `rules`.",
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
    llm_api_url: ServerUrl | None = Field(
        None,
        description="Address of an OpenAI-compatible server, such as `http://127.0.0.1:8080/v1`. A pipeline"
        " file may name another; so with every `LLM_` setting but the key (docs/llm.md).",
    )
    llm_api_key: SecretStr | None = Field(None, description="Key of that server. Unset: none is sent.")
    llm_model_name: str | None = Field(
        None, description="Model that server is asked for. Part of a version's identity, as the prompt is."
    )
    llm_system_prompt_file: str | None = Field(
        None,
        description="File of the system prompt; a relative path starts at the project. Wins over"
        " `LLM_SYSTEM_PROMPT_TEXT`; with neither, `prompts/extraction.md`.",
    )
    llm_system_prompt_text: str | None = Field(None, description="The system prompt itself.")
    llm_few_shot: str = Field(
        "default",
        description="Examples shown to the model: a set of `prompts/few_shot`, a YAML file, or `none`.",
    )
    llm_max_tokens: int = Field(2048, ge=64, description="Longest answer in tokens; a longer one is cut off.")
    llm_concurrency: int = Field(8, ge=1, le=512, description="Calls of one process that may wait at once.")
    llm_timeout_secs: float = Field(120, gt=0, description="Longest wait for one answer of the server.")
    llm_price_prompt: float | None = Field(
        None, ge=0, description="Price of a million prompt tokens, in any currency. Unset: no cost is shown."
    )
    llm_price_completion: float | None = Field(
        None, ge=0, description="Price of a million answered tokens, in the same currency."
    )
    extraction_failure_share_limit: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of failed and dead extractions of the live version in a day above which"
        " `assignments` is not updated.",
    )
    duplicate_days: int = Field(
        7,
        ge=1,
        le=60,
        description="Days two posts of the same assignment by different agencies may be apart.",
    )
    freshness_hours: int = Field(
        24, ge=1, description="A channel whose newest message is older than this is reported as silent."
    )
    recovery_catchup_enabled: bool = Field(True, description="0 stops the sensor that fills gaps by itself.")
    recovery_catchup_chunk_hours: int = Field(6, ge=1, le=168, description="Hours of one catchup slice.")
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
        10,
        ge=0,
        description="Minutes a backfill or a catchup slice starts earlier, against posts on the boundary.",
    )
    recovery_catchup_state_file: str = Field(
        "state/recovery_catchup_state.json",
        description="Snapshot of the catchup for people; a relative path starts at `TUTORDEX_HOME`.",
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

    @field_validator("llm_api_key")
    @classmethod
    def _sendable_key(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what no header takes: a library that refuses it later shows it."""
        key = value.get_secret_value() if value else ""
        if not key.isascii() or not key.isprintable() or key != key.strip():
            raise ValueError("holds a space at an end, a line break or a special letter; copy the key anew")
        return value

    @field_validator("tutordex_database_url", "tutordex_dagster_database_url")
    @classmethod
    def _postgres_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not _is_postgres(value):
            raise ValueError("is no PostgreSQL URL; write it as postgresql://user:password@host:5432/name")
        return value

    @model_validator(mode="after")
    def _usable_supabase_url(self) -> Self:
        """Refuse Supabase's REST address where a PostgreSQL URL is looked for."""
        for name in SUPABASE_URLS if self.tutordex_database_url is None else ():
            url: SecretStr | None = getattr(self, name)
            if url and not _is_postgres(url):
                raise ValueError(
                    f"{name.upper()}: is no PostgreSQL URL; write the connection string of the Supabase"
                    " dashboard (Connect → Session pooler): postgresql://postgres.PROJECT:PASSWORD@HOST:5432/postgres"
                )
        return self

    @model_validator(mode="after")
    def _whole_telegram_pair(self) -> Self:
        if (self.telegram_api_id is None) != (self.telegram_api_hash is None):
            given, lacking = "TELEGRAM_API_ID", "TELEGRAM_API_HASH"
            if self.telegram_api_id is None:
                given, lacking = lacking, given
            raise ValueError(
                f"{lacking}: is missing while {given} is set; set both, https://my.telegram.org shows them"
            )
        return self

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

    @property
    def telegram_configured(self) -> bool:
        """Tell whether Telegram can be asked at all: API id and hash are set. A session is needed besides."""
        return self.telegram_api_id is not None and self.telegram_api_hash is not None

    @property
    def metrics_export(self) -> MetricsExport:
        """Return how metrics leave: as METRICS_MODE says; without it, `both` in production, else `scrape`."""
        return self.metrics_mode or ("both" if self.environment == "production" else "scrape")


def _is_postgres(url: SecretStr) -> bool:
    try:
        return urlsplit(url.get_secret_value()).scheme in {"postgresql", "postgres"}
    except ValueError:  # such as half a pair of brackets
        return False


def load_settings() -> Settings:
    """Read the process environment and `.env`; UsageError names the first variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name, message = "_".join(map(str, first["loc"])).upper(), first["msg"].removeprefix("Value error, ")
        if not name:  # of several settings together: the message begins with the one to change
            name, _, message = message.partition(": ")
        reason, _, step = message.partition("; ")
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
