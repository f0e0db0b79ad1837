"""Text as rules see it: bounded, visible, in lines."""

import pytest

from tutordex_dagster.extraction.rules.text import (
    MAX_CHARACTERS,
    MAX_LINES,
    normalise,
    split_lines,
    trim_decoration,
    without_links,
)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("𝗖𝗼𝗱𝗲: 𝟭𝟮", "Code: 12"),
        ("Ｒate：30", "Rate:30"),
        ("**Code:** __A1__ ~~old~~ `x`", "Code: A1 old x"),
        ("*Code:* _A1_ snake_case_", "Code: A1 snake_case_"),
        ("a\u200bb\u202ec\ufeffd", "abcd"),
        ("a\u00a0 \t b", "a b"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("Rate:\n\n30", "Rate:\n\n30"),
    ],
)
def test_typefaces_markup_and_invisible_characters_become_plain_text(raw: str, plain: str) -> None:
    assert normalise(raw) == plain


def test_only_the_bounded_beginning_of_a_text_is_looked_at() -> None:
    assert normalise("a" * 200_000) == "a" * MAX_CHARACTERS
    assert len(split_lines("a\n" * 5000)) == MAX_LINES


@pytest.mark.parametrize(
    ("raw", "bullet", "text"),
    [
        ("🔹 Rate: $30", "🔹", "Rate: $30"),
        ("- tutor must drive", "-", "tutor must drive"),
        ("* * Rate", "* *", "Rate"),
        ("3. Subject: English", "3.", "Subject: English"),
        ("(2) Time", "(2)", "Time"),
        ("1️⃣ Code: A1", "1️⃣", "Code: A1"),
        ("(S)123456", "", "(S)123456"),
        ("$30/hr", "", "$30/hr"),
        ("12 Sunset Way", "", "12 Sunset Way"),
        ("#AB123", "", "#AB123"),
    ],
)
def test_decoration_before_a_line_is_its_bullet(raw: str, bullet: str, text: str) -> None:
    (line,) = split_lines(raw)
    assert (line.bullet, line.text) == (bullet, text)


@pytest.mark.parametrize("raw", ["", "-----", "— — — — —", "=========", "* * * *"])
def test_empty_lines_and_drawn_rules_are_breaks(raw: str) -> None:
    assert [line.is_break for line in split_lines(f"a\n{raw}\nb")] == [False, True, False]


def test_links_and_their_brackets_are_dropped() -> None:
    assert without_links(
        "278621 ([https://maps.example/278621](https://maps.example/278621)) Clementi"
    ).split() == [
        "278621",
        "Clementi",
    ]
    assert without_links("no link (here)") == "no link (here)"


@pytest.mark.parametrize(
    ("raw", "text"), [("⚡️P4 Math⚡️", "P4 Math"), ("🌟 (hello) 🌟", "(hello)"), ("🎉", "")]
)
def test_decoration_on_both_sides_is_trimmed(raw: str, text: str) -> None:
    assert trim_decoration(raw) == text
