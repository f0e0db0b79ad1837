"""What is counted and measured: the names, and the protocol they are written through.

Counters only grow, gauges hold the latest value, histograms count observations by upper bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

RETRIES = "retries_total"
RATE_LIMIT_HITS = "rate_limit_hits_total"
BREAKER_OPENED = "breaker_open_total"
DEDUPLICATED = "deduplicated_messages_total"
LAST_RETRY_DELAY = "last_retry_delay_seconds"
BREAKER_STATE = "breaker_state"
FETCH_LAG = "fetch_lag_seconds"
FETCH_DURATION = "fetch_duration_seconds"
EXTRACTIONS = "extractions_total"
EXTRACTION_FAILURES = "extraction_failures_total"
EXTRACTIONS_REUSED = "extractions_reused_total"
EXTRACTION_TOKENS = "extraction_tokens_total"
EXTRACTION_COST = "extraction_cost_total"
EXTRACTION_LATENCY = "extraction_latency_seconds"

FETCH_BOUNDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
"""Upper bounds, in seconds, of the buckets of FETCH_DURATION."""


class Metrics(Protocol):
    """Where metrics go. Writing one never raises because the place it goes to is away."""

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Count one observation into a histogram with the bounds FETCH_BOUNDS."""
        ...


class NoMetrics(Metrics):
    """Keeps nothing."""

    @override
    def count(self, name: str, by: float = 1, **labels: str) -> None:
        pass

    @override
    def gauge(self, name: str, value: float, **labels: str) -> None:
        pass

    @override
    def observe(self, name: str, value: float, **labels: str) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What to add to one row of the metrics."""

    name: str
    labels: Mapping[str, str]
    value: float


def observation(
    name: str, value: float, labels: Mapping[str, str], bounds: Sequence[float] = FETCH_BOUNDS
) -> tuple[Sample, ...]:
    """Return what one observation adds to its histogram: every bucket (0 or 1), `_sum` and `_count`.

    Buckets are cumulative: one counts all observations up to its bound `le`, the last (`+Inf`) all of them.
    """
    buckets = [(f"{bound:g}", value <= bound) for bound in bounds]
    return (
        *(
            Sample(name=f"{name}_bucket", labels={**labels, "le": le}, value=float(within))
            for le, within in (*buckets, ("+Inf", True))
        ),
        Sample(name=f"{name}_sum", labels=labels, value=value),
        Sample(name=f"{name}_count", labels=labels, value=1),
    )
