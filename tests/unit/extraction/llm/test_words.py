"""Where a post holds a text, and where it only seems to."""

import pytest

from tutordex_dagster.extraction.llm.words import Words
from tutordex_dagster.extraction.rules.text import normalise

POST = "Level: 𝗦𝗲𝗰 𝟮 Maths (G3)\nVenue: Blk 61   Elm\u200bway\nStreet"
WORDS = Words(POST, normalise(POST))


@pytest.mark.parametrize(
    ("post", "text", "held"),
    [
        ("$130/hr", "$130/hr", True),
        ("$130/hr", "130/hr", True),
        ("$130/hr", "30/hr", False),
        ("Blk 123 Bedok", "Blk 12", False),
        ("Blk 123 Bedok", "Blk 123", True),
        ("Blk 123A Bedok", "Blk 123", True),
        ("1.5h weekly", "1.5h weekly", True),
        ("1.5h weekly", "5h weekly", False),
        ("1.5h weekly", ".5h weekly", False),
        ("from $32.50", "from $32", False),
        ("2~4pm", "4pm", True),
        ("P5,6 Maths", "6 Maths", True),
        ("at 4.Sat 2pm", "Sat 2pm", True),
        ("at 4.Sat 2pm", "at 4", True),
        ("Blk 12 or Blk 123; 1.5h, then 5h", "5h", True),
        ("tel 6123, Blk 12", "12", True),
    ],
)
def test_a_text_that_cuts_a_number_of_the_post_is_not_held(post: str, text: str, *, held: bool) -> None:
    assert Words(post, normalise(post)).has(text) is held


def test_a_span_points_into_the_post_as_it_is_stored() -> None:
    for text, stored in (("sec 2 maths", "𝗦𝗲𝗰 𝟮 Maths"), ("elmway street", "Elm\u200bway\nStreet")):
        span = WORDS.span(text)
        assert span
        assert POST[slice(*span)] == stored


@pytest.mark.parametrize("text", ["", " ", "*", "\u200b"])
def test_no_text_stands_nowhere(text: str) -> None:
    assert not WORDS.has(text)
    assert not WORDS.has_word(text)
