"""What pushed updates tell."""

from datetime import UTC, datetime

import pytest
from telethon.tl import TLObject, types

from tutordex_dagster.capture.contract import Message
from tutordex_dagster.capture.tail import Pushed
from tutordex_dagster.capture.telegram.updates import read_update

CHANNEL = 1_500_000_000


def message(peer: TLObject, **more: object) -> TLObject:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    return types.Message(id=5, peer_id=peer, date=at, message="hello", **more)


@pytest.mark.parametrize("kind", [types.UpdateNewChannelMessage, types.UpdateEditChannelMessage])
def test_a_message_comes_with_its_step(kind: type) -> None:
    pushed = read_update(kind(message(types.PeerChannel(CHANNEL)), 7, 1))
    assert pushed is not None
    assert (pushed.channel_id, pushed.pts, pushed.pts_count, pushed.deleted) == (CHANNEL, 7, 1, ())
    (found,) = pushed.found
    assert isinstance(found, Message)
    assert (found.message_id, found.text) == (5, "hello")
    assert found.payload.startswith(b'{"layer":229,"via":"update","pts":7,"message":{')


def test_names_come_from_what_telethon_put_beside_the_update() -> None:
    header = types.MessageFwdHeader(date=None, from_id=types.PeerUser(7))
    update = types.UpdateNewChannelMessage(message(types.PeerChannel(CHANNEL), fwd_from=header), 7, 1)
    update._entities = {7: types.User(7, first_name="Ada", last_name="Lovelace")}  # noqa: SLF001 - as it does
    pushed = read_update(update)
    assert pushed is not None
    (found,) = pushed.found
    assert isinstance(found, Message)
    assert found.forwarded_from == "Ada Lovelace"


def test_deletions_come_with_their_steps() -> None:
    update = types.UpdateDeleteChannelMessages(CHANNEL, [3, 4], 9, 2)
    assert read_update(update) == Pushed(channel_id=CHANNEL, pts=9, pts_count=2, deleted=(3, 4))


def test_what_stands_for_no_step_only_says_that_something_happened() -> None:
    for update in (
        types.UpdateDeleteChannelMessages(CHANNEL, [3], 0, 0),
        types.UpdateNewChannelMessage(message(types.PeerChannel(CHANNEL)), 0, 0),
        types.UpdateChannelTooLong(CHANNEL, 12),
        types.UpdateChannelTooLong(CHANNEL),
    ):
        pushed = read_update(update)
        assert pushed is not None
        assert (pushed.channel_id, pushed.pts) == (CHANNEL, None)


def test_what_names_no_channel_is_nothing() -> None:
    empty = types.MessageEmpty(id=5, peer_id=None)
    assert read_update(types.UpdateNewChannelMessage(empty, 7, 1)) is None


def test_an_empty_place_is_a_step_without_a_message() -> None:
    empty = types.MessageEmpty(id=5, peer_id=types.PeerChannel(CHANNEL))
    assert read_update(types.UpdateEditChannelMessage(empty, 7, 1)) == Pushed(
        channel_id=CHANNEL, pts=7, pts_count=1
    )
