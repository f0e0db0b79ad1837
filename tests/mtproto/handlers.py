"""Calls that reading channels needs, as the loopback server answers them."""

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from telethon.tl import TLObject
from telethon.tl import functions as f
from telethon.tl import types as t

from tests.mtproto.channels import Channel
from tests.mtproto.connection import Call
from tests.mtproto.pages import bundle, difference, page
from tests.mtproto.wire import RpcFail, unix

if TYPE_CHECKING:
    from tests.mtproto.server import MTServer

Handler = Callable[["MTServer", Call], object]

TAKEOUT = 424242
_FOR_EVER = 1 << 40


def _config(server: "MTServer", _call: Call) -> TLObject:
    """Answer help.getConfig; every number a layer asks for is 0."""
    asked = list(inspect.signature(t.Config.__init__).parameters.values())[1:]
    values: dict[str, object] = {each.name: 0 for each in asked if each.default is each.empty}
    now = server.clock()
    values.update(date=now, expires=now + timedelta(hours=1), test_mode=False)
    values.update(this_dc=server.dc_id, webfile_dc_id=2, dc_txt_domain_name="", me_url_prefix="")
    values.update(dc_options=[t.DcOption(server.dc_id, "127.0.0.1", server.port)])
    return t.Config(**values)


def _state(server: "MTServer", _call: Call) -> TLObject:
    return t.updates.State(1, 0, server.clock(), 1, 0)


def _difference(server: "MTServer", call: Call) -> TLObject:
    """Answer updates.getDifference: name the channels where something happened since."""
    late = [
        each
        for each in server.channels.values()
        if each.joined and each.log and unix(each.log[-1].at) >= unix(call.request.date)
    ]
    if not late:
        return t.updates.DifferenceEmpty(server.clock(), 1)
    return t.updates.Difference(
        [],
        [],
        [t.UpdateChannelTooLong(each.id, each.pts) for each in late],
        [each.entity() for each in late],
        [],
        _state(server, call),
    )


def _channel_difference(server: "MTServer", call: Call) -> TLObject:
    channel = server.channel_of(call.request.channel)
    return difference(channel, call.request.pts, call.request.limit, server.habits)


def _users(_server: "MTServer", call: Call) -> list[TLObject]:
    return [call.account.user for each in call.request.id if isinstance(each, t.InputUserSelf)]


def _resolve(server: "MTServer", call: Call) -> TLObject:
    if not (channel := server.by_name.get(call.request.username.lower())):
        raise RpcFail(400, "USERNAME_NOT_OCCUPIED")
    return t.contacts.ResolvedPeer(channel.peer, [channel.entity()], [])


def _channels(server: "MTServer", call: Call) -> TLObject:
    return t.messages.Chats([server.channel_of(each).entity() for each in call.request.id])


def _full_channel(server: "MTServer", call: Call) -> TLObject:
    channel = server.channel_of(call.request.channel)
    full = t.ChannelFull(
        channel.id,
        "about",
        0,
        0,
        0,
        t.PhotoEmpty(0),
        t.PeerNotifySettings(),
        [],
        channel.pts,
        participants_count=42,
    )
    return t.messages.ChatFull(full, [channel.entity()], [])


def _by_ids(server: "MTServer", call: Call) -> bytes:
    channel = server.channel_of(call.request.channel)
    wanted = [each.id for each in call.request.id]
    raws = [channel.raw.get(each) or bytes(t.MessageEmpty(each, channel.peer)) for each in wanted]
    return bundle(channel, raws, len(raws), server.users)


def _join(server: "MTServer", call: Call) -> TLObject:
    channel = server.channel_of(call.request.channel)
    channel.joined = True
    return t.messages.ChatInviteJoinResultOk(t.Updates([], [], [channel.entity()], server.clock(), 0))


def _history(server: "MTServer", call: Call) -> bytes:
    return page(server.channel_of(call.request.peer), call.request, server.habits, server.users)


def _search(server: "MTServer", call: Call) -> bytes:
    channel, wanted = server.channel_of(call.request.peer), call.request.q.lower().encode()
    first, last = unix(call.request.min_date), unix(call.request.max_date) or _FOR_EVER

    def keep(message_id: int, date: int) -> bool:
        return wanted in channel.raw[message_id].lower() and first <= date <= last

    return page(channel, call.request, server.habits, server.users, keep)


def _replies(server: "MTServer", call: Call) -> bytes:
    channel = server.channel_of(call.request.peer)

    def keep(message_id: int, _date: int) -> bool:
        return call.request.msg_id in _replied_to(channel, message_id)

    return page(channel, call.request, server.habits, server.users, keep)


def _replied_to(channel: Channel, message_id: int) -> tuple[int | None, int | None]:
    head = channel.get(message_id).reply_to or t.MessageReplyHeader()
    return head.reply_to_msg_id, head.reply_to_top_id


def _dialogs(server: "MTServer", _call: Call) -> TLObject:
    joined = [each for each in server.channels.values() if each.joined and each.ids]
    return t.messages.Dialogs(
        [each.dialog() for each in joined],
        [each.get(each.ids[-1]) for each in joined],
        [each.entity() for each in joined],
        [],
    )


def _file(server: "MTServer", call: Call) -> TLObject:
    if (data := server.files.get(call.request.location.id)) is None:
        raise RpcFail(400, "LOCATION_INVALID")
    part = data[call.request.offset : call.request.offset + call.request.limit]
    return t.upload.File(t.storage.FileJpeg(), 0, part)


def _takeout(server: "MTServer", _call: Call) -> TLObject:
    if server.takeout_delay:
        raise RpcFail(420, f"TAKEOUT_INIT_DELAY_{server.takeout_delay}")
    return t.account.Takeout(TAKEOUT)


def _end_takeout(_server: "MTServer", _call: Call) -> bool:
    return True


READING: Mapping[type, Handler] = {
    f.help.GetConfigRequest: _config,
    f.updates.GetStateRequest: _state,
    f.updates.GetDifferenceRequest: _difference,
    f.updates.GetChannelDifferenceRequest: _channel_difference,
    f.users.GetUsersRequest: _users,
    f.contacts.ResolveUsernameRequest: _resolve,
    f.channels.GetChannelsRequest: _channels,
    f.channels.GetFullChannelRequest: _full_channel,
    f.channels.GetMessagesRequest: _by_ids,
    f.channels.JoinChannelRequest: _join,
    f.messages.GetHistoryRequest: _history,
    f.messages.SearchRequest: _search,
    f.messages.GetRepliesRequest: _replies,
    f.messages.GetDialogsRequest: _dialogs,
    f.upload.GetFileRequest: _file,
    f.account.InitTakeoutSessionRequest: _takeout,
    f.account.FinishTakeoutSessionRequest: _end_takeout,
}
