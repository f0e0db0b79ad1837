"""The environment of every Dagster process, and the way to Dagster's instance from a command."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tutordex_dagster.errors import UsageError
from tutordex_dagster.settings import PROJECT, Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from tutordex_dagster.resources.databases import Urls

INSTANCE_FILE = PROJECT / "dagster.yaml"
WORKSPACE_FILE = PROJECT / "workspace.yaml"


def dagster_home(settings: Settings) -> Path:
    """Return the folder that is DAGSTER_HOME."""
    return settings.tutordex_home / "dagster"


def dagster_environment(settings: Settings, urls: "Urls") -> Mapping[str, str]:
    """Return the variables that tell a Dagster process where it lives and which databases are ours."""
    return {
        "DAGSTER_HOME": str(dagster_home(settings)),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        # Many partitions of one run are written with a few statements instead of one by one.
        "DAGSTER_EVENT_BATCH_SIZE": "1000",
        "TUTORDEX_DATABASE_URL": urls.tutordex,
        "TUTORDEX_DAGSTER_DATABASE_URL": urls.dagster,
        "TUTORDEX_HOME": str(settings.tutordex_home),
    }


def prepare_dagster_home(settings: Settings) -> None:
    """Make the folder, with the project's instance file as it is now."""
    home = dagster_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    fresh = home / ".dagster.yaml.new"
    shutil.copyfile(INSTANCE_FILE, fresh)
    fresh.replace(home / INSTANCE_FILE.name)  # never half a file: other processes may read it now


@contextmanager
def dagster_instance(settings: Settings, urls: "Urls") -> Iterator["DagsterInstance"]:
    """Open Dagster's instance in this process, whose environment becomes that of a Dagster process.

    Raises UsageError, without the password, when Dagster's database cannot be reached.
    """
    prepare_dagster_home(settings)
    _require_database(urls.dagster)
    os.environ.update(dagster_environment(settings, urls))
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        yield instance


def _require_database(url: str) -> None:
    """Connect once: Dagster itself tries for a while, and then ends in a traceback."""
    from tutordex_dagster.store.database import connect

    try:
        connect(url).close()
    except UsageError as error:
        step = (
            "check TUTORDEX_DAGSTER_DATABASE_URL; `tutordex db migrate` makes a database that does not exist"
        )
        raise UsageError(error.value, error.reason, step) from None
