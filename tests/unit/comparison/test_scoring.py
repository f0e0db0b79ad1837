"""Scores of outcomes against labels."""

from pathlib import Path

import pytest

from tutordex_dagster.comparison.scoring import (
    SCORED,
    FieldScore,
    Judged,
    disagreements,
    score,
    score_by_agency,
    verdicts,
)
from tutordex_dagster.extraction.contract import (
    Assignment,
    Closing,
    Extracted,
    LearningMode,
    Outcome,
    Rate,
    Skipped,
    TierRate,
    TimeAvailability,
    WeekSlots,
)
from tutordex_dagster.extraction.gold import GoldPost, load_gold

NOTHING = {"labelled": 0, "found": 0, "wrong": 0, "missing": 0, "invented": 0}


def post(expected: Outcome, *, agency: str = "Someone", number: int = 1) -> GoldPost:
    return GoldPost(agency=agency, number=number, text="P3 Maths", expected=expected)


def several(*segments: Assignment) -> Extracted:
    kind = "assignment" if len(segments) == 1 else "compilation"
    return Extracted.model_validate({"kind": kind, "segments": segments})


def judged(expected: Assignment, given: Assignment) -> Judged:
    return [(post(several(expected)), several(given))]


def scored(pairs: Judged, field: str) -> FieldScore:
    return next(each for each in score(pairs) if each.field == field)


def counts(pairs: Judged, field: str) -> dict[str, int]:
    found = scored(pairs, field)
    return {name: getattr(found, name) for name in NOTHING if getattr(found, name)}


FULL = Assignment(
    assignment_code="AB12",
    academic_display_text="P3 Maths",
    learning_mode=LearningMode(mode="Online"),
    address=("Blk 5 Kim Tian Road",),
    postal_code=("160005",),
    nearest_mrt=("Tiong Bahru",),
    lesson_schedule=("once a week", "2 hours"),
    start_date="next week",
    rate=Rate(min=30, max=40, raw_text="$30-40/h"),
    rate_breakdown=(TierRate(tutor_type="Graduate", min=30, max=40, raw_text="grads $30-40"),),
    additional_remarks="patient tutor please",
    time_availability=TimeAvailability(explicit=WeekSlots(monday=("15:00-16:00",))),
    subjects=("Mathematics",),
    levels=("Primary 3",),
    streams=("Foundation",),
    tutor_types=("Graduate",),
)


def test_the_labels_themselves_score_full_marks_in_every_field() -> None:
    gold = load_gold(Path("tests/data/gold"))
    own: Judged = [(each, each.expected) for each in gold.posts]
    assert {each.field: each.score for each in score(own)} == {field.name: 1.0 for field in SCORED}
    assert all(each.labelled == each.found for each in score(own))


def test_no_answer_at_all_scores_nothing_in_a_labelled_field() -> None:
    none = score([(post(several(FULL)), None)])
    labelled = [each for each in none if each.labelled]
    assert {each.field for each in none} - {each.field for each in labelled} == {"closes"}
    assert {each.score for each in labelled} == {0}
    assert all(each.missing == each.labelled for each in labelled)


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ({"assignment_code": "AB-12"}, {"assignment_code": "#ab-12"}),
        ({"academic_display_text": "Sec 3 E Maths at home"}, {"academic_display_text": "sec 3 e maths home"}),
        ({"nearest_mrt": ("Bishan MRT",)}, {"nearest_mrt": ("bishan",)}),
        ({"subjects": ("Chemistry", "Physics")}, {"subjects": ("Physics", "Chemistry")}),
        ({"lesson_schedule": ("once a week", "2 hours")}, {"lesson_schedule": ("once a week, 2 hours",)}),
        ({"rate": Rate(min=30, max=30, raw_text="$30")}, {"rate": Rate(min=30.0, max=30.0, raw_text="$30")}),
    ],
)
def test_values_that_say_the_same_agree(expected: dict[str, object], given: dict[str, object]) -> None:
    pairs = judged(Assignment.model_validate(expected), Assignment.model_validate(given))
    assert [each for each in verdicts(pairs) if each.ruling != "right"] == []


