"""What Telegram pushes about channels: it comes at once, and tells nothing of what came before."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from telethon import TelegramClient, events, utils
from telethon.tl import types

from tutordex_dagster.capture.tail import Pushed
from tutordex_dagster.capture.telegram.messages import TL, MessageReader, names_of

_MESSAGE: Final = (types.UpdateNewChannelMessage, types.UpdateEditChannelMessage)
_OF_CHANNELS: Final = (*_MESSAGE, types.UpdateDeleteChannelMessages, types.UpdateChannelTooLong)


OnPush = Callable[[Pushed], None]
"""Told of every update, in order, on the connection's own thread: it must not block."""


OnMissed = Callable[[], None]
"""Told that something happened somewhere that is pushed by nobody; on the same thread."""


def subscribe(client: TelegramClient, on_push: OnPush, on_missed: OnMissed) -> None:
    """Have `on_push` told of what happens in the channels the account has joined.

    What the two raise goes to the event loop's log, not to Telethon, which would swallow it.
    """

    async def tell(update: TL) -> None:
        if isinstance(update, types.UpdatesTooLong):
            asyncio.get_running_loop().call_soon(on_missed)
        elif pushed := read_update(update):
            asyncio.get_running_loop().call_soon(on_push, pushed)

    client.add_event_handler(tell, events.Raw(types=(*_OF_CHANNELS, types.UpdatesTooLong)))


def singly(updates: TL) -> Iterator[TL]:
    """Yield the updates that came together, each with the chats and users of all, as Telethon hands them on.

    What is no bundle is yielded itself.
    """
    entities = {
        utils.get_peer_id(each): each
        for each in (*getattr(updates, "chats", ()), *getattr(updates, "users", ()))
    }
    bundle: Iterable[TL] = getattr(updates, "updates", None) or (getattr(updates, "update", updates),)
    for update in bundle:
        update._entities = entities  # noqa: SLF001 - Telethon's own way
        yield update


def read_update(update: TL) -> Pushed | None:
    """Return what an update tells, None if it names no channel.

    Without pts it stands for no step, and only says that something happened.
    """
    pts, count = update.pts or None, getattr(update, "pts_count", 0)
    if not isinstance(update, _MESSAGE):
        deleted = tuple(getattr(update, "messages", ()))
        known = pts if deleted else None
        return Pushed(channel_id=update.channel_id, pts=known, pts_count=count, deleted=deleted)
    if not isinstance(update.message.peer_id, types.PeerChannel):
        return None
    entities = tuple(getattr(update, "_entities", {}).values())
    reader = MessageReader("update", pts, names_of(entities, entities))
    found = tuple(reader.each([update.message]))
    return Pushed(channel_id=update.message.peer_id.channel_id, pts=pts, pts_count=count, found=found)
