"""All settings together, and how they are read."""

from functools import cache
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tutordex_dagster.errors import UsageError
from tutordex_dagster.settings.collecting import Catchup, Collecting
from tutordex_dagster.settings.deployment import Deployment
from tutordex_dagster.settings.extraction import Extraction, LanguageModel, Quality
from tutordex_dagster.settings.paths import PROJECT
from tutordex_dagster.settings.resilience import MetricsExport, Resilience
from tutordex_dagster.settings.telegram import Following, Telegram


# From the last one to the first: that is the order in which pydantic lines their fields up.
class Settings(
    Catchup,
    Quality,
    LanguageModel,
    Extraction,
    Collecting,
    Resilience,
    Following,
    Telegram,
    Deployment,
    BaseSettings,
):
    """All settings of one process. An empty environment gives the demo on recorded channels."""

    model_config = SettingsConfigDict(
        env_file=PROJECT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    schema_version: str = Field(
        "1.0.0", description="Version stamped on every file written for others.", pattern=r"^\d+\.\d+\.\d+$"
    )
    nightly_timezone: str = Field(
        "Asia/Singapore", description="IANA time zone of the nightly schedule (03:30 there)."
    )
    log_level: str = Field("INFO", description="Least severe log line that is shown.")

    @field_validator("nightly_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no IANA time zone; write one such as Asia/Singapore") from None
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError(f"{value!r} is no log level; write DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @property
    def metrics_export(self) -> MetricsExport:
        """Return how metrics leave: as METRICS_MODE says; without it, `both` in production, else `scrape`."""
        return self.metrics_mode or ("both" if self.environment == "production" else "scrape")


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
