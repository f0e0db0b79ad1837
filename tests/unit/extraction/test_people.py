"""Tutor types and mode."""

import pytest

from tutordex_dagster.extraction.rules.people import (
    labelled_mode,
    learning_mode,
    tutor_types,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Full-time tutor or ex-MOE teacher", ("Full-Time Tutor", "Ex-MOE Teacher")),
        ("Part/Full-Time Tutor", ("Part-Time Tutor", "Full-Time Tutor")),
        ("Undergraduate", ("Undergraduate",)),
        ("Graduate tutors", ("Graduate",)),
        ("PT, FT, MOE", ("Part-Time Tutor", "Full-Time Tutor", "MOE Teacher")),
        ("current or ex-MOE teacher", ("Current MOE Teacher", "Ex-MOE Teacher")),
        ("NIE trained, native speaker", ("NIE Trained", "Native Speaker")),
        ("Poly graduate", ("Poly Student or Graduate",)),
        ("A level tutor", ("A-Level Tutor",)),
        ("patient lady", ()),
    ],
)
def test_tutor_types_have_canonical_names(text: str, expected: tuple[str, ...]) -> None:
    assert tutor_types([text]) == expected


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("Lessons are online.", "Online"),
        ("Zoom is fine", "Online"),
        ("Face-to-face lessons", "Face-to-Face"),
        ("F2F only", "Face-to-Face"),
        ("physical lessons please", "Face-to-Face"),
        ("at the student's home", "Face-to-Face"),
        ("online or face to face", "Hybrid"),
        ("hybrid", "Hybrid"),
        ("no online lessons", None),
        ("No online / zoom lessons", None),
        ("Zoom not allowed", None),
        ("Face to face, no online", "Face-to-Face"),
        ("Strictly no online lessons, face to face please", "Face-to-Face"),
        ("F2F preferred, online is not possible", "Face-to-Face"),
        ("Lessons are not online, they are at the student's home", "Face-to-Face"),
        ("Online lessons only, no home visits", "Online"),
        ("Online, not physical lessons", "Online"),
        ("Not only online but also face to face", "Hybrid"),
        ("apply online", None),
        ("our online application", None),
        ("[Physical]", None),
        ("physical education", None),
        ("house captain", None),
    ],
)
def test_a_mode_needs_clear_words(text: str, mode: str | None) -> None:
    assert learning_mode([text]).mode == mode


def test_the_words_of_a_mode_are_its_sentence() -> None:
    assert learning_mode(["Shy. Online is fine. Kind."]).raw_text == "Online is fine."


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("Physical", "Face-to-Face"),
        ("Online", "Online"),
        ("Online / home", "Hybrid"),
        ("to discuss", None),
        ("Online (not face to face)", "Online"),
        ("Online, no travelling to the student's home", "Online"),
        ("Online lessons only, no home visits", "Online"),
        ("Home, no zoom", "Face-to-Face"),
        ("At student's home instead of online", "Face-to-Face"),
        ("Zoom not allowed", None),
    ],
)
def test_a_mode_label_makes_short_words_clear(value: str, mode: str | None) -> None:
    assert labelled_mode(value).mode == mode
