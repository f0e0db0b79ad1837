"""Which databases this process works on: the ones the environment names, else the embedded server's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from tutordex_dagster.errors import UsageError
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.embedded import EmbeddedServer, start_embedded

TUTORDEX = "tutordex"
DAGSTER = "dagster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """The libpq URLs of our database and of Dagster's; they may hold a password, so they are not printed."""

    tutordex: str = field(repr=False)
    dagster: str = field(repr=False)


def database_urls(settings: Settings) -> Urls:
    """Return both URLs; when no setting names a server, start or join the embedded one in `TUTORDEX_HOME`.

    The embedded server is kept until this process ends; the last process to end stops it. Raises UsageError
    when only the URL for the other side of a container's wall is set.
    """
    ours = chosen_url(settings, in_container=in_container(os.environ))
    dagsters = settings.tutordex_dagster_database_url
    if ours is None:
        server = _server(settings.tutordex_home / "postgres")
        tutordex, beside = server.url(TUTORDEX), server.url(DAGSTER)
    else:
        tutordex = ours.get_secret_value()
        beside = urlsplit(tutordex)._replace(path=f"/{DAGSTER}").geturl()
    return Urls(tutordex=tutordex, dagster=dagsters.get_secret_value() if dagsters else beside)


def chosen_url(settings: Settings, *, in_container: bool) -> SecretStr | None:
    """Return the URL of our database as this process reaches it; None: the embedded server.

    `TUTORDEX_DATABASE_URL` wins over Supabase's variables. Raises UsageError when of those only the one for
    the other side is set: an embedded database would silently begin from nothing.
    """
    if settings.tutordex_database_url:
        return settings.tutordex_database_url
    host, docker = settings.supabase_url_host, settings.supabase_url_docker
    ours, others = (docker, host) if in_container else (host, docker)
    if others and not ours and not settings.supabase_url:
        place = "a container" if in_container else "the host"
        raise UsageError(
            "SUPABASE_URL_DOCKER" if in_container else "SUPABASE_URL_HOST",
            f"is not set, and this is {place}",
            "set it, or SUPABASE_URL for both sides",
        )
    return ours or settings.supabase_url


def in_container(environment: Mapping[str, str], mark: Path = Path("/.dockerenv")) -> bool:
    """Tell whether this process runs in a container: Docker leaves a file, Kubernetes a variable."""
    return mark.exists() or "KUBERNETES_SERVICE_HOST" in environment


@cache
def _server(folder: Path) -> EmbeddedServer:
    return start_embedded(folder)
