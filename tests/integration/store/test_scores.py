"""Stored scores."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tutordex_dagster.comparison.scoring import FieldScore, ScoreCard
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.scores import Scored, Scores

CARD = ScoreCard(
    version="rules",
    fingerprint="f1",
    gold="g1",
    scored_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    posts=7,
    fields=(
        FieldScore(field="outcome", score=1, labelled=7, found=7, wrong=0, missing=0, invented=0),
        FieldScore(field="address", score=0.125, labelled=6, found=1, wrong=2, missing=3, invented=4),
    ),
)


def test_a_card_is_read_as_it_was_stored_fields_in_their_order(database: Database) -> None:
    scores = Scores(database)
    scores.add(CARD)
    assert scores.cards({"rules"}, gold="g1") == [CARD]


def test_cards_of_other_versions_and_gold_sets_are_left_out_and_the_oldest_comes_first(
    database: Database,
) -> None:
    scores = Scores(database)
    later = replace(CARD, scored_at=CARD.scored_at + timedelta(hours=1), fingerprint="f2")
    live = replace(CARD, version="live", scored_at=CARD.scored_at + timedelta(minutes=1))
    for card in (later, CARD, live, replace(CARD, gold="g0"), replace(CARD, version="other")):
        scores.add(card)
    assert scores.cards({"rules", "live"}, gold="g1") == [CARD, live, later]


def test_what_was_scored_is_known_by_version_fingerprint_and_gold_set(database: Database) -> None:
    scores = Scores(database)
    assert scores.scored() == set()
    scores.add(CARD)
    scores.add(replace(CARD, scored_at=CARD.scored_at + timedelta(hours=1)))
    assert scores.scored() == {Scored(version="rules", fingerprint="f1", gold="g1")}
