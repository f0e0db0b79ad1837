"""The following service under every fault that a night can bring: nothing gets lost, nothing doubled."""

import socket
from collections.abc import Callable, Iterator

import pytest
from telethon.sessions import StringSession
from telethon.tl import functions

from tests.acceptance.alone import (
    ASKED,
    JOINED,
    NAMES,
    OUTAGE_SECONDS,
    PACE,
    SOAK,
    Alone,
    alone,
    lived,
    living,
)
from tests.acceptance.harness import wait_for
from tests.acceptance.life import channel_ids
from tests.mtproto.faults import Action
from tests.mtproto.loopback import LoopbackTelegram, fault

DIFFERENCE = functions.updates.GetChannelDifferenceRequest
HISTORY = functions.messages.GetHistoryRequest
FLOOD_SECONDS = 5

OUTAGE = round(OUTAGE_SECONDS / PACE)
"""How much happens while something is away."""

STORED = "SELECT true FROM live_messages WHERE channel_id = %s AND message_id = %s"
PROBLEM = "SELECT problem FROM channels WHERE channel_id = %s"
LONG_AGO = "UPDATE channels SET problem_at = problem_at - interval '1 hour' WHERE channel_id = %s RETURNING 1"


@pytest.fixture(scope="module")
def world() -> Iterator[Alone]:
    """Give a Telegram and a database; the services are the tests' own."""
    with alone() as made:
        yield made


def calls_of(telegram: LoopbackTelegram, request: type) -> list[float]:
    """Return when this was called, in seconds, oldest first."""
    return [call.at for call in telegram.calls() if isinstance(call.request, request)]


def test_a_service_that_is_killed_goes_on_where_it_was(world: Alone) -> None:
    """The loss this prevents: what was pushed to a service that ran out of memory."""
    with living(world, seed=1, names=NAMES) as life:
        killed = world.follow()
        lived(life, life.random.randrange(5, 60))
        killed.process.kill()
        assert killed.ended() != 0
        successor = world.follow()
        lived(life, 10)
    world.settled(successor)


def test_a_service_that_is_told_to_stop_ends_well_and_the_next_stores_what_it_left(world: Alone) -> None:
    """The loss this prevents: what happens while the service is updated to a new version."""
    with living(world, seed=2) as life:
        stopped = world.follow()
        lived(life, 20)
        assert stopped.stop() == 0
        assert stopped.out.read_text().rstrip().endswith("event=tail_stopped")
        lived(life, 20)
        successor = world.follow()
    world.settled(successor)


def test_a_database_that_is_away_is_waited_for(world: Alone) -> None:
    """The loss this prevents: what happens while Postgres is updated or moved."""
    tail = world.follow()
    with living(world, seed=3, names=NAMES) as life:
        world.stop_database()
        lived(life, OUTAGE)
    world.start_database()
    world.settled(tail)


def test_a_database_that_hangs_costs_the_session_but_no_post(world: Alone) -> None:
    """The loss this prevents: the session, when another service takes a lease that ran out unnoticed."""
    tail = world.follow()
    with living(world, seed=4) as life:
        with world.hanging_database():
            wait_for("the session to be given up", lambda: world.telegram.connections(0) == 0, seconds=10)
            lived(life, 20)
        lived(life, 10)
    world.settled(tail)


@pytest.mark.parametrize(
    "trouble", [fault(stall=True), fault(cut=40), fault(close=True)], ids=["stalled", "cut", "closed"]
)
def test_an_answer_that_does_not_come_whole_is_asked_for_again(world: Alone, trouble: Action) -> None:
    """The loss this prevents: what an answer told that never arrived."""
    tail = world.follow()
    world.telegram.forget_calls()
    world.telegram.on(DIFFERENCE, trouble, times=2)
    with living(world, seed=4) as life:
        wait_for("both to be met", lambda: world.telegram.count(DIFFERENCE.__name__) > 2)
        lived(life, 10)
    world.settled(tail)


def test_a_flood_wait_for_differences_is_sat_out(world: Alone) -> None:
    """The loss this prevents: an account that is limited for days because it did not wait."""
    tail = world.follow()
    with living(world, seed=5) as life:
        assert_flood_is_obeyed(world, DIFFERENCE, lambda: lived(life, 30))
    world.settled(tail)


def test_a_flood_wait_for_history_is_sat_out(world: Alone) -> None:
    """The loss this prevents: posts of an absence so long that only history has them."""
    tail = world.follow()
    world.settled(tail)

    def more_than_can_be_told() -> None:
        for name in JOINED:
            world.telegram.post(name, "Missed", push=False)
            world.telegram.forget_log(name)
            world.telegram.post(name, "Told")

    assert_flood_is_obeyed(world, HISTORY, more_than_can_be_told)
    world.settled(tail)


