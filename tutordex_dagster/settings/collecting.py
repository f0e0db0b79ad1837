"""What is collected, and how gaps are filled."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field, field_validator

from tutordex_dagster.windows import hour_of


class Collecting(BaseModel):
    """Which channels, from when on."""

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

    @field_validator("grid_start")
    @classmethod
    def _aware_full_hour(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; write {value.isoformat()}+00:00")
        if hour_of(value) != value:
            raise ValueError(f"{value.isoformat()} is no full UTC hour; write {hour_of(value).isoformat()}")
        return value.astimezone(UTC)


class Catchup(BaseModel):
    """Reading the hours that are missing."""

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

    @property
    def target_lag(self) -> timedelta:
        """Return how long an hour must be over before it can be sealed."""
        return timedelta(minutes=self.recovery_catchup_target_lag_minutes)
