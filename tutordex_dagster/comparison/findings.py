"""What the counts say: one row a field with its statistics, how each version went, and a verdict in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

import numpy as np

from tutordex_dagster.comparison import words
from tutordex_dagster.comparison.contract import FINAL, Arm
from tutordex_dagster.comparison.fields import FIELDS
from tutordex_dagster.comparison.statistics import (
    ALPHA,
    Interval,
    Spread,
    detectable,
    holm,
    mcnemar,
    percentile,
    spreads,
    swapping,
    wilson,
)
from tutordex_dagster.comparison.tally import ArmTally, Basis, Table, Tally

SEED = 20_251_231
"""Of the bootstrap: the same posts always give the same page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTest:
    """A paired test of one field: hits are right answers, or filled fields where nothing is labelled.

    `difference` is B minus A as a share of `n`; `p` is McNemar's over posts, corrected by Holm over every
    test of the page, and `p_channels` that of swapping the names in whole channels (None with few channels).
    `detectable` is the smallest true difference this many posts would have shown four times in five.
    """

    basis: Basis
    n: int
    hits_a: int
    hits_b: int
    share_a: Interval | None
    share_b: Interval | None
    only_a: int
    only_b: int
    difference: float
    spread: Spread
    p_raw: float
    p: float
    p_channels: float | None
    detectable: float | None
    decisive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One field over the posts both versions found assignments in; `agree_filled` are not both empty."""

    field: str
    pairs: int
    filled_a: int
    filled_b: int
    agree: int
    agree_filled: int
    either_filled: int
    test: FieldTest | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow:
    """How one version went."""

    version: str
    fingerprint: str
    ends: Mapping[str, int]
    skips: Mapping[str, int]
    failures: Mapping[str, int]
    prompts: Mapping[str, int]
    tokens: Mapping[str, int]
    cost: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A whole comparison, ready to be written down."""

    title: str
    scope: str
    compared_at: datetime
    alpha: float
    posts: int
    channels: int
    outcomes: Mapping[tuple[str, str], int]
    a: ArmRow
    b: ArmRow
    fields: Sequence[FieldRow]
    verdict: str
    notes: Sequence[str]

    @property
    def decisive(self) -> list[FieldRow]:
        """Return the fields whose difference is more than chance."""
        return [row for row in self.fields if row.test and row.test.decisive]

    @property
    def by_weight(self) -> list[FieldRow]:
        """Return all fields: decisive ones first, then those that were tested, then the others."""
        return sorted(self.fields, key=lambda row: (not (row.test and row.test.decisive), not row.test))


def find(
    tally: Tally,
    *,
    title: str,
    scope: str,
    arms: tuple[Arm, Arm],
    compared_at: datetime,
    alpha: float = ALPHA,
    seed: int = SEED,
) -> Comparison:
    """Turn counts into findings. All tests of the page together raise a false alarm in `alpha` of pages."""
    a, b = (_arm(arm, counts) for arm, counts in zip(arms, (tally.a, tally.b), strict=True))
    tests = _tests(tally, alpha, seed) if tally.channels else {}
    rows = _rows(tally, tests, alpha) if tally.channels else []
    unfinished = sum(n for ends, n in tally.outcomes.items() if not set(ends) <= FINAL)
    return Comparison(
        title=title,
        scope=scope,
        compared_at=compared_at,
        alpha=alpha,
        posts=tally.outcomes.total(),
        channels=len(tally.channels),
        outcomes=dict(tally.outcomes),
        a=a,
        b=b,
        fields=rows,
        verdict=words.verdict(rows, a.version, b.version, both=tally.outcomes["ok", "ok"]),
        notes=words.notes(rows, tally.outcomes, unfinished=unfinished),
    )


