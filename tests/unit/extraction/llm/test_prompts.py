"""The shipped prompt and examples say what the code holds to."""

import pytest

from tutordex_dagster.extraction.llm.answers import parse
from tutordex_dagster.extraction.llm.chat import Completion
from tutordex_dagster.extraction.llm.grounding import Dropped
from tutordex_dagster.extraction.llm.outcome import outcome
from tutordex_dagster.extraction.llm.prompts import (
    Example,
    conversation,
    framed,
    load_few_shot,
    load_prompt,
)
from tutordex_dagster.extraction.llm.schema import FIELDS, answer_form
from tutordex_dagster.extraction.llm.words import Words
from tutordex_dagster.extraction.rules.text import normalise
from tutordex_dagster.settings import PROJECT

PROMPT = load_prompt(None, None, root=PROJECT)
FEW_SHOT = load_few_shot("default", PROJECT)


@pytest.mark.parametrize("name", [*FIELDS, "skip", "closes", "segments"])
def test_the_prompt_explains_every_field(name: str) -> None:
    assert f"`{name}`" in PROMPT.text


@pytest.mark.parametrize("example", FEW_SHOT.examples, ids=lambda example: example.post[:20])
def test_an_example_states_nothing_that_is_not_in_its_post(example: Example) -> None:
    """A model copies the manners of its examples."""
    asked = conversation(PROMPT, FEW_SHOT, "x", spelt_out=False)
    index = FEW_SHOT.examples.index(example)
    post, answer = FEW_SHOT.examples[index].post, asked[2 + 2 * index].content
    parsed = parse(Completion(text=answer), answer_form())
    dropped = Dropped()
    outcome(parsed.value, Words(post, normalise(post)), dropped)
    assert not dropped
    assert not parsed.repairs


def test_examples_for_some_fields_answer_only_those() -> None:
    asked = conversation(PROMPT, FEW_SHOT, "x", fields=("rate",), spelt_out=False)
    assert "Only these fields are asked for" in asked[0].content
    for message in asked[2:-1:2]:
        parsed = parse(Completion(text=message.content), answer_form(("rate",)))
        assert all(set(segment) == {"rate"} for segment in parsed.value["segments"])


def test_the_frame_of_a_post_differs_with_the_post() -> None:
    assert framed("a").splitlines()[0] != framed("b").splitlines()[0]
    assert framed("a") == framed("a")
    assert "\ud800" in framed("\ud800"), "half a surrogate pair is a text like any other"
