"""Whatever goes wrong in whatever order, all is stored once it is over. Takes minutes: run it by name."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from random import Random

import pytest
from telethon.tl.functions.messages import GetHistoryRequest
from telethon.tl.functions.updates import GetChannelDifferenceRequest

from tests.acceptance.life import Life
from tests.integration.outages.conftest import MakeDeployment
from tests.integration.outages.world import NAMES, Deployment
from tests.mtproto.faults import Action
from tests.mtproto.loopback import LoopbackTelegram, fault

SEEDS = range(60)
MINUTE = timedelta(minutes=1)
FAULTS: Mapping[str, tuple[type, Action]] = {
    "history closes the link": (GetHistoryRequest, fault(close=True)),
    "history breaks off": (GetHistoryRequest, fault(cut=100)),
    "history fails": (GetHistoryRequest, fault(error=(500, "HISTORY_GET_FAILED"))),
    "history floods": (GetHistoryRequest, fault(error=(420, "FLOOD_WAIT_90"))),
    "difference fails": (GetChannelDifferenceRequest, fault(error=(500, "NEED_HELP"))),
    "difference floods": (GetChannelDifferenceRequest, fault(error=(420, "FLOOD_WAIT_90"))),
}


class Trouble:
    """What happens to a deployment, at random but the same for the same seed."""

    def __init__(self, deployment: Deployment, life: Life, random: Random) -> None:
        self.deployment = deployment
        self.telegram = deployment.telegram
        self.life = life
        self.random = random

    def rounds(self) -> None:
        for _ in range(self.random.randrange(1, 4)):
            self.deployment.round()

    def outage(self) -> None:
        self.deployment.go_down()
        self.alone()

    def alone(self) -> None:
        span = self.random.randrange(3, 200) * MINUTE
        self.deployment.live(self.life, span, every=self.random.choice([1, 4]) * MINUTE)

    def life_while_read(self) -> None:
        with self.deployment.life_while_read(self.life):
            self.rounds()

    def forget(self) -> None:
        self.telegram.forget_log(self.random.choice(NAMES))

    def private(self) -> None:
        self.telegram.private(self.random.choice(NAMES), private=self.random.random() < 0.6)

    def away(self) -> None:
        self.telegram.stop_listening()
        self.rounds()
        self.telegram.listen_again()

    def fail(self, what: str) -> None:
        request, action = FAULTS[what]
        if good := self.random.randrange(3):
            self.telegram.on(request, fault(), times=good)
        self.telegram.on(request, action, times=self.random.randrange(1, 4))
        self.rounds()
        self.telegram.clear_faults()

    def happen(self) -> str:
        """Let one thing happen; return what it was."""
        kinds: Mapping[str, Callable[[], None]] = {
            "rounds": self.rounds,
            "outage": self.outage,
            "life alone": self.alone,
            "life while read": self.life_while_read,
            "forgotten log": self.forget,
            "private": self.private,
            "away": self.away,
            **{what: partial(self.fail, what) for what in FAULTS},
        }
        kind = self.random.choice(list(kinds))
        kinds[kind]()
        return kind

    def end(self) -> None:
        """Put everything right, and wait until what failed for good is tried again."""
        self.deployment.go_down()
        for name in NAMES:
            self.telegram.private(name, private=False)
        for _ in range(2):
            self.deployment.clock.advance(61 * MINUTE)
            self.deployment.settle()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_all_is_stored_in_the_end(
    make: MakeDeployment, telegram: LoopbackTelegram, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - nobody has to be surprised
    deployment = make(
        recovery_catchup_chunk_hours=random.choice([1, 2, 6]),
        recovery_catchup_overlap_minutes=random.choice([0, 10]),
        recovery_catchup_target_lag_minutes=random.choice([0, 2]),
        parallelism_max=random.choice([1, 2]),
    )
    trouble = Trouble(deployment, Life(telegram=telegram, names=NAMES, seed=seed), random)
    trouble.alone()

    happened = [trouble.happen() for _ in range(random.randrange(4, 16))]
    trouble.end()

    assert deployment.wrong() == [], happened
