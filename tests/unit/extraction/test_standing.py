"""Whether an assignment is still open."""

import pytest

from tutordex_dagster.extraction.contract import Extracted
from tutordex_dagster.extraction.rules import build
from tutordex_dagster.extraction.rules.standing import labelled_status, marked_closed

DEFAULT = build({})
REST = "Primary 2 English\nLocation: Bedok\nRate: $30/hr\nTime: Mon 5pm"
POST = f"Code: KC123\n{REST}"


def status(text: str) -> str:
    outcome = DEFAULT.extract(text)
    assert isinstance(outcome, Extracted)
    return outcome.segments[0].status


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Open", "open"),
        ("🟢 Available", "open"),
        ("Taken", "closed"),
        ("🔴", "closed"),
        ("❌ Not available", "closed"),
        ("No longer available", "closed"),
        ("Closed. Please apply for other assignments", "closed"),
        ("Not taken", "open"),
        ("not filled yet", "open"),
        ("Available, 1 of 2 slots taken", "open"),
        ("1 of 2 slots taken", "open"),
        ("2 of 2 slots taken", "closed"),
        ("Open until filled", "open"),
        ("Urgent", "open"),
    ],
)
def test_a_status_is_what_its_first_telling_clause_says(value: str, expected: str) -> None:
    assert labelled_status(value) == expected


@pytest.mark.parametrize(
    ("line", "closed"),
    [
        ("[CLOSED] P5 Maths", True),
        ("❌ FILLED ❌", True),
        ("P5 Maths has been taken", True),
        ("This assignment is no longer available", True),
        ("Closed question papers", False),
        ("The previous tutor was matched elsewhere", False),
        ("First come first served until it is filled", False),
        ("P5 Maths was taken, now open again", False),
    ],
)
def test_a_mark_before_the_headline_closes(line: str, *, closed: bool) -> None:
    assert marked_closed(line) is closed


@pytest.mark.parametrize(
    "text",
    [
        f"[CLOSED] {POST}",
        f"[TAKEN] {POST}",
        f"**FILLED** {POST}",
        f"Closed - {POST}",
        f"[Taken] {POST}",
        f"CLOSED: {REST}",
        f"ASSIGNMENT CLOSED\n{POST}",
        f"Assignment taken, thanks.\n{POST}",
        f"{POST}\n\nCLOSED",
        f"{POST}\n❌ Taken",
        f"{POST}\n[Filled]",
        f"{POST}\n#closed",
        f"{POST}\nBe kind\nBe punctual\nBe patient\nAssignment closed.",
        f"{POST}\nRemarks: female tutor\nCLOSED",
        f"{POST}\nTutor: female\nTAKEN, thanks all!",
    ],
)
def test_a_mark_closes_wherever_it_stands(text: str) -> None:
    assert status(text) == "closed"


@pytest.mark.parametrize(
    "text",
    [
        POST,
        f"{POST}\nStatus: Not taken",
        f"{POST}\nRemarks: must have taken A levels",
        f"{POST}\nStart:\nConfirmed",
        f"Assigned {POST}",
        f"ASSIGNED CODE: KC123\n{REST}",
        f"Not taken yet!\n{POST}",
        f"This is a new assignment. Last tutor was matched but quit.\n{POST}",
        f"{POST}\nWe mark posts CLOSED once they are filled",
    ],
)
def test_words_about_something_else_close_nothing(text: str) -> None:
    assert status(text) == "open"


def test_a_mark_below_remarks_is_none_of_them() -> None:
    outcome = DEFAULT.extract(f"{POST}\nRemarks: female tutor\nCLOSED")
    assert isinstance(outcome, Extracted)
    assert outcome.segments[0].additional_remarks == "female tutor"
