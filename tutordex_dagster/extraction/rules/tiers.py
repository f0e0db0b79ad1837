"""Pay tiered by who teaches: "PT $30-35/hr, FT $40-50/hr, MOE $65-80/hr"."""

import re
from collections.abc import Iterator, Sequence

from tutordex_dagster.extraction.contract import TierRate
from tutordex_dagster.extraction.rules.people import tutor_types
from tutordex_dagster.extraction.rules.rates import Amount, hourly_amounts

MAX_TIERS = 12
"""More than anybody pays by; a bound for hostile texts."""

_EDGES = " ,;:/|•·–—-\n&"
_PAUSE = re.compile(r"[,;|\n]| / | & ")
_BRACKET = re.compile(r" ?\([^()]{1,60}\)")


def rate_breakdown(text: str) -> tuple[TierRate, ...]:
    """Return what each kind of tutor is paid, if the text pays different kinds differently.

    The kind stands before its amount or behind it, the same way all along. Kinds named together ("ex/current
    MOE") have a tier each.
    """
    amounts = hourly_amounts(text)[:MAX_TIERS]
    if len(amounts) < 2:  # noqa: PLR2004 - one amount is no breakdown
        return ()
    first = _PAUSE.split(text[: amounts[0].start])[-1]
    clauses = _named_before(text, amounts) if tutor_types((first,)) else _named_behind(text, amounts)
    tiers = [
        TierRate(tutor_type=kind, min=amount.low, max=amount.high, raw_text=clause.strip(_EDGES))
        for amount, clause, words in clauses
        for kind in tutor_types((words,))
    ]
    kinds = {tier.tutor_type for tier in tiers}
    pays = {(tier.min, tier.max) for tier in tiers}
    return tuple(tiers) if len(kinds) > 1 and len(pays) > 1 else ()


def _named_before(text: str, amounts: Sequence[Amount]) -> Iterator[tuple[Amount, str, str]]:
    """Yield each amount with its clause and the words of it that name a kind."""
    start = 0
    for amount in amounts:
        yield amount, text[start : amount.end], text[start : amount.start]
        start = amount.end


def _named_behind(text: str, amounts: Sequence[Amount]) -> Iterator[tuple[Amount, str, str]]:
    ends = [*(amount.start for amount in amounts[1:]), len(text)]
    for amount, end in zip(amounts, ends, strict=True):
        behind = text[amount.end : end]
        bracket = _BRACKET.match(behind)
        words = bracket[0] if bracket else _PAUSE.split(behind, maxsplit=1)[0]
        yield amount, text[amount.start : amount.end + len(words)], words
