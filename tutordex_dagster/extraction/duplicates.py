"""How likely two agencies advertise the same assignment, and what speaks for it. Pure functions.

The weights are judgement, not statistics: place and subject say most, because two families in one block
rarely look for the same level and subject in one week. What both adverts state and state differently ends it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

Node = TypeVar("Node", bound=tuple[int, ...])

LIKELY = 0.6
"""Pairs with at least this score are kept."""

_WEIGHTS: Mapping[str, float] = {
    "postal_code": 0.40,
    "street": 0.30,
    "levels": 0.20,
    "subjects": 0.20,
    "rate": 0.10,
    "time": 0.10,
}
_SHORT = {
    "avenue": "ave",
    "boulevard": "blvd",
    "close": "cl",
    "crescent": "cres",
    "drive": "dr",
    "gardens": "gdns",
    "heights": "hts",
    "jalan": "jln",
    "lorong": "lor",
    "north": "nth",
    "park": "pk",
    "place": "pl",
    "road": "rd",
    "south": "sth",
    "street": "st",
    "terrace": "ter",
    "upper": "upp",
}
_UNIT = re.compile(r"#\d+-\d+\w*|\bs\(?\d{6}\)?|\bsingapore(?: \d{6})?\b|\b\d{6}\b")
_HOUSE = re.compile(r"^(?:blk|block)?\s*\d+[a-z]?\b")
_WORD = re.compile(r"[a-z0-9]+")
_MOST_KEYS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Advert:
    """What is compared of an assignment. Empty sets and None: not stated."""

    posted_at: datetime
    postal_codes: frozenset[str] = frozenset()
    streets: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    rate_min: float | None = None
    rate_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A score from 0 to 1, and by feature the shared value and what it adds to the score."""

    score: float
    evidence: Mapping[str, object]


def compare(one: Advert, other: Advert, *, within: timedelta) -> Match | None:
    """Score two adverts of different agencies; None when they cannot be the same assignment.

    They cannot when they are further apart in time than `within`, share no place (a postal code, or a street
    with level and subject), or both state levels, subjects or rates that have nothing in common.
    """
    apart = abs(one.posted_at - other.posted_at)
    postal, streets = one.postal_codes & other.postal_codes, one.streets & other.streets
    if apart > within or not (postal or streets) or _contradict(one, other):
        return None
    if not postal and one.postal_codes and other.postal_codes:
        return None
    evidence: dict[str, object] = {"postal_code": sorted(postal)} if postal else {"street": sorted(streets)}
    for name in ("levels", "subjects"):
        shared = getattr(one, name) & getattr(other, name)
        if shared:
            evidence[name] = sorted(shared)
        elif not postal:
            return None
    if _known_rate(one) and _known_rate(other):
        evidence["rate"] = [_span(one), _span(other)]
    evidence["time"] = f"{apart.total_seconds() / 3600:.0f} h apart"
    nearness = 1 - apart / within if within else 1.0
    score = sum(_WEIGHTS[name] * (nearness if name == "time" else 1) for name in evidence)
    return Match(score=round(score, 3), evidence=evidence)


def blocking_keys(advert: Advert) -> tuple[str, ...]:
    """Return the keys of which a possible duplicate shares at least one: postal code, or street and subject.

    At most a dozen, so that one crowded post cannot make the work of many.
    """
    keys = [f"postal {code}" for code in sorted(advert.postal_codes)]
    keys += [
        f"street {street}/{level}/{subject}"
        for street in sorted(advert.streets)
        for level in sorted(advert.levels)
        for subject in sorted(advert.subjects)
    ]
    return tuple(keys[:_MOST_KEYS])


def street_of(address: str) -> str | None:
    """Return an address as streets are compared: `bishan st 12`; None when there is no street in it."""
    plain = _HOUSE.sub("", _UNIT.sub(" ", address.lower()).strip(" ,."))
    words = [_SHORT.get(word, word) for word in _WORD.findall(plain)]
    return " ".join(words) if len(words) > 1 else None


def _contradict(one: Advert, other: Advert) -> bool:
    for name in ("levels", "subjects"):
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine and theirs and not mine & theirs:
            return True
    if not (_known_rate(one) and _known_rate(other)):
        return False
    (low, high), (lowest, highest) = _span(one), _span(other)
    return low > highest or lowest > high


def _known_rate(advert: Advert) -> bool:
    return advert.rate_min is not None or advert.rate_max is not None


def _span(advert: Advert) -> tuple[float, float]:
    known = [amount for amount in (advert.rate_min, advert.rate_max) if amount is not None]
    return min(known), max(known)


def connected_groups(edges: Iterable[tuple[Node, Node]]) -> dict[Node, Node]:
    """Return for every node of the edges the smallest node it is connected to, by any number of steps."""
    parent: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, other in edges:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {node: root(node) for node in list(parent)}
