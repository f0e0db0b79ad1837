"""When a version reads worse than it may: drops in its scores, and what stands against making it live."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from typing_extensions import override

from tutordex_dagster.comparison.scoring import ScoreCard

LIMIT = 0.02
"""A mean or a field may be lower by so much: two points of a hundred."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A field, or `mean`, that scores too much lower than before; both are 0 to 1."""

    field: str
    before: float
    now: float

    @override
    def __str__(self) -> str:
        points = 100 * (self.before - self.now)
        return (
            f"{self.field} dropped by {points:.1f} points ({100 * self.before:.1f} to {100 * self.now:.1f})"
        )


def drops(now: ScoreCard, before: ScoreCard) -> list[Drop]:
    """Return what dropped by more than the limit, the mean first; a field only one of them has is no drop."""
    return [
        Drop(field=field, before=score, now=now.scores[field])
        for field, score in before.scores.items()
        if field in now.scores and score - now.scores[field] > LIMIT + _ROUNDING
    ]


def yardstick(card: ScoreCard, cards: Iterable[ScoreCard], *, live: str) -> ScoreCard | None:
    """Return the card to hold this one against, of the same gold set; None when there is none.

    A version is held against the newest card of the live one. The live version itself, and any other
    while the live one has no card, against the best of its own earlier ones: a repeated drop stays a drop.
    """
    same = [each for each in cards if each.gold == card.gold]
    of_live = [each for each in same if each.version == live]
    if card.version != live and of_live:
        return max(of_live, key=lambda each: each.scored_at)
    own = [each for each in same if each.version == card.version and each.scored_at < card.scored_at]
    return max(own, key=lambda each: (each.mean, each.scored_at), default=None)


def newest_card(cards: Iterable[ScoreCard], *, version: str, fingerprint: str, gold: str) -> ScoreCard | None:
    """Return the newest card of the version as it is now on this gold set, if it was scored at all."""
    fitting = (
        each for each in cards if (each.version, each.fingerprint, each.gold) == (version, fingerprint, gold)
    )
    return max(fitting, key=lambda each: each.scored_at, default=None)


def promotion_obstacles(
    cards: Sequence[ScoreCard], *, version: str, fingerprint: str, gold: str, live: str
) -> list[str]:
    """Say in plain words why the version may not become the live one; nothing when it may.

    `cards` are the stored ones of this and the live version, `fingerprint` is the version's as it is now,
    `gold` the digest of the set in use. A live version that was never scored is no obstacle.
    """
    card = newest_card(cards, version=version, fingerprint=fingerprint, gold=gold)
    if card is None:
        step = f"materialize its quality asset, or tutordex quality --version {version} --keep"
        return [f"{version!r} as it is now has no score on this gold set; {step}"]
    before = yardstick(card, cards, live=live)
    if before is None:
        return []
    whom = "its own best score" if before.version == version else f"the live version {before.version!r}"
    return [f"{version!r}: {drop}, against {whom}" for drop in drops(card, before)]
