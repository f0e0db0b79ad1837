"""Posts in styles nobody wrote rules for: every field of the score, filled or empty."""

from typing import Any

import pytest

from tests.unit.extraction.test_extractor import FRESH
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import Extracted, TierRate, WeekSlots

SCORED = (
    "assignment_code",
    "academic_display_text",
    "learning_mode.mode",
    "address",
    "postal_code",
    "nearest_mrt",
    "lesson_schedule",
    "start_date",
    "rate.min",
    "rate.max",
    "rate.raw_text",
    "additional_remarks",
    *(
        f"time_availability.{kind}.{day}"
        for kind in ("explicit", "estimated")
        for day in WeekSlots.model_fields
    ),
)


def value_at(record: dict[str, Any], path: str) -> object:
    value: Any = record
    for key in path.split("."):
        value = value[key]
    if path == "rate_breakdown":
        return [tier_text(TierRate.model_validate(tier)) for tier in value]
    return value


def tier_text(tier: TierRate) -> str:
    return f"{tier.tutor_type}: {tier.min:g}-{tier.max:g}"


def judged(post: dict[str, Any]) -> set[str]:
    unjudged = set(post.get("unjudged", ()))
    fields = {path for path in SCORED if not unjudged & {path, path.split(".", maxsplit=1)[0]}}
    return fields | set(post["expected"])


@pytest.mark.parametrize("post", [pytest.param(post, id=post["style"]) for post in FRESH])
def test_a_post_in_an_unknown_style_is_read_whole_and_nothing_is_added(post: dict[str, Any]) -> None:
    outcome = rules.build({}).extract(post["text"])
    assert isinstance(outcome, Extracted)
    found = outcome.segments[0].model_dump(mode="json")
    got = {path: value_at(found, path) for path in judged(post)}
    assert {path: value for path, value in got.items() if value not in (None, [])} == post["expected"]
