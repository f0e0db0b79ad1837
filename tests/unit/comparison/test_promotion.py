"""Drops in scores, and what stands against a promotion."""

from datetime import UTC, datetime, timedelta

import pytest

from tutordex_dagster.comparison.promotion import drops, promotion_obstacles, yardstick
from tutordex_dagster.comparison.scoring import FieldScore, ScoreCard

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def card(
    version: str = "new", *, at: int = 0, gold: str = "g1", fingerprint: str = "f1", **scores: float
) -> ScoreCard:
    counts = {"labelled": 10, "found": 0, "wrong": 0, "missing": 0, "invented": 0}
    return ScoreCard(
        version=version,
        fingerprint=fingerprint,
        gold=gold,
        scored_at=NOW + timedelta(hours=at),
        posts=10,
        fields=tuple(FieldScore(field=name, score=value, **counts) for name, value in scores.items()),
    )


def obstacles(*cards: ScoreCard, version: str = "new", fingerprint: str = "f1") -> list[str]:
    return promotion_obstacles(cards, version=version, fingerprint=fingerprint, gold="g1", live="live")


@pytest.mark.parametrize(("now", "dropped"), [(0.9, False), (0.88, False), (0.8799, True), (0.95, False)])
def test_two_points_are_allowed_and_more_is_a_drop(now: float, *, dropped: bool) -> None:
    found = drops(card(code=now), card("live", code=0.9))
    assert [each.field for each in found] == (["mean", "code"] if dropped else [])


def test_a_field_may_not_drop_although_the_mean_rises() -> None:
    (found,) = drops(card(code=0.8, text=0.9), card("live", code=0.9, text=0.5))
    assert str(found) == "code dropped by 10.0 points (90.0 to 80.0)"


def test_a_field_that_was_not_scored_before_is_no_drop() -> None:
    assert drops(card(code=0.9, text=0.1), card("live", code=0.5)) == []


def test_a_version_is_held_against_the_newest_card_of_the_live_one() -> None:
    old, newest = card("live", at=-2, code=0.9), card("live", at=-1, code=0.7)
    own = card(at=-3, code=1.0)
    assert yardstick(card(code=0.8), [old, newest, own], live="live") is newest


def test_the_live_version_is_held_against_its_own_best() -> None:
    best, worse = card("live", at=-3, code=0.9), card("live", at=-2, code=0.6)
    other = card("new", at=-1, code=1.0)
    now = card("live", code=0.6)
    assert yardstick(now, [best, worse, other, now], live="live") is best


def test_scores_on_another_gold_set_say_nothing() -> None:
    assert yardstick(card(code=0.8), [card("live", at=-1, gold="g0", code=0.9)], live="live") is None


def test_without_a_score_a_version_is_not_promoted() -> None:
    (told,) = obstacles(card("live", code=0.9))
    assert told == (
        "'new' as it is now has no score on this gold set; materialize its quality asset, or tutordex quality"
        " --version new --keep"
    )


def test_a_score_of_another_fingerprint_or_gold_set_does_not_count() -> None:
    stale = (card(fingerprint="f0", code=0.9), card(gold="g0", code=0.9))
    assert len(obstacles(*stale, card("live", code=0.9))) == 1


def test_a_drop_against_the_live_version_is_told_field_by_field() -> None:
    told = obstacles(card(code=0.8, text=0.9), card("live", at=-1, code=0.9, text=0.9))
    assert told == [
        "'new': mean dropped by 5.0 points (90.0 to 85.0), against the live version 'live'",
        "'new': code dropped by 10.0 points (90.0 to 80.0), against the live version 'live'",
    ]


def test_a_live_version_that_was_scored_later_still_counts() -> None:
    assert obstacles(card(at=-5, code=0.8), card("live", code=0.9)) != []


def test_a_version_as_good_as_the_live_one_may_be_promoted() -> None:
    assert obstacles(card(code=0.89), card("live", at=-1, code=0.9)) == []


def test_only_the_newest_score_of_a_version_counts() -> None:
    assert obstacles(card(at=-2, code=0.5), card(code=0.9), card("live", at=-1, code=0.9)) == []


def test_a_live_version_without_a_score_is_no_obstacle() -> None:
    assert obstacles(card(code=0.1)) == []
