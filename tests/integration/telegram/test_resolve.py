"""From references to channels."""

import math
from datetime import UTC, datetime

import pytest
from telethon.tl import TLObject, TLRequest, functions, types

from tests.integration.telegram.world import NAME, REFERENCE
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.capture.contract import ChannelInfo
from tutordex_dagster.capture.telegram.connection import TelegramConnection
from tutordex_dagster.capture.telegram.resolve import Resolved, dialogs, resolve
from tutordex_dagster.resilience.errors import ChannelUnavailable

RESOLVE = functions.contacts.ResolveUsernameRequest
DIALOGS = functions.messages.GetDialogsRequest


def test_a_name_is_looked_up_with_one_call(
    telegram: LoopbackTelegram, connection: TelegramConnection
) -> None:
    other = telegram.channel("Other", title="The Other", joined=False)
    found = resolve(connection, "t.me/other")
    assert found.info == ChannelInfo(channel_id=other, reference="t.me/other", title="The Other")
    assert found.access_hash == telegram.server.by_name["other"].access_hash
    assert not found.member
    assert resolve(connection, REFERENCE).member
    assert telegram.count("ResolveUsernameRequest") == 2


def test_an_unknown_name_is_no_channel(connection: TelegramConnection) -> None:
    with pytest.raises(ChannelUnavailable, match=r"^t\.me/nobody_here: is nobody's name"):
        resolve(connection, "t.me/nobody_here")


PERSON = types.contacts.ResolvedPeer(types.PeerUser(7), [], [types.User(7, first_name="Someone")])
GROUP = types.contacts.ResolvedPeer(types.PeerChat(7), [], [])
BANNED_FROM = types.contacts.ResolvedPeer(types.PeerChannel(7), [types.ChannelForbidden(7, 1, "Closed")], [])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (PERSON, "is a person or a bot"),
        (GROUP, "is a basic group"),
        (BANNED_FROM, "may not be read by the account"),
    ],
    ids=["person", "group", "forbidden"],
)
def test_what_is_no_channel_for_us_says_what_it_is(
    telegram: LoopbackTelegram, connection: TelegramConnection, answer: TLObject, why: str
) -> None:
    telegram.on(RESOLVE, fault(result=answer))
    with pytest.raises(ChannelUnavailable, match=rf"^t\.me/seven: {why}"):
        resolve(connection, "t.me/seven")


def test_an_id_is_looked_for_among_the_joined_channels(
    telegram: LoopbackTelegram, connection: TelegramConnection
) -> None:
    telegram.channel("left", channel_id=42, joined=False)
    telegram.post("left", "x")
    found = resolve(connection, "t.me/c/1500000000")
    assert found.info == ChannelInfo(channel_id=1_500_000_000, reference="t.me/c/1500000000", title=NAME)
    assert found.member
    with pytest.raises(ChannelUnavailable, match=r"^t\.me/c/42: is no channel the account has joined"):
        resolve(connection, "t.me/c/42")


def test_dialogs_are_walked_to_the_end_and_hold_channels_only(
    telegram: LoopbackTelegram, connection: TelegramConnection
) -> None:
    telegram.on(DIALOGS, fault(result=page_of_dialogs), times=3)
    assert [(found.info.reference, found.access_hash) for found in dialogs(connection)] == [
        ("t.me/first", 101),
        ("t.me/c/102", 102),
        ("t.me/bought", 103),
    ]
    asked = [call.request for call in telegram.calls() if call.name == "GetDialogsRequest"]
    assert [type(request.offset_peer).__name__ for request in asked] == [
        "InputPeerEmpty",
        "InputPeerChannel",
        "InputPeerUser",
    ]
    assert [request.offset_id for request in asked] == [0, 11, 13]


def test_a_page_that_comes_again_is_the_last(
    telegram: LoopbackTelegram, connection: TelegramConnection
) -> None:
    def first_page(request: TLRequest) -> TLObject:
        request.offset_id = 0
        return page_of_dialogs(request)

    telegram.on(DIALOGS, fault(result=first_page), times=math.inf)
    assert [found.info.channel_id for found in dialogs(connection)] == [101, 102]
    assert telegram.count("GetDialogsRequest") == 2


def page_of_dialogs(request: TLRequest) -> TLObject:
    """Answer with three pages: two channels, one channel and a person, nothing."""
    date = datetime(2025, 1, 1, tzinfo=UTC)
    chats = {
        101: channel(101, username="First"),
        102: channel(102),
        103: channel(103, usernames=[types.Username("Sold"), types.Username("Bought", active=True)]),
        999: channel(999, username="forwarded_from"),
    }
    person = types.PeerUser(7)
    first = [types.PeerChannel(101), types.PeerChannel(102)]
    peers = {0: first, 11: [types.PeerChannel(103), person], 13: []}[request.offset_id]
    number = {0: 10, 11: 12, 13: 14}[request.offset_id]
    return types.messages.DialogsSlice(
        count=4,
        dialogs=[dialog(peer, number + index) for index, peer in enumerate(peers)],
        messages=[
            types.Message(id=number + index, peer_id=peer, date=date, message="x")
            for index, peer in enumerate(peers)
        ],
        chats=list(chats.values()),
        users=[types.User(7, access_hash=70, first_name="Someone")],
    )


def channel(channel_id: int, **more: object) -> TLObject:
    """Make a joined channel whose access hash is its id."""
    return types.Channel(
        id=channel_id,
        title=f"Channel {channel_id}",
        photo=types.ChatPhotoEmpty(),
        date=datetime(2025, 1, 1, tzinfo=UTC),
        access_hash=channel_id,
        broadcast=True,
        **more,
    )


def dialog(peer: TLObject, top: int) -> TLObject:
    """Make a row of the list of chats."""
    return types.Dialog(peer, top, 0, 0, 0, 0, 0, 0, types.PeerNotifySettings())


def test_the_joined_channels_are_listed(telegram: LoopbackTelegram, connection: TelegramConnection) -> None:
    assert dialogs(connection) == [
        Resolved(
            info=ChannelInfo(channel_id=1_500_000_000, reference=REFERENCE, title=NAME),
            access_hash=telegram.server.by_name[NAME].access_hash,
            member=True,
        )
    ]
