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
_OTHERS = re.compile(r"\bfor (?:[a-z]+ ){0,3}(?:others?|teachers?|tutors?|rest)\b", re.IGNORECASE)
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
    named_before = _named_before(text, amounts, amounts[0].start - len(first))
    clauses = named_before if tutor_types((first,)) else _named_behind(text, amounts)
    tiers = [
        TierRate(tutor_type=kind, min=amount.low, max=amount.high, raw_text=clause.strip(_EDGES))
        for amount, clause, words in clauses
        for kind in tutor_types((words,))
    ]
    kinds = {tier.tutor_type for tier in tiers}
    pays = {(tier.min, tier.max) for tier in tiers}
    if len(kinds) == 1 and _OTHERS.search(text):  # the rest has no kind of ours
        pays = {(amount.low, amount.high) for amount in amounts}
        kinds = kinds | {""}
    return tuple(tiers) if len(kinds) > 1 and len(pays) > 1 else ()


def tiered_text(text: str) -> str | None:
    """Return the words of a text that pay different kinds of tutors differently; None if it does not."""
    tiers = rate_breakdown(text)
    if not tiers:
        return None
    start = min(text.index(tier.raw_text) for tier in tiers)
    end = max(text.index(tier.raw_text) + len(tier.raw_text) for tier in tiers)
    if len(tiers) == 1:  # others are paid differently, of no kind of ours
        last = hourly_amounts(text)[-1].end
        end = max(end, last + len(_PAUSE.split(text[last:], maxsplit=1)[0]))
    return text[start:end]


def _named_before(text: str, amounts: Sequence[Amount], start: int) -> Iterator[tuple[Amount, str, str]]:
    """Yield each amount with its clause and the words of it that name a kind."""
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
