"""The vocabulary is closed, unambiguous and documented."""

from pathlib import Path

import pytest
from hypothesis import given

from tests.unit.extraction.test_extractor import POSTS, TEXTS
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import Assignment, Extracted
from tutordex_dagster.extraction.rules import academics, catalogue
from tutordex_dagster.extraction.rules.taxonomy import GENERIC_LEVELS, STREAMS, SUBJECTS, phrases

PAGE = Path(__file__).parents[3] / "docs" / "vocabulary.md"


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == catalogue.page() + "\n", "run `make docs`"


def assert_closed(assignment: Assignment) -> None:
    assert set(assignment.subjects) <= set(catalogue.subject_names())
    assert set(assignment.levels) <= set(catalogue.level_names())
    assert set(assignment.streams) <= set(catalogue.stream_names())
    assert set(assignment.tutor_types) <= set(catalogue.tutor_type_names())


@given(text=TEXTS)
def test_canonical_fields_hold_nothing_but_the_vocabulary(text: str) -> None:
    outcome = rules.build({}).extract(text)
    for segment in outcome.segments if isinstance(outcome, Extracted) else ():
        assert_closed(segment)


def test_our_posts_use_nothing_but_the_vocabulary() -> None:
    for post in POSTS["assignments"]:
        outcome = rules.build({}).extract(post["text"])
        assert isinstance(outcome, Extracted)
        assert_closed(outcome.segments[0])


@pytest.mark.parametrize("table", [SUBJECTS, GENERIC_LEVELS, STREAMS], ids=["subjects", "levels", "streams"])
def test_a_word_stands_for_one_name(table: dict[str, str]) -> None:
    words = [word for word, _ in phrases(table)]
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize(
    ("text", "levels", "streams"),
    [
        ("Sec 3 G3 Physics", ("Secondary 3",), ("G3",)),
        ("S1 G1/G2 Maths", ("Secondary 1",), ("G1", "G2")),
        ("Sec 4NA Maths", ("Secondary 4",), ("Normal Academic",)),
        ("Sec 2 N(T) English", ("Secondary 2",), ("Normal Technical",)),
        ("Sec 4Exp A Maths", ("Secondary 4",), ("Express",)),
        ("JC2 H2 Maths", ("JC 2",), ("H2",)),
        ("IB HL Physics, Year 5", ("Year 5", "IB"), ("IB HL",)),
        ("IGCSE Biology Year 10", ("Year 10", "IGCSE"), ()),
        ("Sec 1 IP Maths", ("Secondary 1",), ("IP",)),
        ("P5 Foundation Maths", ("Primary 5",), ("Foundation",)),
        ("Poly Diploma Engineering Maths", ("Polytechnic", "Diploma"), ()),
    ],
)
def test_levels_and_streams_have_one_name_however_written(
    text: str, levels: tuple[str, ...], streams: tuple[str, ...]
) -> None:
    assert academics.levels(text) == levels
    assert academics.streams(text) == streams
