"""What answers cost: summed over the attempts of a job, and over the jobs of a drain."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import Any

from tutordex_dagster.queue.contract import Finished


def amounts_of(meta: Mapping[str, Any]) -> dict[str, float]:
    """Return the amounts of an answer's `meta` that add up: calls, tokens, price, seconds waited."""
    tokens = meta.get("tokens")
    prompt, completion = (tokens.get("prompt"), tokens.get("completion")) if tokens else (None, None)
    found = {
        "calls": meta.get("calls"),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cost": meta.get("cost"),
        "seconds": None if meta.get("latency_ms") is None else meta["latency_ms"] / 1000,
    }
    return {name: amount for name, amount in found.items() if amount is not None}


def added(before: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    """Return two lots of amounts added up; what is in neither stays absent."""
    return {name: before.get(name, 0) + more.get(name, 0) for name in (*before, *more)}


@dataclass(kw_only=True)
class Tally:
    """What a drain did, counted as it goes; its size does not depend on how much that was.

    `lost` jobs had gone to another worker before they were finished. `seconds` counts answers by how long
    they took, to two digits. `obstacle` says why the drain ended although work may be due.
    """

    claimed: int = 0
    lost: int = 0
    reused: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, float] = field(default_factory=dict)
    seconds: Counter[float] = field(default_factory=Counter)
    obstacle: str | None = None

    @property
    def ok(self) -> int:
        """Count the posts that gave assignments."""
        return self.ends["ok"]

    @property
    def skipped(self) -> int:
        """Count the posts that hold no assignment; `reasons` says why."""
        return self.ends["skipped"]

    @property
    def failed(self) -> int:
        """Count the jobs that will be tried again."""
        return self.ends["failed"]

    @property
    def dead(self) -> int:
        """Count the jobs that are out of attempts."""
        return self.ends["dead"]

    @property
    def postponed(self) -> int:
        """Count the jobs that were given back with their attempt."""
        return self.ends["pending"]

    @property
    def done(self) -> int:
        """Count the jobs that were claimed and not given back."""
        return self.claimed - self.postponed

    def count(self, finished: Sequence[Finished]) -> None:
        """Count these ends."""
        for end in finished:
            self.ends[end.status] += 1
            if end.status == "skipped" and end.reason:
                self.reasons[end.reason] += 1
            if end.error_class:
                self.failures[end.error_class] += 1
            if "reused_from" in end.meta:
                self.reused += 1
            elif end.meta:
                self._spend(end)

    def add(self, other: "Tally") -> None:
        """Add another drain; its obstacle is the newer one."""
        self.claimed, self.lost = self.claimed + other.claimed, self.lost + other.lost
        self.reused += other.reused
        for mine, theirs in (
            (self.ends, other.ends),
            (self.reasons, other.reasons),
            (self.failures, other.failures),
        ):
            mine.update(theirs)
        self.seconds.update(other.seconds)
        self.amounts = added(self.amounts, other.amounts)
        self.obstacle = other.obstacle

    def quantile(self, share: float) -> float | None:
        """Return how long answers took at most, for this share of them, in seconds; None without answers."""
        return quantile(self.seconds, share)

    def _spend(self, end: Finished) -> None:
        spent = amounts_of(end.meta)
        self.amounts = added(self.amounts, spent)
        if "seconds" in spent:
            self.seconds[_two_digits(spent["seconds"])] += 1


def quantile(counted: Mapping[float, int], share: float) -> float | None:
    """Return the smallest value that at least this share of the counted values does not exceed."""
    rank, seen = ceil(share * sum(counted.values())), 0
    for value, count in sorted(counted.items()):
        seen += count
        if seen >= rank:
            return value
    return None


def _two_digits(value: float) -> float:
    return round(value, 1 - floor(log10(value))) if value > 0 else 0.0
