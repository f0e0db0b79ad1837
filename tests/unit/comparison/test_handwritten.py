"""What a person may write for a field, and that nothing else becomes a label."""

from typing import Any

import pytest

from tutordex_dagster.comparison.fields import BY_NAME
from tutordex_dagster.comparison.handwritten import read, read_all
from tutordex_dagster.errors import UsageError


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("rate.min", " $35 ", 35.0),
        ("rate.min", "none", None),
        ("subjects", "Maths; Science;", ["Maths", "Science"]),
        ("start_date", "'-ASAP", "-ASAP"),
        ("learning_mode.mode", "face-to-face", "face-to-face"),
        (
            "time_availability",
            '{"explicit": {"monday": ["16:00-18:00"]}}',
            {"explicit": {"monday": ["16:00-18:00"]}},
        ),
        (
            "rate_breakdown",
            '[{"tutor_type": "Part-time", "min": 30}]',
            [{"tutor_type": "Part-time", "min": 30.0}],
        ),
    ],
)
def test_a_person_writes_values_plainly(field: str, text: str, value: Any) -> None:  # noqa: ANN401
    assert read(BY_NAME[field], text) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("rate.min", "'forty'"),
        ("rate.min", "'nan'"),
        ("learning_mode.mode", "'F2F'"),
        ("status", "'taken'"),
        ("time_availability", "'monday'"),
    ],
)
def test_what_is_no_value_of_a_field_is_refused_with_a_next_step(field: str, text: str) -> None:
    with pytest.raises(UsageError, match=rf"{field}: {text}: is no .*; .+"):
        read(BY_NAME[field], text.strip("'"))


@pytest.mark.parametrize(
    ("field", "text", "place"),
    [
        ("time_availability", '"Mon 5pm"', ""),
        ("time_availability", "5", ""),
        ("time_availability", "[]", ""),
        ("time_availability", '{"explicit": ["mon 10:00"]}', "explicit: "),
        ("time_availability", '{"explicit": {"monday": "10:00-12:00"}}', "explicit: monday: "),
        ("time_availability", '{"explicit": {"monday": ["5pm"]}}', "Value error, monday has '5pm'"),
        ("time_availability", '{"monday": ["10:00-12:00"]}', "monday: "),
        ("rate_breakdown", '[{"min": 3}]', "0: tutor_type: "),
        ("rate_breakdown", '[{"tutor_type": "PT", "min": "thirty"}]', "0: min: "),
        ("rate_breakdown", '{"tutor_type": "PT"}', ""),
        ("rate_breakdown", "5", ""),
    ],
)
def test_json_of_another_shape_is_refused_with_the_place_and_an_example(
    field: str, text: str, place: str
) -> None:
    with pytest.raises(UsageError, match=rf"^{field}: .*: is no .+ \({place}.+\); write [\[{{].+, or none$"):
        read(BY_NAME[field], text)


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [
        ("rate.min", "[35, null]", (35.0, None)),
        ("subjects", '[["Maths"], ["Science", "Physics"]]', (["Maths"], ["Science", "Physics"])),
        ("address", '["Blk 1", ["Blk 2", "Blk 3"]]', ("Blk 1", ["Blk 2", "Blk 3"])),
        ("rate_breakdown", '[[{"tutor_type": "PT"}], []]', ([{"tutor_type": "PT"}], [])),
        ("start_date", "None", (None,)),
    ],
)
def test_a_post_with_two_assignments_takes_a_list_of_two_or_none(
    field: str, text: str, values: tuple[Any, ...]
) -> None:
    assert read_all(BY_NAME[field], text, found={2}) == values


@pytest.mark.parametrize(
    ("field", "text"),
    [("rate.min", "35"), ("subjects", "Maths; Science"), ("rate.min", "[35, 40, 45]"), ("start_date", '["')],
)
def test_one_value_for_two_assignments_is_refused(field: str, text: str) -> None:
    with pytest.raises(UsageError, match="is no JSON list of 1 or 2 values, one for each assignment"):
        read_all(BY_NAME[field], text, found={1, 2})


def test_a_value_in_the_list_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageError, match="subjects: 'Maths': is no list"):
        read_all(BY_NAME["subjects"], '["Maths", "Science"]', found={2})


def test_where_the_versions_disagree_on_the_number_the_list_says_which_is_right() -> None:
    assert read_all(BY_NAME["start_date"], '["ASAP"]', found={1, 2}) == ("ASAP",)


@pytest.mark.parametrize("found", [set(), {0}, {1}, {0, 1}])
def test_a_post_with_one_assignment_takes_the_value_itself(found: set[int]) -> None:
    assert read_all(BY_NAME["rate.min"], "35", found=found) == (35.0,)
