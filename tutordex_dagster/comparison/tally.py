"""Counts over any number of posts: memory grows with channels and fields, never with posts.

(The one exception is latencies, 4 bytes a post and version, because a percentile needs them all.)
"""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from tutordex_dagster.comparison.contract import End
from tutordex_dagster.comparison.fields import FIELDS
from tutordex_dagster.comparison.judging import FieldJudged, Judged
from tutordex_dagster.comparison.statistics import Counts

Basis: TypeAlias = Literal["labelled", "adjudicated", "coverage"]
"""What is a hit: right on labelled posts, right on posts chosen for differing, or a filled field."""

_CELLS = 16
_FIRST: Mapping[Basis, int] = {"labelled": 8, "adjudicated": 12, "coverage": 0}
_EQUAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A paired table by channel and field: posts, and those on which A, B or only one of the two hits."""

    n: Counts
    a: Counts
    b: Counts
    only_a: Counts
    only_b: Counts


@dataclass(slots=True)
class ArmTally:
    """How one version went: ends, why it skipped, how it failed, what it took and what that cost."""

    ends: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    priced: int = 0
    latencies_ms: "array[float]" = field(default_factory=lambda: array("f"))

    def add(self, end: End) -> None:
        """Count one end."""
        self.ends[end.status] += 1
        if end.status == "skipped":
            self.skips[end.reason or "other"] += 1
        if end.status in ("failed", "dead"):
            self.failures[end.error_class or "unknown"] += 1
        if end.meta:
            self._add_meta(end.meta)

    def _add_meta(self, meta: Mapping[str, Any]) -> None:
        """Count what the worker stored: `spent` adds up every attempt, the latency is that of the answer."""
        spent = meta.get("spent", {})
        for kind in ("prompt", "completion"):
            if tokens := spent.get(f"{kind}_tokens"):
                self.tokens[kind] += int(tokens)
        if (cost := spent.get("cost")) is not None:
            self.cost += cost
            self.priced += 1
        if (latency := meta.get("latency_ms")) is not None:
            self.latencies_ms.append(latency)
        if fingerprint := prompt_of(meta):
            self.prompts[fingerprint] += 1


class Tally:
    """All counts of a comparison, fed post by post."""

    def __init__(self) -> None:
        self.a, self.b = ArmTally(), ArmTally()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._cells: dict[str, list[int]] = {}

    def add(self, judged: Judged) -> None:
        """Count one post."""
        pair = judged.pair
        self.a.add(pair.a)
        self.b.add(pair.b)
        self.outcomes[pair.a.status, pair.b.status] += 1
        cells = self._cells.get(pair.channel)
        if cells is None:
            cells = self._cells[pair.channel] = [0] * (_CELLS * len(FIELDS))
        for start, each in enumerate(judged.fields):
            _count(cells, start * _CELLS, each)

    @property
    def channels(self) -> list[str]:
        """Return the channels in the order of the tables' rows."""
        return list(self._cells)

    def table(self, basis: Basis) -> Table:
        """Return the paired table of what counts as a hit."""
        first = _FIRST[basis]
        four = self._array()[:, :, first : first + 4]
        if basis == "coverage":
            four = four + self._array()[:, :, first + _EQUAL : first + _EQUAL + 4]
        only_a, only_b, both = four[..., 1], four[..., 2], four[..., 3]
        return Table(n=four.sum(axis=2), a=only_a + both, b=only_b + both, only_a=only_a, only_b=only_b)

    def agreements(self) -> tuple[Counts, Counts]:
        """Return, by field, how many pairs agree, and how many of those hold something."""
        equal = self._array()[:, :, _EQUAL : _EQUAL + 4].sum(axis=0)
        return equal.sum(axis=1), equal[:, 1:].sum(axis=1)

    def _array(self) -> Counts:
        rows = np.array(list(self._cells.values()), dtype=np.int64)
        return rows.reshape(len(self._cells), len(FIELDS), _CELLS)


def prompt_of(meta: Mapping[str, Any]) -> str | None:
    """Return the fingerprint of the prompt an answer came from, as the worker stored it."""
    prompt = meta.get("prompt")
    if isinstance(prompt, Mapping):
        prompt = prompt.get("sha256")
    return prompt if isinstance(prompt, str) else None


def _count(cells: list[int], start: int, each: FieldJudged) -> None:
    """Cells of a field: filled by A + 2 * by B, 4 more when equal; then right A + 2 * B by kind of label."""
    if each.equal is not None:
        cells[start + each.filled_a + 2 * each.filled_b + _EQUAL * each.equal] += 1
    if each.verdict is not None:
        cells[start + _FIRST[each.verdict.source] + each.verdict.a + 2 * each.verdict.b] += 1
