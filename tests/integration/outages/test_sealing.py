"""An hour is called sealed when it was read to its end after it was over, and not before."""

from datetime import timedelta
from math import inf

import pytest
from telethon.tl import TLRequest
from telethon.tl.functions.messages import GetHistoryRequest

from tests.acceptance.life import stored_differs
from tests.integration.outages.conftest import MakeDeployment
from tests.integration.outages.world import ALPHA, BEGAN, NAMES, Deployment
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.windows import HOUR, hour_of

PAGE = 100
RUNNING = hour_of(BEGAN)
STATE = """
SELECT state::text, messages FROM channel_hours JOIN channels USING (channel_id)
WHERE reference = 't.me/alpha_agency' AND hour = %s
"""


def state(deployment: Deployment) -> list[tuple[str, int]]:
    return [(str(row[0]), int(row[1])) for row in deployment.sql(STATE, RUNNING)]


def test_an_hour_is_not_sealed_before_its_lag_has_passed(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    deployment = make(recovery_catchup_target_lag_minutes=5)
    telegram.post(ALPHA, "Posted in time")
    deployment.settle()
    over = RUNNING + HOUR
    deployment.clock.now = over - timedelta(seconds=1)
    telegram.post(ALPHA, "Posted in the last second", push=False)

    for seconds in (0, 299):
        deployment.clock.now = over + timedelta(seconds=seconds)
        assert deployment.tick("seal") == deployment.tick("catchup") == []
        assert state(deployment) == [("open", 1)]

    deployment.clock.now = over + timedelta(seconds=300)
    deployment.tick("seal")
    assert state(deployment) == [("sealed", 2)]


@pytest.mark.parametrize(
    ("answer", "meanwhile"), [((500, "HISTORY_GET_FAILED"), "open"), ((400, "CHANNEL_PRIVATE"), "failed")]
)
def test_an_hour_in_which_a_read_broke_off_is_not_sealed_and_read_again(
    make: MakeDeployment, telegram: LoopbackTelegram, answer: tuple[int, str], meanwhile: str
) -> None:
    deployment = make()
    deployment.round("tail")
    telegram.fill(ALPHA, 2 * PAGE + 50, BEGAN + timedelta(minutes=1), timedelta(seconds=5))
    deployment.clock.now = RUNNING + HOUR + timedelta(minutes=3)

    def later_page(request: TLRequest) -> bool:
        return int(request.offset_id) > PAGE

    telegram.on(GetHistoryRequest, fault(error=answer), times=inf, when=later_page)
    (run,) = deployment.tick("seal")
    assert not run.success
    assert state(deployment) == [(meanwhile, PAGE)]

    telegram.clear_faults()
    deployment.clock.advance(timedelta(minutes=61))
    deployment.settle()
    assert state(deployment) == [("sealed", 2 * PAGE + 50)]
    assert stored_differs(deployment, telegram, NAMES) is None
