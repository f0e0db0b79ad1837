"""Live extraction comes first: the catchup waits for it, and for nothing else."""

from datetime import timedelta

from tests.acceptance.life import Life
from tests.integration.outages.conftest import MakeDeployment
from tests.integration.outages.world import NAMES
from tests.mtproto.loopback import LoopbackTelegram

HOUR = timedelta(hours=1)
WAITING = """
SELECT pipeline_version, count(*)::integer FROM telegram_extractions WHERE status = 'pending' GROUP BY 1
"""


def test_the_catchup_waits_for_live_jobs_and_not_for_those_of_a_shadow_version(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    deployment = make(recovery_catchup_chunk_hours=2)
    life = Life(telegram=telegram, names=NAMES, seed=6)
    deployment.live(life, 8 * HOUR, every=timedelta(minutes=15))

    ran = deployment.settle("tail", "seal", "catchup")
    waiting = dict(deployment.sql(WAITING))
    assert not any(run.sensor == "catchup" for run in ran)
    assert deployment.said("catchup") == (
        f"{waiting['rules']} live jobs wait to be extracted; the next slice comes at 0 or fewer."
    )

    deployment.tick("extract_rules")
    assert dict(deployment.sql(WAITING)) == {"rules-strict": waiting["rules-strict"]}
    assert [run.success for run in deployment.tick("catchup")] == [True]
    deployment.settle()
    assert deployment.wrong() == []
    assert dict(deployment.sql(WAITING))["rules-strict"] > waiting["rules-strict"]


def test_the_catchup_goes_on_beside_as_many_live_jobs_as_it_is_allowed_to(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    deployment = make(recovery_catchup_chunk_hours=2, recovery_catchup_queue_low_watermark=1000)
    life = Life(telegram=telegram, names=NAMES, seed=7)
    deployment.live(life, 8 * HOUR, every=timedelta(minutes=15))

    deployment.settle("tail", "seal", "catchup")

    assert deployment.gaps() == []
    assert dict(deployment.sql(WAITING))["rules"] > 0
