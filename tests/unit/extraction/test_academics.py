"""What is taught."""

import pytest

from tutordex_dagster.extraction.rules.academics import (
    first_headline,
    labelled_display,
    levels,
    restates,
    split_headline,
    streams,
    subjects,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P3", ("Primary 3",)),
        ("Pri 6 & Sec 1", ("Primary 6", "Secondary 1")),
        ("P5/6", ("Primary 5", "Primary 6")),
        ("Sec 1 to 3", ("Secondary 1", "Secondary 2", "Secondary 3")),
        ("S3/S4", ("Secondary 3", "Secondary 4")),
        ("JC 2", ("JC 2",)),
        ("K1/2", ("Kindergarten 1", "Kindergarten 2")),
        ("Nursery 2", ("Nursery 2", "Preschool")),
        ("Year 10 IGCSE", ("Year 10", "IGCSE")),
        ("Grade 7", ("Grade 7",)),
        ("lower primary", ("Primary",)),
        ("O-Level", ("O Level",)),
        ("Poly year 1", ("Year 1", "Polytechnic")),
        ("P9", ()),
        ("3pm", ()),
        ("Level 3 unit", ()),
    ],
)
def test_levels_have_canonical_names(text: str, expected: tuple[str, ...]) -> None:
    assert levels(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("E Math and A Maths", ("Elementary Mathematics", "Additional Mathematics")),
        ("Higher Chinese", ("Higher Chinese",)),
        ("Combined Science (Phy/Chem)", ("Combined Science", "Physics", "Chemistry")),
        ("POA, GP & Econs", ("Principles of Accounts", "General Paper", "Economics")),
        ("H2 Math", ("Mathematics",)),
        ("mathematical scienceless", ()),
        ("ENGLISH", ("English",)),
    ],
)
def test_subjects_are_whole_words_and_the_longest_name_wins(text: str, expected: tuple[str, ...]) -> None:
    assert subjects(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sec 3 G3", ("G3",)),
        ("NA/NT", ("Normal Academic", "Normal Technical")),
        ("IP H2 HL", ("IP", "H2", "IB HL")),
    ],
)
def test_streams_have_canonical_names(text: str, expected: tuple[str, ...]) -> None:
    assert streams(text) == expected


@pytest.mark.parametrize(
    ("headline", "taught"),
    [
        ("URGENT! Sec 1 Chinese @ Hougang Ave 8, $35/h", "Sec 1 Chinese"),
        ("[CLOSED] P5 Higher Malay - Pasir Ris Drive 3", "P5 Higher Malay"),
        ("⚡️P3 Maths @ Somewhere⚡️", "P3 Maths"),
        ("Looking for a patient tutor to teach P3 Maths at Blk 5 Kim Tian Road", "P3 Maths"),
        ("New assignment for K2 Phonics near Simei", "K2 Phonics"),
        ("JC1 Literature tuition job, North. $62/hr", "JC1 Literature"),
        ("#12345 | Primary 5 | English | Toa Payoh", "Primary 5 | English"),
        ("Sec 5 NA English [Yew Tee]", "Sec 5 NA English"),
        ("Sec 5 NA English (Bishan)", "Sec 5 NA English"),
        ("Hello! We need somebody for a Pri 3 Maths student living in Bishan", "Pri 3 Maths"),
        ("My daughter is in Sec 2 and needs help in A Maths", "A Maths"),
        ("anybody can teach p3 science at redhill", "p3 science"),
        ("P5 Science (Bishan Convent)", "P5 Science (Bishan Convent)"),
        ("P5 Maths, Bishan", "P5 Maths"),
        ("P5 English, Science and Maths", "P5 English, Science and Maths"),
        ("Sec 3 Maths (A, E) & Physics #AB1234", "Sec 3 Maths (A, E) & Physics"),
        ("IB SL Economics (to revise for mocks) - Bishan", "IB SL Economics"),
        ("P5 Malay - wanted soon at our centre", "P5 Malay"),
        ("P6 Science - Maths - Bishan", "P6 Science - Maths"),
        ("P6 Science ($35/hr)", "P6 Science"),
        ("Happy holidays", None),
    ],
)
def test_a_headline_is_cut_to_what_is_taught(headline: str, taught: str | None) -> None:
    assert split_headline(headline)[0] == taught


@pytest.mark.parametrize(
    ("value", "taught"),
    [
        ("P4 maths (teach in centre)", "P4 maths"),
        ("P4 maths @ Bishan", "P4 maths"),
        ("P4 maths - Bishan", "P4 maths"),
        ("P4 maths- some school", "P4 maths- some school"),
        ("Maths (both papers),", "Maths (both papers)"),
        ("P5 Maths (6 pax)", "P5 Maths"),
        ("Chess", "Chess"),
    ],
)
def test_a_labelled_subject_keeps_all_but_place_and_wishes(value: str, taught: str) -> None:
    assert labelled_display(value) == taught


def test_the_line_with_level_and_subject_is_the_headline() -> None:
    assert first_headline(["hello", "Maths news", "P3 Maths"]) == "P3 Maths"
    assert first_headline(["hello", "Maths news"]) == "Maths news"
    assert first_headline(["hello"]) is None


def test_restatements_of_the_headline_are_known() -> None:
    assert restates("Piano teacher wanted by an adult learner")
    assert not restates("Tutor to bring Maths papers")
