"""The arithmetic of pacing: windows, flood waits, recovery, and what a dead process leaves behind."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.resilience.pacing import (
    CLAIM,
    UNLIMITED,
    Pace,
    PacePolicy,
    after_call,
    after_flood,
    claimed,
    next_call_at,
    recovered,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
POLICY = PacePolicy(calls=10, window=30 * SECOND)


def pace(*ends: float, allowed: float = 10, flooded_until: datetime | None = None) -> Pace:
    recent = tuple(NOW + end * SECOND for end in ends)
    return Pace(recent=recent, allowed=allowed, flooded_until=flooded_until, changed_at=NOW - MINUTE)


def test_calls_follow_each_other_at_once_until_the_window_is_full() -> None:
    assert next_call_at(pace(*range(-9, 0)), POLICY, NOW) == NOW
    assert next_call_at(pace(*range(-10, 0)), POLICY, NOW) == NOW + 20 * SECOND


def test_when_fewer_are_allowed_than_were_made_several_have_to_leave_the_window() -> None:
    assert next_call_at(pace(*range(-10, 0), allowed=8.9), POLICY, NOW) == NOW + 22 * SECOND


@given(ends=st.lists(st.floats(-60, 0), max_size=25), allowed=st.floats(1, 10))
def test_the_next_call_finds_room_in_the_window_and_no_earlier_one_would(
    ends: list[float], allowed: float
) -> None:
    before = pace(*ends, allowed=allowed)
    at = next_call_at(before, POLICY, NOW)

    def room(instant: datetime) -> bool:
        return sum(end > instant - POLICY.window for end in before.recent) + 1 <= allowed

    assert at >= NOW
    assert room(at)
    assert at == NOW or not room(at - timedelta(microseconds=1))


def test_only_calls_within_the_window_are_remembered() -> None:
    after = after_call(pace(-31, -30, -29.9, -1), POLICY, NOW)
    assert after.recent == (NOW - 29.9 * SECOND, NOW - SECOND, NOW)


def test_a_flood_wait_stops_all_calls_for_its_full_time_and_allows_fewer_afterwards() -> None:
    flooded = after_flood(pace(), POLICY, NOW, 47)
    assert next_call_at(flooded, POLICY, NOW) == NOW + 47 * SECOND
    assert next_call_at(flooded, POLICY, NOW + 50 * SECOND) == NOW + 50 * SECOND
    assert flooded.allowed == 8


def test_a_shorter_flood_wait_does_not_end_a_longer_one() -> None:
    flooded = after_flood(after_flood(pace(), POLICY, NOW, 100), POLICY, NOW + SECOND, 2)
    assert flooded.flooded_until == NOW + 100 * SECOND


def test_a_flood_wait_without_seconds_is_waited_for_all_the_same() -> None:
    assert after_flood(pace(), POLICY, NOW, 0).flooded_until == NOW + SECOND


def test_however_many_flood_waits_one_call_per_window_stays_allowed() -> None:
    flooded = pace()
    for _ in range(50):
        flooded = after_flood(flooded, POLICY, NOW, 1)
    assert flooded.allowed == 1


def test_every_ten_quiet_minutes_allow_one_call_more_up_to_the_limit() -> None:
    flooded = after_flood(pace(), POLICY, NOW, 60)
    over = NOW + MINUTE
    allowed = [
        recovered(flooded, POLICY, over + minutes * MINUTE).allowed for minutes in (0, 9.9, 10, 19, 20, 600)
    ]
    assert allowed == [8, 8, 9, 9, 10, 10]


@given(cuts=st.lists(st.floats(0, 45), max_size=12).map(sorted))
def test_recovery_does_not_depend_on_how_often_it_is_looked_at(cuts: list[float]) -> None:
    flooded = after_flood(pace(allowed=5), POLICY, NOW, 1)
    looked = flooded
    for minutes in cuts:
        looked = recovered(looked, POLICY, NOW + minutes * MINUTE)
    end = NOW + 45 * MINUTE
    assert recovered(looked, POLICY, end).allowed == recovered(flooded, POLICY, end).allowed


def test_a_lower_configured_limit_holds_at_once() -> None:
    lower = PacePolicy(calls=4, window=POLICY.window)
    assert next_call_at(pace(-4, -3, -2, -1), lower, NOW) == NOW + 26 * SECOND


def test_a_method_without_limit_waits_for_flood_waits_only() -> None:
    free = Pace(recent=(NOW,) * 1000, allowed=math.inf, changed_at=NOW)
    assert next_call_at(free, UNLIMITED, NOW) == NOW
    flooded = after_flood(free, UNLIMITED, NOW, 5)
    assert next_call_at(flooded, UNLIMITED, NOW) == NOW + 5 * SECOND
    assert flooded.allowed == math.inf
    assert claimed(flooded, UNLIMITED, NOW) == flooded


def test_a_claim_leaves_no_room_until_all_that_may_still_be_made_has_left_the_window() -> None:
    stored = claimed(pace(-1), POLICY, NOW)
    assert next_call_at(stored, POLICY, NOW + SECOND) == NOW + CLAIM + POLICY.window


def test_a_clock_that_was_set_back_does_not_stop_calls_for_as_long() -> None:
    ahead = pace(*(3600 + n for n in range(10)))
    assert next_call_at(ahead, POLICY, NOW) == NOW


@pytest.mark.parametrize("calls", [1, 2, 10])
def test_the_first_call_ever_begins_at_once(calls: int) -> None:
    policy = PacePolicy(calls=calls, window=POLICY.window)
    assert next_call_at(Pace(allowed=calls, changed_at=NOW), policy, NOW) == NOW
