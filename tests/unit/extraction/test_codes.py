"""Assignment codes."""

import pytest

from tutordex_dagster.extraction.rules.codes import find_code
from tutordex_dagster.extraction.rules.entries import read_entries
from tutordex_dagster.extraction.rules.text import split_lines


def code_in(text: str, *, labelled_only: bool = False) -> str | None:
    return find_code(read_entries(split_lines(text)), labelled_only=labelled_only)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Code: #A123", "A123"),
        ("Job ID: 66120", "66120"),
        ("Ref: QX-5521/b (repost)", "QX-5521/b"),
        ("Code: AB 2201", "AB 2201"),
        ("Code: 9045K (evening)", "9045K"),
        ("P3 Maths #HG3310", "HG3310"),
        ("P3 Maths (LN4402)", "LN4402"),
        ("[Assignment 2211] P3 Maths", "2211"),
        ("KLM7021", "KLM7021"),
        ("To apply, message us with code: PR-221", "PR-221"),
        ("5520 — P3 Maths", "5520"),
        ("FD-314: P3 Maths", "FD-314"),
        ("Request DT-61 is still open", "DT-61"),
        ("P3 Maths, ref rh41", "rh41"),
        ("Letter ref. 2027/0033", "2027/0033"),
        ("The case number is M/0713. Reply here", "M/0713"),
        ("Harbour Tutors | Job HT_5581", "HT_5581"),
        ("(GH 118) P3 Maths @ Bishan. 1x2h", "GH 118"),
        ("NEW! Kite case KT0x4A7", "KT0x4A7"),
        ("KiteID 5-0098", "5-0098"),
        ("Quote BR.3012", "BR.3012"),
        ("Code VK#771", "VK#771"),
        ("QL-26-1190", "QL-26-1190"),
        ("QS-A140 | P4 Science | Bedok", "QS-A140"),
        ("P3 Maths @ Tampines (EW2)", None),
        ("P3 Maths @ Blk 5 Kim Tian Road #05-12", None),
        ("P3 Maths tuition 90 mins, FT/MOE", None),
        ("Tuition 120 mins a week, case by case", None),
        ("P3 Maths, Blk123, BLK123, PSLE2027", None),
        ("2027 P3 Maths", None),
        ("Code: none yet", None),
        ("P3 Maths #Sec4 #P3", None),
        ("P3 Maths (2026)", None),
        ("S098765", None),
        ("P3 Maths at Bishan", None),
    ],
)
def test_a_code_is_found_behind_a_label_in_a_headline_or_alone(text: str, code: str | None) -> None:
    assert code_in(text) == code


def test_a_labelled_code_goes_before_others_and_is_the_only_trusted_one_when_strict() -> None:
    assert code_in("P3 Maths (LN4402)\nCode: A1") == "A1"
    assert code_in("P3 Maths (LN4402)", labelled_only=True) is None
