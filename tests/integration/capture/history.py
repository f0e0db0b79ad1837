"""A made-up channel whose whole history is known, and the ways to learn of it: sweeps and following it.

Time goes in ticks, at most one event happens in each, and the cursor of a tick is the tick itself. What is
read at a tick shows the events up to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import strategies as st

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    ChannelInfo,
    Message,
    SourceKind,
    StoreResult,
    Unreadable,
)
from tutordex_dagster.capture.sweep import sweep
from tutordex_dagster.windows import Window

START = datetime(2026, 1, 5, tzinfo=UTC)
TICK = timedelta(minutes=7)
LAST = 30
"""The last tick with an event: three and a half hours after the first."""

EVER = Window(START, START + LAST * TICK).whole_hours()
_GRAIN = 3
"""Ticks between which edit times look the same, as edits within a second do."""


def at(tick: float) -> datetime:
    """Return the instant just after the events of a tick."""
    return START + tick * TICK + timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a message; a deletion has no text."""

    tick: int
    what: Literal["post", "edit", "delete"]
    message_id: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """The events of a channel in their order."""

    events: Sequence[Event]

    def state(self, tick: int) -> dict[int, Message]:
        """Return the messages that exist at that tick, by id, as they look then."""
        messages: dict[int, Message] = {}
        for event in self.between(-1, tick):
            if event.what == "delete":
                messages.pop(event.message_id)
            else:
                messages[event.message_id] = _shown(event, messages.get(event.message_id))
        return messages

    def between(self, after: int, until: int) -> list[Event]:
        """Return the events after one tick and up to another."""
        return [event for event in self.events if after < event.tick <= until]

    def told(self, after: int, until: int, *, as_of_now: bool) -> tuple[list[Message], list[int]]:
        """Return messages found and ids deleted: each message as it is `until`, or once for every event."""
        events = self.between(after, until)
        deleted = [event.message_id for event in events if event.what == "delete"]
        posts = [event for event in events if event.what != "delete"]
        if as_of_now:
            now = self.state(until)
            return [now[each] for each in sorted({post.message_id for post in posts} & now.keys())], deleted
        return [self.state(post.tick)[post.message_id] for post in posts], deleted


def _shown(event: Event, before: Message | None) -> Message:
    if before is None:
        return Message(message_id=event.message_id, posted_at=START + event.tick * TICK, text=event.text)
    edited_at = START + (event.tick - event.tick % _GRAIN) * TICK
    return replace(before, text=event.text, edited_at=max(edited_at, before.posted_at))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw what happens in a channel. Some edits change nothing to be seen, but none restores an older text.

    A text that is restored cannot be told from one that never changed: a sweep that began in between and is
    stored at the very end would win until the hour is read again.
    """
    events: list[Event] = []
    texts: dict[int, str] = {}
    for tick in sorted(draw(st.sets(st.integers(1, LAST), min_size=8, max_size=16))):
        what: Literal["post", "edit", "delete"] = draw(
            st.sampled_from(["post", "edit", "delete"] if texts else ["post"])
        )
        new = len({event.message_id for event in events}) + 1
        message_id = new if what == "post" else draw(st.sampled_from(sorted(texts)))
        if what == "delete":
            del texts[message_id]
        elif what == "post" or draw(st.booleans()):
            texts[message_id] = f"as of {tick}"
        events.append(Event(tick=tick, what=what, message_id=message_id, text=texts.get(message_id, "")))
    return History(events)


@dataclass(slots=True)
class Reading:
    """A source that shows the channel as it is at one tick, and a log that keeps what a sweep would store."""

    history: History
    tick: int
    channel_id: int
    batches: list[CaptureBatch] = field(default_factory=list)
    kind: SourceKind = "telegram"
    authoritative: bool = True

    @property
    def info(self) -> ChannelInfo:
        return ChannelInfo(channel_id=self.channel_id, reference="t.me/history", title="History")

    def vouches_until(self, now: datetime) -> datetime:
        return now

    def observed_at(self, now: datetime) -> datetime:
        return now

    def read(self, window: Window) -> Iterator[Message | Unreadable]:
        messages = self.history.state(self.tick).values()
        yield from (message for message in messages if message.posted_at in window)

    def store(self, batch: CaptureBatch) -> StoreResult:
        self.batches.append(batch)
        return StoreResult()


def swept(history: History, tick: int, window: Window, channel_id: int) -> list[CaptureBatch]:
    """Return what a sweep of the window that begins at that tick stores."""
    reading = Reading(history, tick, channel_id)
    sweep(reading, window, log=reading, clock=lambda: at(tick), enqueue=(), lag=timedelta(), batch_size=20)
    return reading.batches
