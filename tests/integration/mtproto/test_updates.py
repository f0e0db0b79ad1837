"""Live updates, gaps in them, and differences, through an unmodified client."""

import os
from pathlib import Path

import pytest
from telethon import TelegramClient
from telethon.sessions import Session, SQLiteSession, StringSession
from telethon.tl import TLObject
from telethon.tl import types as t
from telethon.tl.functions.channels import GetFullChannelRequest
from telethon.tl.functions.updates import GetChannelDifferenceRequest

from tests.integration.mtproto.world import NAME, START, STEP, World, heard_by, in_a_loop, small_world, until
from tests.mtproto.server import MTServer


@in_a_loop
async def test_what_happens_is_heard_in_order_without_asking() -> None:
    async with small_world() as world:
        heard = heard_by(world.client)
        posted = world.channel.post("one")
        world.channel.edit(posted.id, "two")
        world.channel.delete(posted.id, 7)
        await until("three events", lambda: len(heard) == 3)
        assert heard == [("new", 1001, "one"), ("edit", 1001, "two"), ("gone", 1001, 7)]
        for number in range(300):
            world.channel.post(str(number))
        await until("the burst", lambda: len(heard) == 303)
        assert [event[1] for event in heard[3:]] == list(range(1002, 1302))
        assert not world.server.count("GetChannelDifferenceRequest")


@pytest.mark.parametrize(
    ("real_pts", "kinds"), [(True, ["new", "new"]), (False, ["edit", "gone", "new", "new"])]
)
@in_a_loop
async def test_telethon_fetches_a_gap_but_drops_edits_that_carry_their_own_pts(
    *, real_pts: bool, kinds: list[str]
) -> None:
    async with small_world() as world:
        world.server.habits.diff_real_pts = real_pts
        heard = heard_by(world.client)
        world.channel.post("first")
        await until("the first post", lambda: heard)
        world.channel.edit(3, "lost edit", push=False)
        world.channel.delete(4, push=False)
        world.channel.post("lost post", push=False)
        world.channel.post("seen")
        await until("the end of the gap", lambda: any(event[-1] == "seen" for event in heard))
        assert [event[0] for event in heard[1:]] == kinds


@in_a_loop
async def test_a_reconnect_alone_fetches_nothing_that_was_missed() -> None:
    async with small_world() as world:
        heard = heard_by(world.client)
        world.channel.post("first")
        await until("the first post", lambda: heard)
        world.server.stop_listening()
        world.channel.post("while away", push=False)
        world.server.calls.clear()
        await world.server.listen()
        await until("the reconnect", lambda: world.server.count("GetUsersRequest"))
        await world.client.get_me()
        assert {call.name for call in world.server.calls} == {"GetUsersRequest"}
        await world.client.catch_up()
        await until("the missed post", lambda: len(heard) == 2)


@pytest.mark.parametrize(("stored", "missed", "recovered"), [(True, 3, 3), (True, 150, 0), (False, 3, 0)])
@in_a_loop
async def test_catching_up_after_a_restart_needs_a_stored_state_and_a_short_gap(
    tmp_path: Path, *, stored: bool, missed: int, recovered: int
) -> None:
    async with MTServer() as server:
        channel = server.add_channel(NAME).fill(10, START, STEP)

        def client() -> TelegramClient:
            session = _sqlite(server, tmp_path) if stored else StringSession(server.session().save())
            return TelegramClient(session, 1, "x", catch_up=True, sequential_updates=True)

        before = client()
        await before.connect()
        await before.get_dialogs()  # this is how the channel's pts becomes known
        await before.disconnect()
        for number in range(missed):
            channel.post(str(number), push=False)
        after = client()
        heard = heard_by(after)
        await after.connect()
        if stored:
            await until("the difference", lambda: server.count("GetChannelDifferenceRequest"))

        def told() -> bool:
            channel.post("last")  # again and again: pushed beside the difference, it may get lost
            return bool(heard) and heard[-1][-1] == "last"

        await until("the last post", told)
        await after.disconnect()
        assert len([text for *_, text in heard if text != "last"]) == recovered


@in_a_loop
async def test_a_difference_asked_for_brings_posts_edits_and_deletions() -> None:
    async with small_world() as world:
        pts = (await world.client(GetFullChannelRequest(world.peer))).full_chat.pts
        world.channel.post("new", push=False)
        world.channel.edit(5, "changed", push=False)
        world.channel.delete(6, 7, push=False)
        found = await _difference(world, pts, 100)
        assert [each.message for each in found.new_messages] == ["new"]
        assert [type(each) for each in found.other_updates] == [
            t.UpdateEditChannelMessage,
            t.UpdateDeleteChannelMessages,
        ]
        assert (found.final, found.pts) == (True, world.channel.pts)
        assert isinstance(await _difference(world, found.pts, 100), t.updates.ChannelDifferenceEmpty)


@in_a_loop
async def test_a_difference_is_cut_at_its_limit_and_too_long_when_asked_to_be() -> None:
    async with small_world() as world:
        for number in range(201):
            world.channel.post(str(number), push=False)
        assert isinstance(await _difference(world, 1, 100), t.updates.ChannelDifferenceTooLong)
        assert len((await _difference(world, 1, 1000)).new_messages) == 201
        world.server.habits.diff_too_long = False
        part = await _difference(world, 1, 100)
        assert (len(part.new_messages), part.final, part.pts) == (100, False, 101)
        world.channel.forget_log()
        assert isinstance(await _difference(world, 150, 1000), t.updates.ChannelDifferenceTooLong)


async def _difference(world: World, pts: int, limit: int) -> TLObject:
    nothing_left_out = t.ChannelMessagesFilterEmpty()
    return await world.client(GetChannelDifferenceRequest(world.peer, nothing_left_out, pts, limit))


def _sqlite(server: MTServer, folder: Path) -> Session:
    session = SQLiteSession(os.fspath(folder / "a.session"))
    session.set_dc(server.dc_id, "127.0.0.1", server.port)
    session.auth_key = server.session().auth_key
    return session
