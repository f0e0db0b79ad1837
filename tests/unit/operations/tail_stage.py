"""A stage for the tail service: channels that live, a feed that follows them, and time that passes."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter

from typing_extensions import override

from tests.unit.capture.channel_model import START, ModelSource, World, nothing
from tutordex_dagster.capture.contract import EnqueueFor
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.capture.tail import Followed, Pushed
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.operations.tail_loop import TailLoop
from tutordex_dagster.operations.tail_parts import Progress, State, TailOptions, TailTools
from tutordex_dagster.store.channels import Channel

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
CHECK = timedelta(seconds=10)
POLLED, JOINED = 1, 2
"""The channels of `two_channels`: one that is polled, and one that pushes."""
OPTIONS = TailOptions(
    check_every=CHECK,
    connection_check_every=timedelta(seconds=30),
    heartbeat_every=timedelta(seconds=60),
    rescan=timedelta(days=14),
    parallel=1,
)


def channel(channel_id: int, *, member: bool | None = None) -> Channel:
    """Return a channel of Telegram."""
    return Channel(
        channel_id=channel_id,
        reference=f"t.me/channel{channel_id}",
        title=f"Channel {channel_id}",
        source_kind="telegram",
        collect_since=START,
        member=member,
    )


class StageSource(ModelSource):
    """The source of a channel; every question is noted with its time, and may be answered with an error."""

    def __init__(self, world: World, feed: "StageFeed") -> None:
        super().__init__(world)
        self._feed = feed

    @override
    def _asked(self, call: str) -> None:
        self._feed.calls.append(call)
        self._feed.asked.setdefault(self.info.channel_id, []).append(self._feed.stage.now)
        self._feed.on_question()
        if error := self._feed.errors.get(self.info.channel_id):
            raise error


@dataclass
class StageFeed:
    """A feed over worlds, with switches for what can go wrong."""

    stage: "Stage"
    listed: list[Channel] = field(default_factory=list)
    worlds: dict[int, World] = field(default_factory=dict)
    live: bool = True
    is_connected: bool = True
    is_renewed: bool = True
    links: int = 1
    on_question: Callable[[], None] = nothing
    sync_error: Exception | None = None
    check_error: Exception | None = None
    checks: list[tuple[datetime, timedelta]] = field(default_factory=list)
    errors: dict[int, Exception] = field(default_factory=dict)
    asked: dict[int, list[datetime]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def add(self, channel_id: int, *, member: bool | None = None) -> None:
        """Let a channel be listed."""
        self.listed.append(channel(channel_id, member=member))
        self.worlds[channel_id] = World(now=self.stage.now, channel_id=channel_id)

    def world(self, channel_id: int) -> World:
        """Return what happens in a channel, now."""
        world = self.worlds[channel_id]
        world.now = self.stage.now
        return world

    def channels(self) -> list[Channel]:
        return list(self.listed)

    def source_for(self, channel: Channel) -> StageSource:
        return StageSource(self.worlds[channel.channel_id], self)

    def sync(self) -> None:
        if self.sync_error:
            raise self.sync_error

    def connected(self) -> bool:
        return self.is_connected

    def check(self, every: timedelta) -> None:
        self.checks.append((self.stage.now, every))
        if self.check_error:
            raise self.check_error

    def generation(self) -> int:
        return self.links

    def renewed(self) -> bool:
        return self.is_renewed

    def reconnect(self) -> None:
        self.links += 1
        self.is_connected = True


class Stage:
    """Time, what is due to happen in it, and everything the service tells."""

    def __init__(self) -> None:
        self.now = START
        self.end = START
        self.feed = StageFeed(self)
        self.log = MemoryRawLog(clock=self.clock)
        self.pushes: deque[Pushed] = deque()
        self.agenda: list[tuple[datetime, Callable[[], object]]] = []
        self.beats: list[tuple[datetime, State, Mapping[str, int]]] = []
        self.problems: list[tuple[datetime, int, str | None]] = []
        self.followed: list[tuple[int, Followed]] = []
        self.beat_error: Exception | None = None

    def clock(self) -> datetime:
        """Tell the time."""
        return self.now

    def at(self, after: timedelta, act: Callable[[], object]) -> None:
        """Let something happen so long after the start."""
        self.agenda.append((START + after, act))
        self.agenda.sort(key=itemgetter(0))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        until = self.now + timedelta(seconds=seconds)
        while self.agenda and self.agenda[0][0] <= until:
            self.now, act = self.agenda.pop(0)
            act()
        self.now = until

    def push(self, channel_id: int) -> None:
        """Have Telegram push what happened in the channel since the last time."""
        self.pushes.extend(self.feed.worlds[channel_id].pushes)
        self.feed.worlds[channel_id].pushes.clear()

    def tools(self) -> TailTools:
        """Return the tools of a service on this stage."""
        return TailTools(
            raw_log=self.log,
            enqueue=[EnqueueFor(version="rules", lane="live")],
            clock=self.clock,
            take=self._take,
            beat=self._beat,
            on_problem=self._note_problem,
            on_followed=lambda channel, followed: self.followed.append((channel.channel_id, followed)),
            stopping=lambda: self.now >= self.end,
        )

    def loop(self, options: TailOptions = OPTIONS) -> TailLoop:
        """Return a loop over this stage's feed."""
        return TailLoop(self.feed, self.tools(), options, Progress())

    def run(self, span: timedelta, loop: TailLoop | None = None) -> None:
        """Run a loop for so long."""
        self.end = self.now + span
        (loop or self.loop()).run()

    def ids(self, channel_id: int) -> list[int]:
        """Return the ids of the messages the log shows."""
        return [message.message_id for message in self.log.live(channel_id)]

    def _take(self, seconds: float) -> Pushed | None:
        if not self.pushes:
            self.pass_time(seconds)
        return self.pushes.popleft() if self.pushes else None

    def _beat(self, state: State, counts: Mapping[str, int]) -> None:
        if self.beat_error:
            raise self.beat_error
        self.beats.append((self.now, state, dict(counts)))

    def _note_problem(self, channel: Channel, problem: PermanentError | None) -> None:
        said = None if problem is None else str(problem)
        self.problems.append((self.now, channel.channel_id, said))
        self.feed.listed = [
            replace(each, problem=said, problem_at=self.now if said else None)
            if each.channel_id == channel.channel_id
            else each
            for each in self.feed.listed
        ]


def two_channels() -> Stage:
    """Return a stage with a channel that is polled and one that pushes."""
    stage = Stage()
    stage.feed.add(POLLED, member=False)
    stage.feed.add(JOINED, member=True)
    return stage


def asked(stage: Stage, channel_id: int) -> list[timedelta]:
    """Return when a channel was asked for changes, beyond its first questions."""
    return sorted({at - START for at in stage.feed.asked.get(channel_id, []) if at > START})
