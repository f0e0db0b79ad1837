"""What a run's answers took and cost, as metadata: numbers, and two plots."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tutordex_dagster.assets.pictures import bars
from tutordex_dagster.queue.spending import Tally

_BOUNDS = (0.5, 1, 2, 5, 10, 20, 60)
"""Seconds up to which answers are one bar of the plot."""


def spending(tally: Tally) -> Mapping[str, Any]:
    """Return what there is to tell; a version of rules has no more than its failures."""
    told: dict[str, Any] = {"jobs": tally.done, "given_back": tally.postponed}
    if tally.obstacle:
        told["obstacle"] = tally.obstacle
    if tally.failures:
        told["failures"] = bars("failures by kind", dict(tally.failures.most_common()))
    if tally.amounts or tally.reused:
        told |= {name: round(amount, 6) for name, amount in tally.amounts.items() if name != "seconds"}
        told["reused_share"] = round(tally.reused / max(tally.done, 1), 4)
    if tally.seconds:
        told |= {
            "latency_p50_seconds": tally.quantile(0.5),
            "latency_p95_seconds": tally.quantile(0.95),
            "latency": bars("answers by seconds waited", _by_bound(tally.seconds)),
        }
    return told


def _by_bound(seconds: Mapping[float, int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for value, answers in sorted(seconds.items()):
        bound = next((bound for bound in _BOUNDS if value <= bound), None)
        counts["longer" if bound is None else f"up to {bound:g} s"] += answers
    return dict(counts)
