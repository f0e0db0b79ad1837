"""What is cut away from an answer, and what is not mended."""

import json

import pytest

from tests.llm_server.replies import SEGMENT, answer_of
from tutordex_dagster.extraction.failures import Rejection
from tutordex_dagster.extraction.llm.answers import KEPT_ARTIFACT, Rejected, kept, parse
from tutordex_dagster.extraction.llm.chat import Completion
from tutordex_dagster.extraction.llm.schema import answer_form

GOOD = json.dumps(answer_of(SEGMENT))
TAGGED = json.dumps(answer_of({**SEGMENT, "additional_remarks": "No fee </think> pls"}))
"""A post may say anything, and so may the answer about it."""


@pytest.mark.parametrize(
    ("text", "repairs"),
    [
        (GOOD, {}),
        (f"\n {GOOD}\n", {}),
        (f"```json\n{GOOD}\n```", {"fence": 1}),
        (f"Sure!\n```\n{GOOD}\n```\nDone.", {"fence": 1}),
        (f"<think>a {{b}}</think>{GOOD}", {"think": 1}),
        (f"thoughts whose opening is the template's</think>\n{GOOD}", {"think": 1}),
        (f"<thinking>x</thinking>\n```json\n{GOOD}\n```", {"think": 1, "fence": 1}),
        (f"The form: {GOOD} End.", {"before": 1, "after": 1}),
        (f"{GOOD}{GOOD}", {"after": 1}),
        (TAGGED, {}),
        (f" \n{TAGGED}", {}),
        (f"<think>a</think>\n{TAGGED}", {"think": 1}),
    ],
)
def test_what_stands_around_the_form_is_cut_away_and_counted(text: str, repairs: dict[str, int]) -> None:
    parsed = parse(Completion(text=text), answer_form())
    assert dict(parsed.repairs) == repairs
    assert parsed.value["segments"][0]["assignment_code"] == "ZQ4417"


@pytest.mark.parametrize(
    ("text", "rejection"),
    [
        (GOOD[:-1], "invalid_json"),
        (GOOD.replace("40", "NaN", 1), "invalid_json"),
        (GOOD.replace('"ZQ4417"', "'ZQ4417'"), "invalid_json"),
        (GOOD.replace("ZQ4417", "\\ud800"), "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ('{"a":' * 100_000, "invalid_json"),
        ("[]", "invalid_json"),
        ("{}", "schema_violation"),
        (GOOD.replace('"skip": null', '"skip": "nice"'), "schema_violation"),
        (GOOD.replace('"skip": null, ', ""), "schema_violation"),
        (GOOD.replace('"Sec 1 Science"', "7"), "schema_violation"),
        (GOOD.replace('"min": 40', '"min": "40"'), "schema_violation"),
        ("I cannot do that. {", "refusal"),
        ("Sorry, no.", "refusal"),
        ("As an AI model I have views.", "refusal"),
        ("x" + "\n" * 300, "whitespace_loop"),
        ('{"skip": "' + "\\n" * 300, "whitespace_loop"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_nothing_is_mended(text: str, rejection: Rejection) -> None:
    with pytest.raises(Rejected) as raised:
        parse(Completion(text=text), answer_form())
    assert raised.value.rejection == rejection
    assert "ZQ4417" not in raised.value.reason


def test_an_answer_that_is_kept_is_bounded_and_shows_both_ends() -> None:
    assert kept("short") == "short"
    long = kept("a" + "x" * 100_000 + "z")
    assert long.startswith("a")
    assert long.endswith("z")
    assert len(long) < KEPT_ARTIFACT + 100
