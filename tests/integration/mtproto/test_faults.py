"""Faults the loopback server commits, and what an unmodified client makes of them."""

import asyncio
import time

import pytest
from telethon import errors

from tests.integration.mtproto.world import HISTORY, in_a_loop, small_world, until
from tests.mtproto.faults import fault
from tests.mtproto.pages import bundle


@in_a_loop
async def test_a_short_flood_wait_is_slept_and_a_long_one_raised_and_remembered() -> None:
    async with small_world() as world:
        world.server.faults.on(HISTORY, fault(error=(420, "FLOOD_WAIT_1")))
        began = time.monotonic()
        assert len(await world.ids()) == 1000
        assert time.monotonic() - began >= 1
        world.client.flood_sleep_threshold = 0
        world.server.faults.on(HISTORY, fault(error=(420, "FLOOD_WAIT_30")))
        with pytest.raises(errors.FloodWaitError) as refused:
            await world.ids()
        assert refused.value.seconds == 30
        world.server.calls.clear()
        with pytest.raises(errors.FloodWaitError):
            await world.ids()
        assert not world.server.calls


@in_a_loop
async def test_a_limit_refuses_calls_beyond_it_until_it_is_lifted() -> None:
    async with small_world() as world:
        world.client.flood_sleep_threshold = 0
        world.server.faults.flood(HISTORY, 3, 3600.0)
        with pytest.raises(errors.FloodWaitError) as refused:
            await world.ids()
        assert 3590 <= refused.value.seconds <= 3600
        assert world.server.count("GetHistoryRequest") == 4
        world.server.faults.no_flood(HISTORY)
        world.client._flood_waited_requests.clear()  # noqa: SLF001 - the client would not ask again for an hour
        assert len(await world.ids()) == 1000


@pytest.mark.parametrize("broken", [{"close": True}, {"cut": 1000}, {"error": (-503, "Timeout")}])
@in_a_loop
async def test_a_broken_answer_is_asked_for_again(broken: dict[str, object]) -> None:
    async with small_world() as world:
        world.server.faults.on(HISTORY, fault(**broken), when=lambda request: request.offset_id == 601)  # type: ignore[arg-type]
        assert await world.ids() == list(range(1000, 0, -1))
        assert world.server.count("GetHistoryRequest") == 11


@in_a_loop
async def test_a_changed_salt_goes_unnoticed() -> None:
    async with small_world() as world:
        world.server.salt += 1
        assert len(await world.ids()) == 1000


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CHANNEL_PRIVATE", errors.ChannelPrivateError),
        ("AUTH_KEY_UNREGISTERED", errors.UnauthorizedError),
        ("AUTH_KEY_DUPLICATED", errors.AuthKeyError),
    ],
)
@in_a_loop
async def test_an_error_is_raised_by_its_name(text: str, kind: type[Exception]) -> None:
    async with small_world() as world:
        world.server.faults.on(HISTORY, fault(error=(400, text)))
        with pytest.raises(kind):
            await world.ids()
        assert len(await world.ids()) == 1000


@in_a_loop
async def test_a_private_channel_is_closed_to_readers() -> None:
    async with small_world() as world:
        world.channel.private = True
        with pytest.raises(errors.ChannelPrivateError):
            await world.ids()


@in_a_loop
async def test_a_call_that_is_never_answered_needs_a_timeout_of_its_own() -> None:
    async with small_world() as world:
        world.server.faults.on(HISTORY, fault(stall=True))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await world.ids()
        assert len(await world.ids()) == 1000


@in_a_loop
async def test_a_request_may_be_answered_late_or_with_anything() -> None:
    async with small_world() as world:
        world.server.faults.on(HISTORY, fault(delay=0.2))
        began = time.monotonic()
        assert len(await world.client.get_messages(world.peer, limit=1)) == 1
        assert time.monotonic() - began >= 0.2
        other = bundle(world.channel, [world.channel.raw[9]], 1, [])
        world.server.faults.on(HISTORY, fault(result=lambda request: other if request.limit == 1 else False))
        assert [each.id for each in await world.client.get_messages(world.peer, limit=1)] == [9]


@in_a_loop
async def test_disconnecting_cancels_requests_of_tasks_that_nobody_cancelled() -> None:
    async with small_world() as world:
        world.server.faults.on(HISTORY, fault(stall=True))

        async def read() -> int:
            try:
                await world.ids()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                assert task
                return task.cancelling()
            raise AssertionError("was answered")

        reader = asyncio.create_task(read())
        await until("the request", lambda: world.server.count("GetHistoryRequest"))
        await world.client.disconnect()
        assert await reader == 0
