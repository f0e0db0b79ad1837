"""Recordings of channels as files: what the first run, the demos and the tests read.

A recording is a JSONL file. Its first line is the header:

    {"schema_version": 1, "channel": {"id": 1, "reference": "t.me/x", "title": "X"},
     "period_hours": 168, "epoch": "2026-01-05T00:00:00+00:00", "begins": "…"}

and every further line one message: `at` (seconds from the start of the period), `text`, and optionally
`edits` ([{"after": seconds, "text": …}]), `deleted_after` (seconds), `service` (true), `reply` (how many
messages back), `media`, `forwarded`. The period repeats from the epoch on; `begins` hides what is older.
Message k of cycle c always has the same id and the same instant, so any two reads agree.

So that a case of this week is not that of the last, a text may hold serial numbers, `{#0182}`: in cycle c
they show the number plus c times the header's `serials_per_period`, with as many digits at least.
"""

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from tutordex_dagster.capture.contract import ChannelInfo
from tutordex_dagster.capture.references import canonical_reference
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.windows import HOUR

log = logging.getLogger(__name__)

_Seconds = Annotated[int, Field(ge=0)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Channel(_Record):
    id: PositiveInt
    reference: str
    title: str


class _Header(_Record):
    schema_version: Literal[1]
    channel: _Channel
    period_hours: PositiveInt
    epoch: AwareDatetime
    begins: AwareDatetime | None = None
    serials_per_period: NonNegativeInt = 0


class _Edit(_Record):
    after: _Seconds
    text: str


class Line(_Record):
    """One message of the recording: when it is posted, and what becomes of it."""

    at: _Seconds
    text: str = ""
    edits: tuple[_Edit, ...] = ()
    deleted_after: _Seconds | None = None
    service: bool = False
    reply: PositiveInt | None = None
    media: str | None = None
    forwarded: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One line of the recording at its offset in seconds; a line that cannot be read keeps its place."""

    at: int
    at_is_known: bool
    number: int
    content: Line | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A post, an edit or a deletion: `offset` into a cycle, to a slot of the cycle `age` cycles before it."""

    offset: timedelta
    age: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A loaded recording: slots ordered by offset, each offset in [0, period); moments ordered likewise."""

    info: ChannelInfo
    period: timedelta
    epoch: datetime
    begins: datetime
    serials_per_period: int
    slots: tuple[Slot, ...]
    offsets: tuple[timedelta, ...] = field(repr=False)
    moments: tuple[Moment, ...] = field(repr=False)

    def first_id(self, since: datetime) -> int:
        """Return the id of the first message posted at `since` or later, the ones `begins` hides left out."""
        cycle, into = divmod(max(since, self.begins) - self.epoch, self.period)
        return cycle * len(self.slots) + bisect_left(self.offsets, into) + 1

    def cycle(self, message_id: int) -> int:
        """Return how many whole periods pass before the one a message is posted in."""
        return (message_id - 1) // len(self.slots)

    def place(self, message_id: int) -> tuple[datetime, Slot]:
        """Return when a message is posted and the slot it plays."""
        index = (message_id - 1) % len(self.slots)
        return self.epoch + self.cycle(message_id) * self.period + self.offsets[index], self.slots[index]

    def touched(self, after: datetime, until: datetime) -> set[int]:
        """Return the ids of messages that were posted, edited or deleted in (after, until]."""
        first = self.first_id(self.begins)
        return {each for each in self._touched(after, until) if each >= first}

    def _touched(self, after: datetime, until: datetime) -> Iterator[int]:
        cycle = (after - self.epoch) // self.period
        while (start := self.epoch + cycle * self.period) <= until:
            low = bisect_right(self.moments, after - start, key=_offset)
            for moment in self.moments[low : bisect_right(self.moments, until - start, key=_offset)]:
                yield (cycle - moment.age) * len(self.slots) + moment.slot + 1
            cycle += 1


def _offset(moment: Moment) -> timedelta:
    return moment.offset


def read_recording(path: Path) -> Recording:
    """Load a recording; PermanentError if its header is none. A line that cannot be read keeps its place."""
    lines = path.read_bytes().splitlines()
    header, info = _read_header(path, lines[0] if lines else b"")
    period = header.period_hours * HOUR
    slots = _slots(lines[1:], period_seconds=header.period_hours * 3600)
    return Recording(
        info=info,
        period=period,
        epoch=header.epoch.astimezone(UTC),
        begins=max(header.epoch, header.begins or header.epoch).astimezone(UTC),
        serials_per_period=header.serials_per_period,
        slots=slots,
        offsets=tuple(timedelta(seconds=slot.at) for slot in slots),
        moments=tuple(sorted(_moments(slots, period), key=_offset)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChannel:
    """A channel that a folder records, and the file that holds it."""

    info: ChannelInfo
    path: Path


def recorded_channels(folder: Path) -> dict[str, RecordedChannel]:
    """Tell by reference which channels a folder records, from the first line of every file.

    A file without a header is logged and left out, and so is a second file of one channel: neither may stop
    the others. A folder that is not there records nothing.
    """
    found: dict[str, RecordedChannel] = {}
    for path in sorted(folder.glob("*.jsonl")):
        try:
            with path.open("rb") as lines:
                _, info = _read_header(path, lines.readline())
        except PermanentError as error:
            log.warning("event=recording_left_out reason=%s", error)
            continue
        if info.reference in found:
            log.warning("event=recording_left_out reason=%s records %s a second time", path, info.reference)
        else:
            found[info.reference] = RecordedChannel(info=info, path=path)
    return found


def _read_header(path: Path, line: bytes) -> tuple[_Header, ChannelInfo]:
    try:
        header = _Header.model_validate_json(line)
        reference = canonical_reference(header.channel.reference)
    except (ValidationError, UsageError) as error:
        raise PermanentError(
            f"{path}: the first line is no recording's header ({_first_problem(error)}); "
            'start it with {"schema_version": 1, "channel": …, "period_hours": …, "epoch": …}'
        ) from error
    info = ChannelInfo(channel_id=header.channel.id, reference=reference, title=header.channel.title)
    return header, info


def _slots(lines: list[bytes], *, period_seconds: int) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for number, line in enumerate(lines, start=2):
        if line.strip():
            slots.append(_slot(line, number, slots[-1].at if slots else 0, period_seconds))
    return tuple(sorted(slots, key=lambda slot: slot.at))


def _slot(line: bytes, number: int, previous_at: int, period_seconds: int) -> Slot:
    try:
        content: Line | str = Line.model_validate_json(line)
    except ValidationError as error:
        content = _first_problem(error)
    at = content.at if isinstance(content, Line) else _offset_in(line)
    if at is not None and 0 <= at < period_seconds:
        return Slot(at=at, at_is_known=True, number=number, content=content)
    if isinstance(content, Line):
        content = f"at: {at} lies outside the period of {period_seconds} s"
    return Slot(at=previous_at, at_is_known=False, number=number, content=content)


def _moments(slots: tuple[Slot, ...], period: timedelta) -> Iterator[Moment]:
    for index, slot in enumerate(slots):
        delays = _delays(slot.content) if isinstance(slot.content, Line) else (0,)
        for delay in delays:
            age, offset = divmod(timedelta(seconds=slot.at + delay), period)
            yield Moment(offset=offset, age=age, slot=index)


def _delays(line: Line) -> tuple[int, ...]:
    deletion = () if line.deleted_after is None else (line.deleted_after,)
    return (0, *(edit.after for edit in line.edits), *deletion)


def _offset_in(line: bytes) -> int | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    at = record.get("at") if isinstance(record, dict) else None
    return at if type(at) is int else None


def _first_problem(error: ValidationError | UsageError) -> str:
    if isinstance(error, UsageError):
        return str(error)
    first = error.errors()[0]
    return ": ".join([*(str(part) for part in first["loc"]), first["msg"]])