def _tests(tally: Tally, alpha: float, seed: int) -> dict[str, FieldTest]:
    """Test every field once, on the best labels it has; without any label, whether it is filled.

    A field neither version ever hits has nothing to test, and takes no part in the correction.
    """
    tables: dict[Basis, Table] = {basis: tally.table(basis) for basis in get_args(Basis)}
    chosen = {
        index: basis
        for index in range(len(FIELDS))
        if (basis := _basis(tables, index)) and (tables[basis].a + tables[basis].b)[:, index].any()
    }
    rng = np.random.default_rng(seed)
    intervals = {
        basis: spreads(table.only_a, table.only_b, table.n, rng, alpha=alpha / max(1, len(chosen)))
        for basis, table in tables.items()
        if basis in chosen.values()
    }
    raw = {index: mcnemar(*_discordant(tables[basis], index)) for index, basis in chosen.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    found = {index: spread for index, basis in chosen.items() if (spread := intervals[basis][index])}
    many = [index for index, spread in found.items() if spread.method == "bootstrap over channels"]
    net = [(tables[chosen[index]].only_b - tables[chosen[index]].only_a)[:, index] for index in many]
    over_channels = dict(zip(many, swapping(np.stack(net, axis=1), rng), strict=True)) if many else {}
    return {
        FIELDS[index].name: _test(
            tables[chosen[index]],
            index,
            chosen[index],
            spread,
            p=(raw[index], adjusted[index], over_channels.get(index)),
            alpha=alpha,
            tests=len(chosen),
        )
        for index, spread in found.items()
    }


def _basis(tables: Mapping[Basis, Table], index: int) -> Basis | None:
    if tables["labelled"].n[:, index].any():
        return "labelled"
    if tables["adjudicated"].n[:, index].any():
        return "adjudicated"
    any_label = tables["labelled"].n.any() or tables["adjudicated"].n.any()
    return None if any_label else "coverage"


def _discordant(table: Table, index: int) -> tuple[int, int]:
    return int(table.only_a[:, index].sum()), int(table.only_b[:, index].sum())


def _test(
    table: Table,
    index: int,
    basis: Basis,
    spread: Spread,
    *,
    p: tuple[float, float, float | None],
    alpha: float,
    tests: int,
) -> FieldTest:
    n, hits_a, hits_b = (int(counts[:, index].sum()) for counts in (table.n, table.a, table.b))
    only_a, only_b = _discordant(table, index)
    low, high = spread.interval
    return FieldTest(
        basis=basis,
        n=n,
        hits_a=hits_a,
        hits_b=hits_b,
        share_a=wilson(hits_a, n),
        share_b=wilson(hits_b, n),
        only_a=only_a,
        only_b=only_b,
        difference=(only_b - only_a) / n,
        spread=spread,
        p_raw=p[0],
        p=p[1],
        p_channels=p[2],
        detectable=detectable(n=n, discordant=(only_a + only_b) / n, alpha=alpha / tests, spread=spread),
        decisive=max(p[1], p[2] or 0.0) <= alpha and not low <= 0 <= high,
    )


def _rows(tally: Tally, tests: Mapping[str, FieldTest], alpha: float) -> list[FieldRow]:
    filled, labels = tally.table("coverage"), [tally.table("labelled"), tally.table("adjudicated")]
    agree, agree_filled = tally.agreements()
    rows = []
    for index, field in enumerate(FIELDS):
        pairs, a, b, only_b = (
            int(counts[:, index].sum()) for counts in (filled.n, filled.a, filled.b, filled.only_b)
        )
        test = tests.get(field.name)
        rows.append(
            FieldRow(
                field=field.name,
                pairs=pairs,
                filled_a=a,
                filled_b=b,
                agree=int(agree[index]),
                agree_filled=int(agree_filled[index]),
                either_filled=a + only_b,
                test=test,
                sentence=words.sentence(
                    test,
                    alpha=alpha,
                    labelled=next((n for table in labels if (n := int(table.n[:, index].sum()))), 0),
                    differ=pairs - int(agree[index]),
                    filled=a + only_b,
                ),
            )
        )
    return rows


def _arm(arm: Arm, counts: ArmTally) -> ArmRow:
    return ArmRow(
        version=arm.version,
        fingerprint=arm.fingerprint,
        ends=dict(counts.ends),
        skips=dict(counts.skips),
        failures=dict(counts.failures),
        prompts=dict(counts.prompts),
        tokens=dict(counts.tokens),
        cost=counts.cost if counts.priced else None,
        latency_p50_ms=percentile(counts.latencies_ms, 0.5),
        latency_p95_ms=percentile(counts.latencies_ms, 0.95),
    )
