"""The link on its event loop: what is at work in it after trouble."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import pytest
from telethon import TelegramClient
from telethon.tl import functions

from tests.integration.telegram.world import NAME
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.capture.telegram.client import make_client
from tutordex_dagster.capture.telegram.link import Link
from tutordex_dagster.capture.telegram.session import parse_session
from tutordex_dagster.resilience.errors import FloodWait, TelegramUnavailable

STATE = functions.updates.GetStateRequest
QUICKLY = (0, 0.02, 0.05, 0.1)


def with_link(
    telegram: LoopbackTelegram,
    test: Callable[[Link], Awaitable[None]],
    *,
    waits: Sequence[float] = QUICKLY,
    breaks_down: bool = False,
) -> None:
    """Run a test with an open link; nothing may be at work once it is closed.

    One that `breaks_down` meets a defect of the program when it makes its second client.
    """
    session = parse_session(telegram.session_string(), where="the test")

    made: list[TelegramClient] = []

    def client() -> TelegramClient:
        if made and breaks_down:
            raise AssertionError("a defect")
        made.append(
            make_client(session, api_id=1, api_hash="x", connect_seconds=5, on_push=lambda _pushed: None)
        )
        return made[-1]

    async def run() -> None:
        before = at_work()
        link = Link(client, name="test", connect_seconds=5, waits=waits)
        try:
            await link.open()
            await test(link)
        finally:
            await link.close()
        await asyncio.sleep(0)
        assert at_work() == before

    asyncio.run(asyncio.wait_for(run(), 30))


def at_work() -> Counter[str]:
    """Count the tasks of this loop by the name of what they run."""
    return Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())


async def until(check: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 - it happens in the server's thread
            await asyncio.sleep(0.005)


async def settled(link: Link) -> Counter[str]:
    """Return what is at work once a call has got through."""
    await link.send(STATE(), "GetStateRequest")
    return at_work()


def test_after_any_trouble_one_telethon_is_at_work(telegram: LoopbackTelegram) -> None:
    async def test(link: Link) -> None:
        usual = await settled(link)
        assert usual["_Reticent._update_loop"] == 1
        for _ in range(3):
            await link.renew()
            assert await settled(link) == usual
        for _ in range(3):
            lost = link.generation
            telegram.drop_all()
            await until(lambda: link.generation > lost and link.up)  # noqa: B023 - it is called at once
            assert await settled(link) == usual
        telegram.stop_listening()
        await until(lambda: not link.up)
        for _ in range(3):
            with pytest.raises(TelegramUnavailable):
                await link.renew()
        telegram.listen_again()
        await until(lambda: link.up)
        assert await settled(link) == usual
        assert telegram.most_connections() == 1

    with_link(telegram, test)


def test_a_late_report_of_a_stall_spares_the_new_link(telegram: LoopbackTelegram) -> None:
    async def test(link: Link) -> None:
        old = link.generation
        await link.renew(old)
        new = link.generation
        await asyncio.gather(*(link.renew(old) for _ in range(5)))
        assert link.generation == new == old + 1
        await asyncio.gather(*(link.renew(new) for _ in range(5)))
        assert link.generation == new + 1

    with_link(telegram, test)


def test_calls_of_a_lost_link_are_told_and_never_sent_again(telegram: LoopbackTelegram) -> None:
    async def test(link: Link) -> None:
        telegram.on(STATE, fault(stall=True), times=3)
        before = telegram.count("GetStateRequest")
        calls = [asyncio.create_task(link.send(STATE(), "GetStateRequest")) for _ in range(3)]
        await until(lambda: telegram.count("GetStateRequest") == before + 3)
        await link.renew()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ends] == [TelegramUnavailable] * 3
        stalled_and_of_connecting = telegram.count("GetStateRequest")
        await link.send(functions.help.GetConfigRequest(), "GetConfigRequest")
        assert telegram.count("GetStateRequest") == stalled_and_of_connecting

    with_link(telegram, test)


def test_a_cancelled_call_is_cancelled_and_not_translated(telegram: LoopbackTelegram) -> None:
    async def test(link: Link) -> None:
        telegram.on(STATE, fault(stall=True))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await link.send(STATE(), "GetStateRequest")
        assert link.up

    with_link(telegram, test)


def test_whoever_asks_during_the_first_attempt_to_reconnect_waits_for_it(telegram: LoopbackTelegram) -> None:
    async def test(link: Link) -> None:
        telegram.on(functions.help.GetConfigRequest, fault(delay=0.2))
        renewing = asyncio.create_task(link.renew())
        await until(lambda: not link.up)
        await link.send(STATE(), "GetStateRequest")
        await renewing

    with_link(telegram, test)


def test_a_renewal_asked_for_while_waiting_between_attempts_is_made_at_once(
    telegram: LoopbackTelegram,
) -> None:
    async def test(link: Link) -> None:
        telegram.stop_listening()
        await until(lambda: not link.up)
        with pytest.raises(TelegramUnavailable, match="connect did not get through"):
            await link.renew()
        telegram.listen_again()
        await link.renew()
        assert link.up
        telegram.post(NAME, "x")

    with_link(telegram, test)


def test_a_flood_wait_for_connecting_is_obeyed_by_the_keeper_and_by_everybody(
    telegram: LoopbackTelegram,
) -> None:
    async def test(link: Link) -> None:
        telegram.on(functions.help.GetConfigRequest, fault(error=(420, "FLOOD_WAIT_1")))
        telegram.forget_calls()
        for _ in range(3):
            with pytest.raises(FloodWait, match="with connect until"):
                await link.renew()
            with pytest.raises(FloodWait):
                await link.send(STATE(), "GetStateRequest")
        assert telegram.count("GetConfigRequest") == 1
        await until(lambda: link.up)
        assert telegram.count("GetConfigRequest") == 2

    with_link(telegram, test)


def test_a_link_that_is_lost_again_and_again_is_not_hammered(telegram: LoopbackTelegram) -> None:
    async def test(link: Link) -> None:
        telegram.drop_all()
        await until(lambda: link.generation == 2 and link.up)
        telegram.drop_all()
        await until(lambda: not link.up)
        with pytest.raises(TelegramUnavailable, match="was lost again"):
            await link.send(STATE(), "GetStateRequest")
        assert link.generation == 2
        await link.renew()
        assert link.generation == 3
        assert link.up

    with_link(telegram, test, waits=(0, 60))


def test_a_defect_in_reconnecting_hangs_nobody_and_is_not_hidden(telegram: LoopbackTelegram) -> None:
    async def test(link: Link) -> None:
        with pytest.raises(TelegramUnavailable, match="nobody reconnects any more"):
            await link.renew()
        with pytest.raises(TelegramUnavailable, match="nobody reconnects any more"):
            await link.send(STATE(), "GetStateRequest")
        assert not link.up

    with pytest.raises(AssertionError, match="a defect"):
        with_link(telegram, test, breaks_down=True)
