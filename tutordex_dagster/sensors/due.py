"""Where the work of the seal sensor ends and that of the catchup begins."""

from datetime import datetime, timedelta

from tutordex_dagster.resources.services import Services
from tutordex_dagster.windows import HOUR, hour_of

RETRY_FAILED_AFTER = timedelta(hours=1)
"""An hour that failed is read again after that long."""


def recent(services: Services) -> datetime:
    """Return the first of the hours that just ended; older ones are left to the catchup."""
    return hour_of(services.clock()) - services.settings.recovery_catchup_chunk_hours * HOUR
