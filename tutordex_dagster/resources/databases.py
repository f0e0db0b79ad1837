"""Which databases this process works on: the ones the environment names, else the embedded server's."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

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
    """Return both URLs; without `TUTORDEX_DATABASE_URL` start or join the embedded server in `TUTORDEX_HOME`.

    The embedded server is kept until this process ends; the last process to end stops it.
    """
    ours = settings.tutordex_database_url
    dagsters = settings.tutordex_dagster_database_url
    if ours is None:
        server = _server(settings.tutordex_home / "postgres")
        tutordex, beside = server.url(TUTORDEX), server.url(DAGSTER)
    else:
        tutordex = ours.get_secret_value()
        beside = urlsplit(tutordex)._replace(path=f"/{DAGSTER}").geturl()
    return Urls(tutordex=tutordex, dagster=dagsters.get_secret_value() if dagsters else beside)


@cache
def _server(folder: Path) -> EmbeddedServer:
    return start_embedded(folder)
