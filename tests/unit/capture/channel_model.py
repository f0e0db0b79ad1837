"""A channel in memory: what happens in it, a live source that tells it, and what may go wrong on the way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    Changes,
    ChannelInfo,
    EnqueueFor,
    Message,
    Position,
    RawLog,
    SourceKind,
    StoreResult,
    Unreadable,
)
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.capture.sweep import sweep
from tutordex_dagster.capture.tail import Followed, Pushed, apply_push, follow
from tutordex_dagster.errors import TransientError
from tutordex_dagster.windows import HOUR, Window, hour_of, hour_window

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ID = 7
TICK = timedelta(milliseconds=1)
PART = 3
"""Events the source tells at once."""

DAYS = timedelta(days=14)
LIVE = [EnqueueFor(version="rules", lane="live")]

Interruption = Callable[[], None]


class Away(TransientError):  # noqa: N818 - a verdict, as in the code under test
    """The source cannot be asked."""


class Crash(Exception):  # noqa: N818 - no error of ours: the process ends here
    """The process ends here."""


@dataclass
class World:
    """A channel as its readers see it now; `events` holds the id that each step of the cursor is about."""

    now: datetime = START
    channel_id: int = ID
    messages: dict[int, Message] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    pushes: list[Pushed] = field(default_factory=list)
    forgotten: int = 0
    garbled: set[int] = field(default_factory=set)
    _last_id: int = 0

    def clock(self) -> datetime:
        """Tell the time; no two instants are the same."""
        self.now += TICK
        return self.now

    def post(self) -> int:
        """Post a message and return its id."""
        self._last_id += 1
        self.messages[self._last_id] = Message(
            message_id=self._last_id, posted_at=self.now.replace(microsecond=0), text="new"
        )
        self._happened(self._last_id)
        return self._last_id

    def edit(self, message_id: int) -> None:
        """Edit a message; the source knows the second, as Telegram does."""
        text, second = f"edited at step {len(self.events)}", self.now.replace(microsecond=0)
        self.messages[message_id] = replace(self.messages[message_id], text=text, edited_at=second)
        self._happened(message_id)

    def delete(self, message_id: int) -> None:
        """Delete a message for ever."""
        del self.messages[message_id]
        self._happened(message_id)

    def shown(self, message_id: int) -> Message | Unreadable:
        """Return what a reader gets of a message that exists."""
        message = self.messages[message_id]
        if message_id in self.garbled:
            return Unreadable(reason="garbled", message_id=message_id, posted_at=message.posted_at)
        return message

    def split(self, message_ids: Sequence[int]) -> tuple[list[Message | Unreadable], list[int]]:
        """Return what exists of these messages, and the ids of the rest."""
        found = [self.shown(each) for each in sorted(set(message_ids)) if each in self.messages]
        return found, [each for each in message_ids if each not in self.messages]

    def _happened(self, message_id: int) -> None:
        self.events.append(message_id)
        found, deleted = self.split([message_id])
        pts = len(self.events)
        self.pushes.append(
            Pushed(channel_id=self.channel_id, pts=pts, pts_count=1, found=found, deleted=deleted)
        )


class ModelSource:
    """The live source of a world; `plan` interrupts before every answer and while it is on its way."""

    kind: SourceKind = "telegram"
    authoritative = True

    def __init__(self, world: World, plan: Sequence[Interruption] = ()) -> None:
        self.info = ChannelInfo(channel_id=world.channel_id, reference="t.me/model", title="Model")
        self._world = world
        self._plan = iter(plan)
        self.calls: list[str] = []

    def vouches_until(self, now: datetime) -> datetime:
        return now

    def observed_at(self, now: datetime) -> datetime:
        return now

    def cursor(self) -> int:
        self._asked("cursor")
        answer = len(self._world.events)
        self._interrupted()
        return answer

    def changes(self, since: int) -> Changes | None:
        self._asked(f"changes {since}")
        answer = self._changes(since)
        self._interrupted()
        return answer

    def read(self, window: Window) -> Iterator[Message | Unreadable]:
        return self._pages("read", 0, lambda message: message.posted_at in window)

    def newer(self, after_id: int) -> Iterator[Message | Unreadable]:
        return self._pages(f"newer {after_id}", after_id, lambda _: True)

    def newest(self, limit: int) -> Sequence[Message | Unreadable]:
        self._asked(f"newest {limit}")
        answer = [self._world.shown(each) for each in sorted(self._world.messages)[-limit:]]
        self._interrupted()
        return answer

    def _changes(self, since: int) -> Changes | None:
        world = self._world
        if since < world.forgotten:
            return None
        until = min(len(world.events), since + PART)
        found, deleted = world.split(world.events[since:until])
        return Changes(found=found, deleted=deleted, cursor=until, final=until == len(world.events))

    def _pages(
        self, name: str, after_id: int, wanted: Callable[[Message], bool]
    ) -> Iterator[Message | Unreadable]:
        while True:
            self._asked(name)
            shown = sorted(each for each, m in self._world.messages.items() if each > after_id and wanted(m))
            page, _ = self._world.split(shown[:PART])
            self._interrupted()
            if not page:
                return
            after_id = shown[:PART][-1]
            yield from page

    def _asked(self, call: str) -> None:
        self.calls.append(call)
        self._interrupted()

    def _interrupted(self) -> None:
        next(self._plan, nothing)()


class ModelLog:
    """The raw log in memory; before or after its n-th batch the process may end."""

    def __init__(self, world: World) -> None:
        self.memory = MemoryRawLog(clock=world.clock)
        self.batches: list[CaptureBatch] = []
        self.crash: tuple[int, bool] | None = None

    def store(self, batch: CaptureBatch) -> StoreResult:
        batches_left, stored_first = self.crash or (-1, False)
        if batches_left == 0 and not stored_first:
            raise Crash
        result = self.memory.store(batch)
        self.batches.append(batch)
        if batches_left == 0:
            raise Crash
        self.crash = (batches_left - 1, stored_first) if self.crash else None
        return result

    def position(self, channel_id: int) -> Position:
        return self.memory.position(channel_id)


def away() -> None:
    """Fail as a source that cannot be asked."""
    raise Away("the source is away; it is asked again later")


def nothing() -> None:
    """Let the answer arrive."""


def follows(
    world: World,
    log: ModelLog,
    *plan: Interruption,
    batch_size: int = 4,
    should_stop: Callable[[], bool] = lambda: False,
) -> Followed:
    """Follow the channel; `plan` is what happens meanwhile."""
    return follow(
        ModelSource(world, plan),
        log.position(ID),
        log=log,
        clock=world.clock,
        enqueue=LIVE,
        rescan=DAYS,
        batch_size=batch_size,
        should_stop=should_stop,
    )


def gets(world: World, log: ModelLog, pushed: Pushed, source: ModelSource | None = None) -> Followed:
    """Apply a pushed update."""
    return apply_push(
        source or ModelSource(world),
        log.position(ID),
        pushed,
        log=log,
        clock=world.clock,
        enqueue=LIVE,
        rescan=DAYS,
    )


def sweeps(world: World, log: RawLog, window: Window) -> None:
    """Read whole hours, as a catchup does."""
    sweep(ModelSource(world), window, log=log, clock=world.clock, enqueue=LIVE, lag=timedelta())


def texts(log: MemoryRawLog) -> dict[int, str]:
    """Return what the log shows, by id."""
    return {message.message_id: message.text for message in log.live(ID)}


def truth(world: World) -> dict[int, str]:
    """Return what the channel shows, by id."""
    return {message_id: message.text for message_id, message in sorted(world.messages.items())}


def followed_world(posts: int = 3) -> tuple[World, ModelLog]:
    """Return a world with so many posts in an hour that is over, read and followed."""
    world = World()
    log = ModelLog(world)
    for _ in range(posts):
        world.post()
    world.now += HOUR
    sweeps(world, log, hour_window(hour_of(START)))
    follows(world, log)
    log.batches.clear()
    world.pushes.clear()
    return world, log


class Held:
    """Keeps the batches of a sweep, to be stored later than they were read."""

    def __init__(self) -> None:
        self.batches: list[CaptureBatch] = []

    def store(self, batch: CaptureBatch) -> StoreResult:
        self.batches.append(batch)
        return StoreResult()

    def position(self, channel_id: int) -> Position:
        raise AssertionError(f"a sweep asks for no position of {channel_id}")
