"""The services as a Dagster resource: opened for one run or one tick, closed after it."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from tutordex_dagster.resources.services import Services, open_services
from tutordex_dagster.settings import Settings


def services_resource(settings: Settings) -> dg.ResourceDefinition:
    """Make the resource; nothing is opened before a run or a tick asks for it."""

    @dg.resource(description="The repositories on the one database, the pipeline versions and the settings.")
    @contextmanager
    def services(_context: dg.InitResourceContext) -> Iterator[Services]:
        with open_services(settings) as opened:
            yield opened

    return services
