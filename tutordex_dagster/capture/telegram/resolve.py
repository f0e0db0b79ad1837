"""From a reference to a channel that can be read: its id, title and access hash, and whether we are in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from telethon.tl import functions, types

from tutordex_dagster.capture.contract import ChannelInfo
from tutordex_dagster.capture.references import id_in_reference, reference_of_id
from tutordex_dagster.capture.telegram.caller import Caller
from tutordex_dagster.capture.telegram.messages import TL, marked_id
from tutordex_dagster.resilience.errors import ChannelUnavailable

_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A channel as an account sees it; `access_hash` is for this account alone, and for ever."""

    info: ChannelInfo
    access_hash: int
    member: bool


def resolve(connection: Caller, reference: str) -> Resolved:
    """Return the channel of a partition key, `t.me/name` or `t.me/c/<id>`.

    A name costs one of very few calls that Telegram allows for this: store the answer. A channel without a
    name is looked for among those the account has joined. Raises ChannelUnavailable when it is not there or
    is no channel, and what the connection's `call` raises.
    """
    channel_id = id_in_reference(reference)
    if channel_id is None:
        return _by_name(connection, reference)
    for found in _joined(connection):
        if found.info.channel_id == channel_id:
            return Resolved(
                info=ChannelInfo(channel_id=channel_id, reference=reference, title=found.info.title),
                access_hash=found.access_hash,
                member=True,
            )
    raise ChannelUnavailable(
        f"{reference}: is no channel the account has joined; join it with the account, or take it out of"
        " CHANNEL_LIST"
    )


def dialogs(connection: Caller) -> list[Resolved]:
    """Return every channel and supergroup the account has joined; raises what the connection's `call` raises.

    References are `t.me/name` where there is a name, else `t.me/c/<id>`.
    """
    return list({found.info.channel_id: found for found in _joined(connection)}.values())


def _joined(connection: Caller) -> Iterator[Resolved]:
    """Yield the channels among the account's chats, some perhaps twice."""
    for page in _pages(connection):
        listed = {marked_id(dialog.peer) for dialog in page.dialogs}
        for chat in page.chats:
            channel = isinstance(chat, types.Channel) and marked_id(types.PeerChannel(chat.id)) in listed
            if channel and not chat.left:
                yield _resolved(chat, _reference(chat))


def _by_name(connection: Caller, reference: str) -> Resolved:
    name = reference.rpartition("/")[2]
    answer = connection.call(functions.contacts.ResolveUsernameRequest(name), about=reference)
    chats = {chat.id: chat for chat in answer.chats}
    if not isinstance(answer.peer, types.PeerChannel):
        person = isinstance(answer.peer, types.PeerUser)
        what = "is a person or a bot" if person else "is a basic group"
        raise ChannelUnavailable(f"{reference}: {what}, not a channel; correct it in CHANNEL_LIST")
    chat = chats.get(answer.peer.channel_id)
    if not isinstance(chat, types.Channel):
        raise ChannelUnavailable(
            f"{reference}: may not be read by the account; join it, or take it out of CHANNEL_LIST"
        )
    return _resolved(chat, reference)


def _resolved(chat: TL, reference: str) -> Resolved:
    info = ChannelInfo(channel_id=chat.id, reference=reference, title=chat.title)
    return Resolved(info=info, access_hash=chat.access_hash, member=not chat.left)


def _reference(chat: TL) -> str:
    """Return the key of a channel by its name, the first active one of those bought later, or its id."""
    bought = next((name.username for name in chat.usernames or () if name.active), None)
    name = chat.username or bought
    return f"t.me/{name.lower()}" if name else reference_of_id(chat.id)


def _pages(connection: Caller) -> Iterator[TL]:
    """Yield the pages of the account's list of chats."""
    request = functions.messages.GetDialogsRequest(
        offset_date=None, offset_id=0, offset_peer=types.InputPeerEmpty(), limit=_PAGE, hash=0
    )
    while True:
        page = connection.call(request)
        yield page
        last = _last_with_message(page)
        if not isinstance(page, types.messages.DialogsSlice) or last is None:
            return
        dialog, message = last
        if message.id == request.offset_id:
            return  # the same page again would never end
        request = functions.messages.GetDialogsRequest(
            offset_date=message.date,
            offset_id=message.id,
            offset_peer=_input_peer(page, dialog.peer),
            limit=_PAGE,
            hash=0,
            exclude_pinned=True,
        )


def _last_with_message(page: TL) -> tuple[TL, TL] | None:
    """Return the last chat of a page whose newest message came along: where the next page begins."""
    messages = {(marked_id(tl.peer_id), tl.id): tl for tl in page.messages if tl.peer_id}
    for dialog in reversed(page.dialogs):
        if message := messages.get((marked_id(dialog.peer), dialog.top_message)):
            return dialog, message
    return None


def _input_peer(page: TL, peer: TL) -> TL:
    """Return a peer of the page as requests take it."""
    if isinstance(peer, types.PeerUser):
        user = next(user for user in page.users if user.id == peer.user_id)
        return types.InputPeerUser(user.id, user.access_hash or 0)
    if isinstance(peer, types.PeerChat):
        return types.InputPeerChat(peer.chat_id)
    chat = next(chat for chat in page.chats if chat.id == peer.channel_id)
    return types.InputPeerChannel(chat.id, chat.access_hash or 0)