@pytest.mark.parametrize(
    ("field", "expected", "given", "count"),
    [
        ("assignment_code", {"assignment_code": "AB12"}, {"assignment_code": "AB123"}, {"wrong": 1}),
        ("postal_code", {"postal_code": ("160005",)}, {"postal_code": ("160006",)}, {"wrong": 1}),
        ("start_date", {"start_date": "next week"}, {"start_date": "in one month"}, {"wrong": 1}),
        ("start_date", {"start_date": "next week"}, {}, {"missing": 1}),
        ("subjects", {"subjects": ("Physics",)}, {"subjects": ("Physics", "Art")}, {"wrong": 1}),
        ("rate.min", {"rate": Rate(min=30)}, {"rate": Rate(min=31)}, {"wrong": 1}),
        ("status", {"status": "closed"}, {"status": "open"}, {"wrong": 1}),
    ],
)
def test_values_that_do_not_are_wrong_or_missing(
    field: str, expected: dict[str, object], given: dict[str, object], count: dict[str, int]
) -> None:
    pairs = judged(Assignment.model_validate(expected), Assignment.model_validate(given))
    assert counts(pairs, field) == {"labelled": 1, **count}
    assert scored(pairs, field).score == 0


def test_a_value_nobody_stated_is_invented() -> None:
    pairs = judged(Assignment(), Assignment(start_date="soon"))
    assert counts(pairs, "start_date") == {"invented": 1}
    assert scored(pairs, "start_date").score == 0


def test_an_unstated_field_that_stays_empty_is_right_but_nothing_found() -> None:
    assert counts(judged(Assignment(), Assignment()), "start_date") == {}
    assert scored(judged(Assignment(), Assignment()), "start_date").score == 1


def test_slots_score_by_f1_so_that_half_a_week_is_worth_something() -> None:
    labelled = TimeAvailability(explicit=WeekSlots(monday=("15:00-16:00",), friday=("15:00-16:00",)))
    given = TimeAvailability(
        explicit=WeekSlots(monday=("15:00-16:00",)), estimated=WeekSlots(friday=("15:00-16:00",))
    )
    pairs = judged(Assignment(time_availability=labelled), Assignment(time_availability=given))
    expected = {"labelled": 2, "found": 1, "missing": 1, "invented": 1}
    assert counts(pairs, "time_availability") == expected
    assert scored(pairs, "time_availability").score == pytest.approx(0.5)


def test_assignments_of_a_compilation_are_paired_by_code_whatever_their_order() -> None:
    one, two = Assignment(assignment_code="A1", start_date="May"), Assignment(assignment_code="A2")
    assert [v for v in verdicts([(post(several(one, two)), several(two, one))]) if v.ruling != "right"] == []


def test_a_segment_too_few_is_missing_and_one_too_many_is_invented() -> None:
    one, two = Assignment(assignment_code="A1"), Assignment(assignment_code="A2")
    few, many = [(post(several(one, two)), several(two))], [(post(several(two)), several(two, one))]
    assert counts(few, "assignment_code") == {"labelled": 2, "found": 1, "missing": 1}
    assert counts(many, "assignment_code") == {"labelled": 1, "found": 1, "invented": 1}
    assert scored(few, "outcome").score == 0


def test_an_assignment_read_out_of_a_promo_is_wrong_and_its_fields_are_invented() -> None:
    pairs: Judged = [(post(Skipped(reason="promo")), several(Assignment(assignment_code="A1")))]
    assert counts(pairs, "outcome") == {"labelled": 1, "wrong": 1}
    assert counts(pairs, "assignment_code") == {"invented": 1}


def test_a_status_post_is_scored_by_what_it_closes() -> None:
    label = post(Skipped(reason="status", closes=Closing(codes=("A1", "A2"))))
    assert counts([(label, label.expected)], "closes") == {"labelled": 1, "found": 1}
    assert counts([(label, Skipped(reason="status"))], "closes") == {"labelled": 1, "missing": 1}
    half = Skipped(reason="status", closes=Closing(codes=("A2",)))
    assert counts([(label, half)], "closes") == {"labelled": 1, "wrong": 1}


def test_agencies_are_listed_with_the_hardest_first() -> None:
    easy = [(post(several(FULL), agency="Easy", number=n), several(FULL)) for n in (1, 2)]
    hard = [(post(several(FULL), agency="Hard"), None)]
    found = score_by_agency([*easy, *hard])
    assert list(found) == ["Hard", "Easy"]
    assert found["Easy"] == (2, 1.0)


def test_disagreements_name_the_post_and_both_values() -> None:
    pairs = [
        *judged(Assignment(start_date="May"), Assignment(start_date="May")),
        (post(several(Assignment(start_date="May")), number=2), several(Assignment(start_date="June"))),
    ]
    (found,) = disagreements(pairs, "start_date")
    assert (found.post.name, found.ruling) == ("Someone 2", "wrong")
    assert (found.expected, found.given) == ("May", "June")
