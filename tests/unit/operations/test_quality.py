"""Verdicts over what the store reports."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tutordex_dagster.extraction.contract import Assignment, Extracted
from tutordex_dagster.operations.quality import (
    coverage_gaps,
    invalid_results,
    none_of,
    silent_channels,
    too_many_failures,
)
from tutordex_dagster.store.coverage import ChannelCoverage
from tutordex_dagster.windows import HOUR, Window

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def channel(**known: Any) -> ChannelCoverage:  # noqa: ANN401 - fields of the record
    unknown: dict[str, Any] = {
        "channel_id": 1,
        "reference": "t.me/alpha",
        "newest_message_at": NOW,
        "first_hour": NOW,
        "sealed": 1,
        "open": 0,
        "failed": 0,
        "missing": 0,
        "gaps": (),
        "messages": 1,
    }
    return ChannelCoverage(**{**unknown, **known})


@pytest.mark.parametrize(("share", "passed"), [(0.0, True), (0.2, True), (0.21, False), (1.0, False)])
def test_failures_are_judged_against_the_limit_which_is_still_allowed(share: float, *, passed: bool) -> None:
    assert too_many_failures(share, 0.2, version="rules").passed is passed


def test_a_gap_is_named_with_its_channel_and_window() -> None:
    gap = Window(NOW, NOW + 2 * HOUR)
    finding = coverage_gaps([channel(), channel(reference="t.me/beta", missing=2, gaps=(gap,))])

    assert not finding.passed
    assert finding.summary == "2 hours are missing"
    assert [(row["channel"], row["since"]) for row in finding.rows] == [("t.me/beta", NOW)]


def test_channels_without_gaps_pass() -> None:
    assert coverage_gaps([channel()]).passed


@pytest.mark.parametrize(
    ("newest", "passed"),
    [(NOW, True), (NOW - timedelta(hours=24), True), (NOW - timedelta(hours=25), False), (None, False)],
)
def test_a_channel_is_silent_when_its_newest_message_is_too_old(
    newest: datetime | None, *, passed: bool
) -> None:
    finding = silent_channels([channel(newest_message_at=newest)], now=NOW, limit=timedelta(hours=24))

    assert finding.passed is passed


def test_a_result_of_another_shape_is_named() -> None:
    good = Extracted(kind="assignment", segments=(Assignment(),)).model_dump(mode="json")
    finding = invalid_results([(1, good), (2, {**good, "segments": []}), (3, {**good, "surprise": 1})])

    assert not finding.passed
    assert [(row["raw_id"], row["field"]) for row in finding.rows] == [(2, "segments"), (3, "surprise")]
    assert finding.summary == "2 of 3 results have another shape"


def test_what_must_not_be_found_is_listed() -> None:
    assert none_of([], what="codes are open twice").passed
    assert none_of([{"code": "A1"}], what="codes are open twice").summary == "1 codes are open twice"