def assert_flood_is_obeyed(world: Alone, request: type, act: Callable[[], object]) -> None:
    """Refuse these calls, let something happen that needs one, and see that none follows before its time."""
    telegram = world.telegram
    telegram.forget_calls()
    telegram.flood(request, 0, FLOOD_SECONDS)
    act()
    refused_at = wait_for("a call", lambda: calls_of(telegram, request), seconds=10)[0]
    telegram.no_flood(request)
    in_flight = refused_at + 1  # another channel may be asked at the same time
    wait_for("a later call", lambda: calls_of(telegram, request)[-1] > in_flight, seconds=15)
    later = next(at for at in calls_of(telegram, request) if at > in_flight)
    assert later - refused_at >= FLOOD_SECONDS


def test_a_link_over_which_nothing_comes_any_more_is_replaced(world: Alone) -> None:
    """The loss this prevents: a service that listens to a dead line until somebody looks."""
    tail = world.follow()
    with living(world, seed=7) as life:
        world.telegram.mute_connections()
        lived(life, 10)
    world.settled(tail, told=False)


@pytest.mark.skipif(not SOAK, reason="an attempt to connect takes 15 s; `make soak` has the time")
def test_a_telegram_that_says_nothing_for_a_while_is_asked_until_it_does(world: Alone) -> None:
    """The loss this prevents: posts during an outage that looks like silence."""
    tail = world.follow()
    with living(world, seed=8) as life:
        world.telegram.mute()
        lived(life, OUTAGE)
        world.telegram.unmute()
        lived(life, 10)
    world.settled(tail)


def test_what_happens_while_telegram_is_away_is_stored_when_it_is_back(world: Alone) -> None:
    """The loss this prevents: posts during an outage of the network."""
    tail = world.follow()
    with living(world, seed=8, names=NAMES) as life:
        world.telegram.stop_listening()
        lived(life, OUTAGE)
    world.telegram.listen_again()
    world.settled(tail, told=False)


def test_a_channel_that_turns_private_stops_no_other_and_is_made_good_later(world: Alone) -> None:
    """The loss this prevents: all channels, because of one that threw the account out."""
    world.follow()
    ids = channel_ids(world, NAMES)
    world.telegram.private(ASKED)
    with living(world, seed=9) as life:
        wait_for("the problem", lambda: world.sql(PROBLEM, ids[ASKED])[0][0])
        post = world.telegram.post(JOINED[0], "Still here")
        wait_for("the others", lambda: world.sql(STORED, ids[JOINED[0]], post), seconds=5)
        lived(life, 10)
        world.telegram.private(ASKED, private=False)
        assert world.sql(LONG_AGO, ids[ASKED])  # it is asked again after ten minutes, or after a restart
        assert world.follow().stop() == 0
        successor = world.follow()
    world.settled(successor)
    assert world.sql(PROBLEM, ids[ASKED]) == [(None,)]


def test_a_second_service_on_one_session_waits_and_takes_over(world: Alone) -> None:
    """The loss this prevents: the session, which Telegram ends when two places use it at once."""
    first = world.follow()
    second = world.start()
    wait_for("the second to wait", lambda: f":{first.process.pid} until" in second.said())
    with living(world, seed=10) as life:
        assert not second.follows()
        assert first.stop() == 0
        lived(life, 10)
        wait_for("the second to follow", second.follows)
    world.settled(second)


@pytest.mark.parametrize(
    ("number", "refuse", "said"),
    [
        (1, LoopbackTelegram.duplicate, "used from two addresses at once"),
        (2, LoopbackTelegram.revoke, "unknown to Telegram"),
    ],
    ids=["duplicated", "forgotten"],
)
def test_a_session_that_is_refused_ends_the_service_and_is_never_tried_again(
    world: Alone, number: int, refuse: Callable[[LoopbackTelegram, int], None], said: str
) -> None:
    """The loss this prevents: an account that is banned because it knocks all night with a dead key."""
    session = world.telegram.session_string(number)
    refused = world.start(session)
    wait_for("it to follow", refused.follows)
    refuse(world.telegram, number)
    assert refused.ended() == 1
    last = refused.out.read_text().splitlines()[-1]
    assert last.startswith("tutordex: Telegram session: ")
    assert said in last
    assert "tutordex login" in last
    with socket.create_server(("127.0.0.1", 0)) as nobody_may_call:
        nobody_may_call.settimeout(0)
        again = world.run("tail", session=leading_to(nobody_may_call, session))
        assert again.returncode == 1
        assert said in again.stderr
        with pytest.raises(BlockingIOError):
            nobody_may_call.accept()


def leading_to(listener: socket.socket, session: str) -> str:
    """Return the same key with another address."""
    moved = StringSession(session)
    moved.set_dc(moved.dc_id, *listener.getsockname())
    return str(moved.save())
