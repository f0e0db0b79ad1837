"""A scripted source, and short ways to sweep it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    ChannelInfo,
    EnqueueFor,
    HourState,
    Message,
    RawLog,
    SourceKind,
    StoreResult,
    Unreadable,
)
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.capture.sweep import SweepSummary, sweep
from tutordex_dagster.errors import PermanentError, TransientError
from tutordex_dagster.windows import HOUR, Window

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = START + timedelta(days=2)
DAY = Window(START, START + 24 * HOUR)
LAG = timedelta(minutes=2)


def post(message_id: int, hours: float, text: str = "a case") -> Message:
    return Message(message_id=message_id, posted_at=START + hours * HOUR, text=text)


@dataclass
class Script:
    """A source that yields what the test wrote down, then raises its error, if any."""

    found: Sequence[Message | Unreadable]
    error: TransientError | PermanentError | None = None
    authoritative: bool = True
    vouched: datetime = NOW + timedelta(days=365)
    kind: SourceKind = "recorded"
    info: ChannelInfo = field(default=ChannelInfo(channel_id=7, reference="t.me/demo", title="Demo"))

    def vouches_until(self, now: datetime) -> datetime:
        return min(now, self.vouched)

    def observed_at(self, now: datetime) -> datetime:
        return now

    def read(self, window: Window) -> Iterator[Message | Unreadable]:
        assert window == window.whole_hours()
        yield from self.found
        if self.error:
            raise self.error


class Recorder:
    """Hands batches on to a raw log in memory and remembers them."""

    def __init__(self) -> None:
        self.log = MemoryRawLog()
        self.batches: list[CaptureBatch] = []

    def store(self, batch: CaptureBatch) -> StoreResult:
        self.batches.append(batch)
        return self.log.store(batch)


def run(
    source: Script,
    log: RawLog,
    *,
    window: Window = DAY,
    now: datetime = NOW,
    batch_size: int = 5000,
    max_messages: int | None = None,
) -> SweepSummary:
    return sweep(
        source,
        window,
        log=log,
        clock=lambda: now,
        enqueue=[EnqueueFor(version="rules", lane="live")],
        lag=LAG,
        batch_size=batch_size,
        max_messages=max_messages,
    )


def states(log: MemoryRawLog, window: Window = DAY) -> dict[int, HourState]:
    return {(row.hour - START) // HOUR: row.state for row in log.hours(7, window)}


def ids(log: MemoryRawLog) -> list[int]:
    return [message.message_id for message in log.live(7)]
