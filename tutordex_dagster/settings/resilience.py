"""What is done when a call fails, and how that is measured."""

from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

MetricsExport: TypeAlias = Literal["scrape", "push", "both"]
"""How recorded metrics leave: they are fetched, they are sent, or both."""


class Resilience(BaseModel):
    """Retries, breaker, pacing, metrics."""

    retry_max_attempts: int = Field(5, ge=1, description="Attempts at one call to Telegram.")
    retry_max_elapsed_seconds: float = Field(
        120, gt=0, description="No further attempt begins after so long."
    )
    backoff_base_seconds: float = Field(
        0.5,
        gt=0,
        description="Longest wait before the second attempt; doubles with every further one (full jitter).",
    )
    backoff_max_seconds: float = Field(10, gt=0, description="Longest wait between two attempts.")
    circuit_breaker_window_seconds: float = Field(
        30, gt=0, description="Sliding window in which failures count."
    )
    circuit_breaker_failure_threshold: int = Field(
        5, ge=1, description="Failures within the window that open the breaker."
    )
    circuit_breaker_open_timeout_seconds: float = Field(
        60, gt=0, description="Seconds before an open breaker lets one probe through."
    )
    parallelism_max: int = Field(2, ge=1, le=3, description="Channels read at once inside one run.")
    rate_limit_strategy: Literal["adaptive"] = Field(
        "adaptive",
        description="How calls are paced: `adaptive` slows down after flood waits and recovers slowly.",
    )
    resilience_retries: bool = Field(
        True, description="0 switches retries of calls off (first phase of a rollout)."
    )
    resilience_breaker: bool = Field(True, description="0 switches the circuit breaker off (second phase).")
    resilience_pacing: bool = Field(
        True, description="0 switches pacing off (third phase); flood waits are honoured all the same."
    )
    metrics_mode: MetricsExport | None = Field(
        None,
        description="How recorded metrics will be exported. Unset: `both` when `ENVIRONMENT` is production,"
        " else `scrape`. `tutordex status` shows them in every mode.",
    )
