"""Where this deployment keeps what it has, and how it is reached."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from tutordex_dagster.settings.paths import ProjectPath

SUPABASE_URLS = ("supabase_url_host", "supabase_url_docker", "supabase_url")


class Deployment(BaseModel):
    """Databases, folders, address and name."""

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


def _is_postgres(url: SecretStr) -> bool:
    try:
        return urlsplit(url.get_secret_value()).scheme in {"postgresql", "postgres"}
    except ValueError:  # such as half a pair of brackets
        return False
