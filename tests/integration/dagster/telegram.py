"""Channels of Telegram as a test wants them: what they show, and what goes wrong when they are asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar, cast

from typing_extensions import override

from tests.integration.dagster.world import EPOCH, World
from tutordex_dagster.capture.contract import (
    Changes,
    ChannelInfo,
    ChannelSource,
    LiveSource,
    Message,
    SourceKind,
)
from tutordex_dagster.errors import TutorDexError
from tutordex_dagster.resources.feed import TailFeed
from tutordex_dagster.resources.services import Services
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import HOUR, Window

Answer = TypeVar("Answer")


def message(number: int, posted_at: datetime, text: str = "") -> Message:
    """Return a post of this id."""
    return Message(message_id=number, posted_at=posted_at, text=text or f"post {number}")


def hourly(since: datetime, hours: int) -> list[Message]:
    """Return a post in the middle of each of these hours."""
    middle = since + timedelta(minutes=30)
    return [message(number, middle + (number - 1) * HOUR) for number in range(1, hours + 1)]


@dataclass(kw_only=True)
class FakeChannel:
    """A source that shows these messages, raises `error` for all it has from `fails_from` on, and remembers.

    `on_read` is told every window before it is read.
    """

    info: ChannelInfo
    messages: Sequence[Message] = ()
    error: TutorDexError | None = None
    fails_from: datetime = EPOCH
    on_read: Callable[[Window], object] = lambda _window: None
    asked: list[Window] = field(default_factory=list)

    kind: ClassVar[SourceKind] = "telegram"
    authoritative: ClassVar[bool] = True

    def vouches_until(self, now: datetime) -> datetime:
        return now

    def observed_at(self, now: datetime) -> datetime:
        return now

    def read(self, window: Window) -> Iterator[Message]:
        self.asked.append(window)
        self.on_read(window)
        for each in self.messages:
            if each.posted_at in window and not (self.error and each.posted_at >= self.fails_from):
                yield each
        if self.error and window.until > self.fails_from:
            raise self.error

    def cursor(self) -> int:
        return self._answer(len(self.messages))

    def changes(self, since: int) -> Changes | None:
        return self._answer(
            Changes(found=tuple(self.messages[since:]), deleted=(), cursor=len(self.messages))
        )

    def newer(self, after_id: int) -> Iterator[Message]:
        return iter([each for each in self.messages if each.message_id > after_id])

    def newest(self, limit: int) -> Sequence[Message]:
        return self.messages[-limit:]

    def _answer(self, answer: Answer) -> Answer:
        if self.error:
            raise self.error
        return answer


@dataclass(frozen=True, kw_only=True)
class FakeTelegram(Services):
    """Services whose channels of Telegram are fakes; other channels are as ever.

    `refusal` is raised instead of opening a session, `obstacle` is what the database says against it;
    `holder` is who reads with it now.
    """

    fakes: Mapping[str, FakeChannel] = field(default_factory=dict)
    refusal: TutorDexError | None = None
    obstacle: str | None = None
    holder: str | None = None

    @override
    def source_for(self, channel: Channel) -> ChannelSource:
        if channel.reference not in self.fakes:
            return super().source_for(channel)
        if self.refusal:
            raise self.refusal
        return self.fakes[channel.reference]

    @override
    def recovery_obstacle(self, *, in_turn: bool = False) -> str | None:
        used = f"session x is used by {self.holder}" if self.holder and not in_turn else None
        return self.obstacle or used

    @contextmanager
    @override
    def tail(self) -> Iterator[TailFeed]:
        if self.refusal:
            raise self.refusal
        yield FakeFeed(self)


class FakeFeed(TailFeed):
    """A feed that follows fakes as well."""

    def __init__(self, services: FakeTelegram) -> None:
        super().__init__(services, None, pushed=False)
        self._fakes = services

    @override
    def channels(self) -> list[Channel]:
        return [each for each in self._fakes.channels.all() if each.source_kind != "export"]

    @override
    def source_for(self, channel: Channel) -> LiveSource:
        return cast("LiveSource", self._fakes.source_for(channel))


def with_telegram(
    world: World,
    *channels: FakeChannel,
    since: datetime,
    **more: Any,  # noqa: ANN401 - of FakeTelegram
) -> World:
    """Register the fakes, collected since an instant, as partitions too; return the world with them."""
    for channel in channels:
        world.services.channels.register(channel.info, source="telegram", collect_since=since)
    plain = {each.name: getattr(world.services, each.name) for each in fields(Services)}
    fakes = {channel.info.reference: channel for channel in channels}
    services = FakeTelegram(**plain, fakes=fakes, **more)
    changed = World(
        instance=world.instance, services=services, clock=world.clock, recordings=world.recordings
    )
    changed.publish()
    return changed


def channel(name: str, channel_id: int, **options: Any) -> FakeChannel:  # noqa: ANN401 - of FakeChannel
    """Return a fake of this name."""
    info = ChannelInfo(channel_id=channel_id, reference=f"t.me/{name}", title=name)
    return FakeChannel(info=info, **options)
