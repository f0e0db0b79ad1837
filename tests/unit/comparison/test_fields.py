"""When two values of a field say the same, and how they are shown."""

from typing import Any

import pytest

from tutordex_dagster.comparison.cells import safe, shown
from tutordex_dagster.comparison.fields import BY_NAME, FIELDS
from tutordex_dagster.extraction.contract import Assignment


def agree(name: str, left: Any, right: Any) -> bool:  # noqa: ANN401
    field = BY_NAME[name]
    return field.agrees(field.key(left), field.key(right))


@pytest.mark.parametrize(
    ("field", "left", "right"),
    [
        ("assignment_code", "#T 12a", "t12A"),
        ("learning_mode.mode", "Online", "online"),
        ("postal_code", ["570010", "570011"], ["570011", "570010"]),
        ("rate.min", 40, 40.0),
        ("rate.min", 0.0, 0),
        ("nearest_mrt", ["Bishan MRT"], ["near Bishan station"]),
        ("address", ["Blk 10 Bishan Street 12"], ["blk 10 bishan street 12."]),
        ("additional_remarks", "patient tutor who gives homework", "patient tutor who gives some homework"),
        ("subjects", ["Maths", "Science"], ["science", "maths"]),
        ("start_date", "", None),
        ("address", [], None),
        ("time_availability", {"explicit": {"monday": []}, "estimated": {}, "note": "any"}, None),
        (
            "rate_breakdown",
            [{"tutor_type": "Part-time", "min": 30, "raw_text": "PT 30"}],
            [{"tutor_type": "part-time", "min": 30.0, "max": None, "raw_text": "$30 PT"}],
        ),
    ],
)
def test_values_that_say_the_same_agree(field: str, left: Any, right: Any) -> None:  # noqa: ANN401
    assert agree(field, left, right)
    assert agree(field, right, left)


@pytest.mark.parametrize(
    ("field", "left", "right"),
    [
        ("assignment_code", "T12", "T13"),
        ("assignment_code", "T12", None),
        ("postal_code", ["570010"], ["570010", "570011"]),
        ("rate.min", 40, 45),
        ("rate.min", 0, None),
        ("start_date", "ASAP", "1 March"),
        ("subjects", ["Maths"], ["Maths", "Science"]),
        (
            "time_availability",
            {"explicit": {"monday": ["16:00-18:00"]}},
            {"estimated": {"monday": ["16:00-18:00"]}},
        ),
    ],
)
def test_values_that_say_different_things_do_not(field: str, left: Any, right: Any) -> None:  # noqa: ANN401
    assert not agree(field, left, right)
    assert not agree(field, right, left)


def test_as_many_assignments_have_to_be_found() -> None:
    field = BY_NAME["assignment_code"]
    assert field.all_agree(("t1", "t2"), ("t1", "t2"))
    assert not field.all_agree(("t1",), ("t1", "t2"))
    assert field.all_agree((None,), (None, None))


def test_every_field_is_one_of_the_contract() -> None:
    empty = Assignment().model_dump(mode="json")
    for field in FIELDS:
        first, _, rest = field.name.partition(".")
        assert first in empty
        assert not rest or rest in empty[first]


@pytest.mark.parametrize("text", ["=1+1", "+65", "-ASAP", "@home", "\tx", "\rx", "\n=1+1", " =1"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert safe(f"a{text}") == f"a{text}"
    assert safe("\nT5") == "\nT5"


def test_values_are_shown_for_people() -> None:
    assert shown(["ASAP", None]) == "ASAP\n"
    assert shown([["Maths", "Science"]]) == "Maths; Science"
    assert shown([40.0]) == "40"
    assert shown([{"explicit": {"monday": ["16:00-18:00"], "tuesday": []}, "note": None}]) == (
        '{"explicit":{"monday":["16:00-18:00"]}}'
    )
