"""How a verb gets at the services: settings read, database reachable and of this code's version."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tutordex_dagster.errors import UsageError

if TYPE_CHECKING:
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.store.channels import Channel


@contextmanager
def open_session() -> "Iterator[Services]":
    """Open the services; UsageError when a setting is wrong or the database is not migrated."""
    from tutordex_dagster.resources.services import open_services
    from tutordex_dagster.settings import load_settings
    from tutordex_dagster.store.migrate import check

    with open_services(load_settings()) as services:
        require_ready(check(services.database), services.database.name)
        yield services


def require_ready(problems: Sequence[str], where: str) -> None:
    """Raise UsageError when a database check found something, with the first line of what it found."""
    if problems:
        reason, _, next_step = problems[0].rpartition("; ")
        raise UsageError(where, reason, next_step)


def require_raw(services: "Services") -> None:
    """Raise UsageError when the raw log was switched off: whoever adds to it or reads it calls this first."""
    if not services.settings.supabase_raw_enabled:
        raise UsageError("SUPABASE_RAW_ENABLED", "is 0, so raw messages are left alone", "set it to 1")


def require_results(services: "Services") -> None:
    """Raise UsageError when storing results was switched off: a worker calls this first."""
    if not services.settings.supabase_enabled:
        raise UsageError("SUPABASE_ENABLED", "is 0, so no result may be stored", "set it to 1")


def chosen_channels(services: "Services", channels: str | None) -> "list[Channel]":
    """Return the registered channels a --channels value names, all without one; UsageError for others."""
    from tutordex_dagster.capture.references import parse_channel_list

    if channels is None:
        return services.channels.all()
    return services.channels.by_reference(parse_channel_list(channels))
