"""By the clock: every check, and `assignments` once more, whatever happened during the day."""

import dagster as dg

from tutordex_dagster.assets.keys import NIGHTLY_JOB
from tutordex_dagster.settings import Settings


def nightly_schedule(*, settings: Settings) -> dg.ScheduleDefinition:
    """Make the schedule, 03:30 in the time zone of the settings."""
    return dg.ScheduleDefinition(
        name="nightly",
        job_name=NIGHTLY_JOB,
        cron_schedule="30 3 * * *",
        execution_timezone=settings.nightly_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Brings `assignments` up to date and runs all checks.",
    )
