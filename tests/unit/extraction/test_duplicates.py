"""What makes two adverts of different agencies likely the same assignment, and what rules it out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.extraction.duplicates import (
    LIKELY,
    Advert,
    blocking_keys,
    compare,
    connected_groups,
    street_of,
)

WEEK = timedelta(days=7)
ADVERT = Advert(
    posted_at=datetime(2026, 3, 2, tzinfo=UTC),
    postal_codes=frozenset({"570010"}),
    streets=frozenset({"bishan st 12"}),
    levels=frozenset({"Primary 5"}),
    subjects=frozenset({"Mathematics"}),
    rate_min=40,
    rate_max=50,
)


def test_the_same_advert_scores_one_and_says_why() -> None:
    match = compare(ADVERT, ADVERT, within=WEEK)
    assert match is not None
    assert match.score == 1.0
    assert match.evidence == {
        "postal_code": ["570010"],
        "levels": ["Primary 5"],
        "subjects": ["Mathematics"],
        "rate": [(40, 50), (40, 50)],
        "time": "0 h apart",
    }


def test_a_street_says_less_than_a_postal_code_and_still_enough() -> None:
    match = compare(ADVERT, replace(ADVERT, postal_codes=frozenset()), within=WEEK)
    assert match is not None
    assert LIKELY <= match.score < 1
    assert match.evidence["street"] == ["bishan st 12"]


def test_the_further_apart_the_less_likely() -> None:
    scores = [
        match.score
        for days in (0, 3, 7)
        if (
            match := compare(
                ADVERT, replace(ADVERT, posted_at=ADVERT.posted_at + days * WEEK / 7), within=WEEK
            )
        )
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3


@pytest.mark.parametrize(
    "other",
    [
        replace(ADVERT, posted_at=ADVERT.posted_at + WEEK + timedelta(seconds=1)),
        replace(ADVERT, postal_codes=frozenset({"570011"})),
        replace(ADVERT, postal_codes=frozenset(), streets=frozenset({"bishan st 13"})),
        replace(ADVERT, levels=frozenset({"Primary 6"})),
        replace(ADVERT, subjects=frozenset({"English"})),
        replace(ADVERT, rate_min=60, rate_max=70),
    ],
)
def test_what_both_state_and_state_differently_rules_it_out(other: Advert) -> None:
    assert compare(ADVERT, other, within=WEEK) is None


def test_a_place_alone_is_not_likely() -> None:
    bare = replace(
        ADVERT, levels=frozenset(), subjects=frozenset(), rate_min=None, rate_max=None, streets=frozenset()
    )
    match = compare(ADVERT, bare, within=WEEK)
    assert match is not None
    assert match.score < LIKELY


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("10 Bishan Street 12", "bishan st 12"),
        ("Blk 10 Bishan St 12, #05-123", "bishan st 12"),
        ("Block 10A Bishan Street 12 S(570010)", "bishan st 12"),
        ("Bishan Street 12 Singapore 570010", "bishan st 12"),
        ("Bishan", None),
        ("", None),
    ],
)
def test_a_street_is_compared_without_house_unit_and_postal_code(address: str, street: str | None) -> None:
    assert street_of(address) == street


def test_keys_are_few_however_crowded_the_post() -> None:
    many = replace(
        ADVERT, levels=frozenset(f"L{n}" for n in range(9)), subjects=frozenset(f"S{n}" for n in range(9))
    )
    assert len(blocking_keys(many)) == 12
    assert blocking_keys(ADVERT) == ("postal 570010", "street bishan st 12/Primary 5/Mathematics")


SETS = st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2)
RATES = st.none() | st.floats(10, 100)
ADVERTS = st.builds(
    Advert,
    posted_at=st.integers(0, 240).map(lambda hours: ADVERT.posted_at + timedelta(hours=hours)),
    postal_codes=SETS,
    streets=SETS,
    levels=SETS,
    subjects=SETS,
    rate_min=RATES,
    rate_max=RATES,
)


@given(one=ADVERTS, other=ADVERTS)
def test_likely_pairs_share_a_key_score_alike_both_ways_and_never_above_one(
    one: Advert, other: Advert
) -> None:
    """Lost otherwise: a duplicate that the search by keys never gets to see."""
    match, back = compare(one, other, within=WEEK), compare(other, one, within=WEEK)
    assert (match and match.score) == (back and back.score)
    if match:
        assert 0 < match.score <= 1
        if match.score >= LIKELY:
            assert set(blocking_keys(one)) & set(blocking_keys(other))


@given(edges=st.lists(st.tuples(st.tuples(st.integers(0, 9)), st.tuples(st.integers(0, 9))), max_size=12))
def test_a_group_is_named_after_its_first_member(edges: list[tuple[tuple[int], tuple[int]]]) -> None:
    groups = connected_groups(edges)
    assert all(groups[one] == groups[other] <= min(one, other) for one, other in edges)
    assert all(groups[first] == first for first in groups.values())
