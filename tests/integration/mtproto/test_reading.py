"""Reading channels through an unmodified client."""

import os
from datetime import timedelta

import pytest
from telethon import errors
from telethon.tl.types import MessageReplyHeader

from tests.integration.mtproto.world import NAME, START, in_a_loop, small_world
from tests.mtproto.handlers import TAKEOUT


@in_a_loop
async def test_a_client_connects_and_finds_channels_by_name() -> None:
    async with small_world() as world:
        assert (await world.client.get_me()).first_name == "Tester"
        assert await world.client.is_user_authorized()
        found = await world.client.get_entity(f"t.me/{NAME}")
        assert (found.id, found.broadcast, found.access_hash) == (
            world.channel.id,
            True,
            world.peer.access_hash,
        )
        with pytest.raises(ValueError, match="No user has"):
            await world.client.get_entity("nobody_here")


@pytest.mark.parametrize("inclusive", [False, True])
@in_a_loop
async def test_an_hour_is_read_whole_under_both_readings_of_offset_date(*, inclusive: bool) -> None:
    async with small_world(10_000) as world:
        world.server.habits.date_inclusive = inclusive
        since, until = START + timedelta(hours=10), START + timedelta(hours=11)
        offset = since - timedelta(seconds=1)
        got = []
        async for message in world.client.iter_messages(
            world.peer, reverse=True, offset_date=offset, wait_time=0
        ):
            if message.date >= until:
                break
            if message.date >= since:
                got.append(message.id)
        assert got == list(range(3601, 3961))
        assert world.server.count("GetHistoryRequest") == 4


@in_a_loop
async def test_history_is_paged_from_either_end_and_between_ids() -> None:
    async with small_world(2000) as world:
        assert await world.ids() == list(range(2000, 0, -1))
        assert await world.ids(reverse=True, min_id=1800) == list(range(1801, 2001))
        assert await world.ids(min_id=1990) == list(range(2000, 1990, -1))
        assert (await world.client.get_messages(world.peer, limit=0)).total == 2000


@in_a_loop
async def test_deleted_messages_are_missing_by_id_and_a_search_finds_words() -> None:
    async with small_world() as world:
        world.channel.delete(5, 6)
        found = await world.client.get_messages(world.peer, ids=[4, 5, 6, 7])
        assert [each and each.id for each in found] == [4, None, None, 7]
        marked = await world.client.get_messages(world.peer, search="#13.", limit=None, wait_time=0)
        assert [each.id for each in reversed(marked)] == list(range(13, 1000, 97))


@in_a_loop
async def test_answers_to_a_post_are_found() -> None:
    async with small_world(10) as world:
        world.channel.post(world.channel.message("yes", reply_to=MessageReplyHeader(reply_to_msg_id=3)))
        assert await world.ids(reply_to=3) == [11]


@in_a_loop
async def test_a_photo_is_downloaded_whole() -> None:
    async with small_world(1) as world:
        data = os.urandom(700_000)
        posted = world.channel.post("photo", media=world.server.add_photo(data))
        message = await world.client.get_messages(world.peer, ids=posted.id)
        assert await world.client.download_media(message, bytes) == data


@in_a_loop
async def test_an_export_may_be_put_off_and_wraps_every_call() -> None:
    async with small_world() as world:
        world.server.takeout_delay = 86400
        with pytest.raises(errors.TakeoutInitDelayError) as refused:
            async with world.client.takeout(channels=True):
                pass
        assert refused.value.seconds == 86400
        world.server.takeout_delay = 0
        world.server.calls.clear()
        async with world.client.takeout(channels=True) as export:
            read = [each.id async for each in export.iter_messages(world.peer, wait_time=0)]
        assert len(read) == 1000
        assert {call.takeout for call in world.server.calls if call.name == "GetHistoryRequest"} == {TAKEOUT}
