"""Changes that Telegram never told of: each look back at an hour finds what was done before it."""

from datetime import UTC, datetime, timedelta

from tests.acceptance.life import stored_differs
from tests.integration.outages.conftest import MakeDeployment
from tests.integration.outages.world import ALPHA, BEGAN
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.windows import hour_of

MINUTE = timedelta(minutes=1)
LOOKS = (
    datetime(2026, 3, 2, 10, tzinfo=UTC),
    datetime(2026, 3, 3, tzinfo=UTC),
    datetime(2026, 3, 5, tzinfo=UTC),
    datetime(2026, 3, 10, tzinfo=UTC),
)
"""3 h, 12 h, 48 h and 7 d after 07:00, each on the next full hour, quarter of a day, day and day."""
NEXT_LOOK = "SELECT DISTINCT reread_at FROM channel_hours WHERE hour = %s"


def tell_nothing(telegram: LoopbackTelegram) -> None:
    """Let the log of what happened be empty, as if nothing had: not even that it is too much to tell."""
    telegram.run(lambda server: server.by_name[ALPHA].log.clear())


def test_edits_and_deletions_nobody_told_of_are_found_by_looking_back_ever_more_rarely(
    make: MakeDeployment, telegram: LoopbackTelegram
) -> None:
    deployment = make(
        recovery_catchup_chunk_hours=168, channel_list=f"@{ALPHA}", extraction_queue_enabled=False
    )
    posts = iter([telegram.post(ALPHA, f"Post {number}") for number in range(2 * len(LOOKS))])
    deployment.clock.now = hour_of(BEGAN) + timedelta(hours=1, minutes=5)
    deployment.settle()
    for look in LOOKS:
        assert deployment.sql(NEXT_LOOK, hour_of(BEGAN)) == [(look,)]
        deployment.clock.now = look - 10 * MINUTE
        deployment.settle()
        telegram.edit(ALPHA, next(posts), f"Edited before {look}", push=False)
        telegram.delete(ALPHA, next(posts), push=False)
        tell_nothing(telegram)
        deployment.settle()
        assert stored_differs(deployment, telegram, [ALPHA]), f"found before {look}"

        deployment.clock.now = look
        deployment.settle()
        assert stored_differs(deployment, telegram, [ALPHA]) is None

    assert deployment.wrong([ALPHA]) == []
    assert deployment.sql(NEXT_LOOK, hour_of(BEGAN)) == [(None,)]
