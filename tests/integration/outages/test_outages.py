"""Outages: what happened while nobody looked, and while the gap was being closed, is stored in the end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf

import pytest
from telethon.tl.functions.messages import GetHistoryRequest

from tests.acceptance.life import Life, stored_differs
from tests.integration.outages.conftest import MakeDeployment
from tests.integration.outages.world import ALPHA, BETA, NAMES, Run
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.windows import HOUR, hour_of

MINUTE = timedelta(minutes=1)
FAILED = "SELECT count(*) FROM channel_hours WHERE state = 'failed'"


def slices_of_gaps(runs: Sequence[Run]) -> list[Run]:
    """Return the catchup's runs that were to close a gap, not to look again where nothing was missing."""
    return [run for run in runs if run.sensor == "catchup" and oldest_gap(run)]


def oldest_gap(run: Run) -> datetime | None:
    """Return the oldest hour that was missing when the run began; the last one is left to the seal sensor."""
    return next((hour for _, hour in run.gaps if hour < hour_of(run.at) - HOUR), None)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_outage_and_another_one_in_the_middle_of_the_catchup_lose_nothing(
    make: MakeDeployment, telegram: LoopbackTelegram, seed: int
) -> None:
    deployment = make(recovery_catchup_chunk_hours=1)
    life = Life(telegram=telegram, names=NAMES, seed=seed)
    deployment.live(life, 2 * HOUR, every=8 * MINUTE)
    deployment.settle()

    deployment.go_down()
    deployment.live(life, 6 * HOUR, every=6 * MINUTE)
    first_target = deployment.target
    with deployment.life_while_read(life):
        caught_up: list[Run] = []
        for _ in range(10):
            caught_up += deployment.round() if len(slices_of_gaps(caught_up)) < 2 else []
    telegram.on(GetHistoryRequest, fault(close=True), times=inf)
    deployment.tick("extract_rules")
    broken_off = slices_of_gaps(deployment.tick("catchup"))
    deployment.go_down()
    telegram.clear_faults()
    deployment.live(life, 3 * HOUR, every=6 * MINUTE)
    caught_up += deployment.settle()

    assert deployment.wrong() == []
    assert [run.success for run in broken_off] == [False]
    assert deployment.sql(FAILED) == [(0,)]
    slices = slices_of_gaps(caught_up)
    assert slices[1].at < slices[-1].at - 3 * HOUR, "it was in the middle"
    for run in slices:
        assert run.window.since <= (oldest_gap(run) or run.at) < run.window.until
        assert run.window.until - run.window.since <= 2 * HOUR, "an hour, and the one the overlap begins in"
    assert [run.window.since for run in slices] == sorted(run.window.since for run in slices)
    assert slices[-1].window.until > first_target + HOUR
    assert deployment.snapshot()["target_iso"] == deployment.target.isoformat()


def test_what_telegram_no_longer_tells_after_an_outage_is_found_by_reading_again(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    deployment = make()
    life = Life(telegram=telegram, names=NAMES, seed=3)
    deployment.live(life, 5 * HOUR, every=5 * MINUTE)
    deployment.settle()

    deployment.go_down()
    deployment.live(life, 3 * HOUR, every=3 * MINUTE)
    for name in NAMES:
        telegram.forget_log(name)
    deployment.round("tail")
    assert stored_differs(deployment, telegram, NAMES), "nothing of what is tested here has happened"
    deployment.settle()

    assert deployment.wrong() == []


def test_edits_and_deletions_of_the_running_hour_that_telegram_no_longer_tells_are_found_at_once(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    deployment = make()
    edited, deleted, kept = (telegram.post(ALPHA, f"Post {number}") for number in range(3))
    deployment.settle()
    deployment.clock.advance(5 * MINUTE)
    telegram.edit(ALPHA, edited, "Edited", push=False)
    telegram.delete(ALPHA, deleted, push=False)
    telegram.forget_log(ALPHA)

    deployment.round("tail")

    assert telegram.truth(ALPHA) == {edited: "Edited", kept: "Post 2"}
    assert stored_differs(deployment, telegram, NAMES) is None


def test_a_channel_that_is_private_during_the_catchup_holds_up_no_other_and_loses_nothing(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    deployment = make(recovery_catchup_chunk_hours=2)
    life = Life(telegram=telegram, names=NAMES, seed=4)
    deployment.live(life, 2 * HOUR, every=8 * MINUTE)
    deployment.settle()
    deployment.go_down()
    deployment.live(life, 5 * HOUR, every=6 * MINUTE)

    telegram.private(BETA)
    deployment.settle()
    assert deployment.wrong([ALPHA]) == []
    assert {name for name, _ in deployment.gaps()} == {BETA}
    deployment.live(life, 0.5 * HOUR, every=3 * MINUTE)

    telegram.private(BETA, private=False)
    deployment.settle()
    assert BETA in {name for name, _ in deployment.gaps()}, "what failed for good is left alone for an hour"
    deployment.live(life, HOUR, every=6 * MINUTE)
    deployment.settle()
    assert deployment.wrong() == []


def test_a_channel_that_is_readable_again_is_read_by_the_first_run_that_tries(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    """Across midnight: what is read of the day before is the same window that failed."""
    deployment = make(recovery_catchup_chunk_hours=24)
    life = Life(telegram=telegram, names=NAMES, seed=8)
    telegram.private(BETA)
    deployment.settle()
    deployment.live(life, 18 * HOUR, every=45 * MINUTE)
    deployment.settle()
    assert {name for name, _ in deployment.gaps()} == {BETA}

    telegram.private(BETA, private=False)
    deployment.live(life, 61 * MINUTE, every=10 * MINUTE)
    deployment.round()

    assert deployment.wrong() == []
