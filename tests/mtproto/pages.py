"""What the loopback server answers about a channel's messages: pages of history, and differences."""

import bisect
import copy
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from telethon.tl import TLObject, TLRequest
from telethon.tl import types as t

from tests.mtproto.channels import Channel
from tests.mtproto.wire import unix, vector

PAGE = 100


@dataclass(kw_only=True)
class Habits:
    """What nobody documents of the real servers; a test may ask for either."""

    date_inclusive: bool = False  # does a message of exactly offset_date count as older?
    diff_real_pts: bool = True  # do edits and deletions of a difference carry their own pts?
    diff_too_long: bool = True  # is a difference of more than `limit` events TooLong?


def page(
    channel: Channel,
    request: TLRequest,
    habits: Habits,
    users: Sequence[TLObject],
    keep: Callable[[int, int], bool] | None = None,
) -> bytes:
    """Answer messages.getHistory: newest first, `limit` messages from `add_offset` around the offset.

    A window that reaches beyond the newest message is clipped, not shifted: shifted, `reverse=True` loses
    messages. With `keep(id, unix time)` only those messages exist.
    """
    ids, dates = channel.ids, channel.dates
    if keep:
        kept = [pair for pair in zip(ids, dates, strict=True) if keep(*pair)]
        ids, dates = [each for each, _ in kept], [each for _, each in kept]
    newest = _older(ids, dates, request, habits) - request.add_offset
    oldest = max(newest - min(max(request.limit, 0), PAGE), 0)
    window = [
        each
        for each in reversed(ids[oldest : max(min(newest, len(ids)), 0)])
        if (not request.max_id or each < request.max_id) and (not request.min_id or each > request.min_id)
    ]
    return bundle(channel, [channel.raw[each] for each in window], len(ids), users, max(len(ids) - newest, 0))


def _older(ids: Sequence[int], dates: Sequence[int], request: TLRequest, habits: Habits) -> int:
    """Return how many messages lie before the offset; the id wins over the date."""
    date = unix(getattr(request, "offset_date", None))
    if request.offset_id:
        return bisect.bisect_left(ids, request.offset_id)
    if date:
        return (bisect.bisect_right if habits.date_inclusive else bisect.bisect_left)(dates, date)
    return len(ids)


def bundle(
    channel: Channel, raws: Sequence[bytes], count: int, users: Sequence[TLObject], offset: int = 0
) -> bytes:
    """Serialise messages.channelMessages: Telethon ends an iteration at any other answer."""
    head = struct.pack("<IIiii", t.messages.ChannelMessages.CONSTRUCTOR_ID, 4, channel.pts, count, offset)
    return head + vector(raws) + vector([]) + vector([channel.entity()]) + vector(users)


def difference(channel: Channel, pts: int, limit: int, habits: Habits) -> TLObject:
    """Answer updates.getChannelDifference."""
    new = [event for event in channel.log if event.pts > pts]
    if pts < channel.forgotten_pts or (habits.diff_too_long and pts + limit < channel.pts):
        top = [channel.get(each) for each in reversed(channel.ids[-10:])]
        return t.updates.ChannelDifferenceTooLong(
            channel.dialog(), top, [channel.entity()], [], final=True, timeout=30
        )
    if not new:
        return t.updates.ChannelDifferenceEmpty(channel.pts, final=True, timeout=30)
    part = new[:limit]
    last = part[-1].pts
    updates = [event.update for event in part]
    fresh = [each.message for each in updates if isinstance(each, t.UpdateNewChannelMessage)]
    other = [copy.copy(each) for each in updates if not isinstance(each, t.UpdateNewChannelMessage)]
    if not habits.diff_real_pts:
        for each in other:
            each.pts, each.pts_count = last, 0
    return t.updates.ChannelDifference(
        last, fresh, other, [channel.entity()], [], final=len(part) == len(new), timeout=30
    )
