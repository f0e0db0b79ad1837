"""Whole posts: what they state, what they never get wrong, and what no text may do."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import Assignment, Closing, Extracted, Outcome, Skipped
from tutordex_dagster.extraction.rules.text import MAX_CHARACTERS, normalise

POSTS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("posts.yaml").read_text(encoding="utf-8")
)
FRESH: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("fresh_posts.yaml").read_text(encoding="utf-8")
)
EVERY_POST = [post for posts in POSTS.values() for post in posts]
DEFAULT = rules.build({})
STRICT = rules.build({"labelled_only": True, "estimated_slots": False})


def styles(kind: str) -> list[Any]:
    return [pytest.param(post, id=post["style"]) for post in POSTS[kind]]


def first(outcome: Outcome) -> Assignment:
    assert isinstance(outcome, Extracted)
    return outcome.segments[0]


def field_of(assignment: Assignment, path: str) -> object:
    value: Any = assignment.model_dump(mode="json")
    for key in path.split("."):
        value = value[key]
    return value


@pytest.mark.parametrize("post", styles("assignments"))
def test_a_post_of_any_style_gives_what_a_reader_takes_from_it(post: dict[str, Any]) -> None:
    assignment = first(DEFAULT.extract(post["text"]))
    assert {path: field_of(assignment, path) for path in post["expected"]} == post["expected"]
    assert assignment.kind == "assignment"


@pytest.mark.parametrize("post", styles("compilations"))
def test_a_compilation_gives_its_assignments_in_the_order_of_the_text(post: dict[str, Any]) -> None:
    outcome = DEFAULT.extract(post["text"])
    assert isinstance(outcome, Extracted)
    assert outcome.kind == "compilation"
    assert [segment.assignment_code for segment in outcome.segments] == post["expected"]["codes"]
    assert [segment.academic_display_text for segment in outcome.segments] == post["expected"]["taught"]
    assert [segment.rate.min for segment in outcome.segments] == post["expected"].get(
        "amounts", [segment.rate.min for segment in outcome.segments]
    )
    assert {segment.kind for segment in outcome.segments} == {"compilation"}


@pytest.mark.parametrize("post", styles("singles"))
def test_one_assignment_told_in_several_parts_stays_one(post: dict[str, Any]) -> None:
    assert first(DEFAULT.extract(post["text"])).kind == "assignment"


@pytest.mark.parametrize("post", styles("skipped"))
def test_a_post_without_an_assignment_is_skipped_with_its_reason(post: dict[str, Any]) -> None:
    expected = post["expected"]
    closes = Closing(codes=tuple(expected.get("closes", ())), links=tuple(expected.get("links", ())))
    assert DEFAULT.extract(post["text"]) == Skipped(reason=expected["reason"], closes=closes)


@pytest.mark.parametrize("post", styles("assignments"))
def test_the_strict_version_never_fills_a_text_field_the_default_leaves_empty(post: dict[str, Any]) -> None:
    loose = first(DEFAULT.extract(post["text"])).model_dump(exclude_defaults=True)
    strict = first(STRICT.extract(post["text"])).model_dump(exclude_defaults=True)
    assert strict.keys() <= loose.keys()


def test_the_strict_version_trusts_only_labels_and_estimates_nothing() -> None:
    text = "Sec 1 Chinese @ Hougang Ave 8 #HG3310\nRate: $35/hr\nTime: Mon after 4pm, Tue 5pm\n- be punctual"
    strict = first(STRICT.extract(text))
    assert strict.model_copy(update={"evidence": {}}) == Assignment.model_validate(
        {
            "rate": {"min": 35.0, "max": 35.0, "raw_text": "$35/hr"},
            "time_availability": {
                "explicit": {"tuesday": ("17:00-17:00",)},
                "note": "Mon after 4pm, Tue 5pm",
            },
        }
    )
    loose = first(DEFAULT.extract(text))
    assert loose.assignment_code == "HG3310"
    assert loose.time_availability.estimated.monday == ("16:00-23:00",)


def test_outputs_change_only_together_with_the_revision() -> None:
    """Results of different rules must never share a pipeline version."""
    outputs = [
        extractor.extract(post["text"]).model_dump(mode="json")
        for extractor in (DEFAULT, STRICT)
        for post in (*EVERY_POST, *FRESH)
    ]
    digest = hashlib.sha256(orjson.dumps(outputs, option=orjson.OPT_SORT_KEYS)).hexdigest()
    assert digest == rules.OUTPUTS_DIGEST, (
        f"outputs differ from those of revision {rules.REVISION}: raise REVISION in rules/revision.py, set "
        f"OUTPUTS_DIGEST to {digest}, and give the files in pipelines/ new names and the new revision"
    )


HOSTILE = {
    "one letter": "a" * 100_000,
    "digits": "1" * 200_000,
    "nested brackets": "([" * 5_000 + "])" * 5_000,
    "line breaks": "\n" * 200_000,
    "labels": "Rate: 3\n" * 20_000,
    "unknown labels": "a:\n" * 20_000,
    "right to left": "\u202e\u200b" * 50_000 + "قيمة: ١٢ שלום",
    "spaces": " " * 200_000,
    "commas": "P3 Math, " * 20_000,
    "dashes": "P3 - " * 20_000,
    "money": "$1-" * 50_000,
    "days": "Mon 3pm, " * 20_000,
    "emoji": "🔥" * 100_000,
    "stations": "MRT " * 50_000,
    "links": "http://maps/" + "1" * 100_000,
    "sentences": "A. " * 40_000,
    "open brackets": "P3 math $30/hr Mon 3pm " + "(to " * 3_000,
    "postal codes": "P3 math $30/hr Mon 3pm @ " + "123456 " * 2_000,
    "codes": "".join(f"P3 Math @ Bishan $30/hr #A{number:04d}\n" for number in range(400)),
    "labels in a line": "Rate: 3 Time: 4 " * 10_000,
    "closed codes": "A12 closed, t.me/a/1 " * 10_000,
    "tiers": "Code: A1\nSubject: P3 Math\nRate: " + "PT: $30 / FT: $40 / " * 500,
    "paragraphs": "Subject: P3 Maths\nRate: $30\nTime: Mon 3pm\n\n" * 200,
    "growing letters": "İ" * 10_000 + "P3 Math $30/hr Mon 3pm",
    "lone surrogates": "\ud800P3 Math $30/hr Mon 3pm",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_gives_an_outcome_and_the_same_one_every_time(text: str) -> None:
    assert DEFAULT.extract(text) == DEFAULT.extract(text)
    assert DEFAULT.extract(text) == DEFAULT.extract(text[: MAX_CHARACTERS * 2])


PIECES = st.sampled_from(
    [
        "Code: AB123",
        "Subject: P3 Maths",
        "Location: Blk 5 Kim Tian Road S160005",
        "Remarks:",
        "- patient tutor",
        "Rate - $30-40/hr",
        "Budget per hour: 35",
        "Fee (1.5h): $60",
        "Time: Mon 3-5pm, Sat after 2pm",
        "Start: 5 Jan 2027",
        "Nearest MRT: Bishan / Dakota",
        "Frequency: weekly",
        "Duration: 2h",
        "Sec 4 Chemistry @ Punggol, $50/h, once a week (#CH4410)",
        "Lessons are online. Start ASAP.",
        "",
        "🔹",
        "(S)597112",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=14).map("\n".join),
)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", normalise(text)).lower()


def texts_of(assignment: Assignment) -> Iterator[str]:
    for text in (
        assignment.assignment_code,
        assignment.academic_display_text,
        assignment.learning_mode.raw_text,
        assignment.start_date,
        assignment.rate.raw_text,
    ):
        yield from [text] if text else []
    for texts in (
        assignment.address,
        assignment.postal_code,
        assignment.nearest_mrt,
        assignment.lesson_schedule,
    ):
        yield from texts or ()
    for note in (assignment.additional_remarks, assignment.time_availability.note):
        yield from (note or "").split("\n")


@given(text=TEXTS)
@example(text="Fee (per hour) -\n40\nSubject: Maths\nCode: A1")
def test_no_text_raises_and_every_text_field_is_in_the_post(text: str) -> None:
    outcome = DEFAULT.extract(text)
    if isinstance(outcome, Extracted):
        for segment in outcome.segments:
            for piece in texts_of(segment):
                assert squeezed(piece) in squeezed(text)
            for code in segment.postal_code or ():
                assert re.fullmatch(r"[0-9]{6}", code)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [({"labeled_only": True}, "labeled_only"), ({"labelled_only": "yes"}, "labelled_only")],
)
def test_a_parameter_that_is_unknown_or_no_boolean_is_refused(
    parameters: dict[str, object], named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        rules.build(parameters)
