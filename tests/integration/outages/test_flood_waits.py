"""Flood waits longer than a run's patience: nothing fails, nobody asks before the end, then it goes on."""

from datetime import timedelta
from math import inf

import pytest
from telethon.tl.functions.messages import GetHistoryRequest

from tests.acceptance.life import Life
from tests.integration.outages.conftest import MakeDeployment
from tests.integration.outages.world import ALPHA, NAMES
from tests.mtproto.loopback import LoopbackTelegram, fault

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FAILED = "SELECT count(*) FROM channel_hours WHERE state = 'failed'"
POSTED = "SELECT count(*) FROM live_messages WHERE text = %s"


@pytest.mark.parametrize("seconds", [300, 86_400])
def test_a_flood_wait_is_waited_for_without_a_call_while_the_tail_goes_on(
    make: MakeDeployment, telegram: LoopbackTelegram, seconds: int
) -> None:
    deployment = make(recovery_catchup_chunk_hours=12)
    life = Life(telegram=telegram, names=NAMES, seed=5)
    deployment.live(life, 15 * HOUR, every=15 * MINUTE)
    deployment.round("tail", "extract_rules")
    over = deployment.clock.now + timedelta(seconds=seconds)
    flood = fault(error=(420, f"FLOOD_WAIT_{seconds}"))
    telegram.on(GetHistoryRequest, flood, times=inf, when=lambda _: deployment.clock.now < over)
    telegram.forget_calls()

    queued = deployment.look("seal").run_requests
    (run,) = deployment.tick("catchup")
    assert not run.success
    assert 1 <= telegram.count("GetHistoryRequest") <= len(NAMES), "one of each channel that was being read"
    telegram.forget_calls()
    assert not any(run.success for run in deployment.carry_out("seal", queued))
    assert deployment.sql(FAILED) == [(0,)]
    for left in (seconds, seconds // 2, 1):
        deployment.clock.now = over - timedelta(seconds=left)
        telegram.post(ALPHA, f"Posted {left} s before the end", push=False)
        for sensor in ("tail", "extract_rules"):
            deployment.tick(sensor)
        assert deployment.sql(POSTED, f"Posted {left} s before the end") == [(1,)]
        for sensor in ("catchup", "seal"):
            said = deployment.said(sensor)
            assert f"until {over:%Y-%m-%d %H:%M:%S} UTC" in said
            assert f"({left} s left)" in said
    assert telegram.count("GetHistoryRequest") == 0

    deployment.clock.now = over
    deployment.settle()
    assert deployment.wrong() == []
