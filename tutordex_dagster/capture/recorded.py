"""A recorded channel that goes on for ever: what the first run, the demos and the tests read.

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
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from tutordex_dagster.capture.contract import ChannelInfo, Message, SourceKind, Unreadable
from tutordex_dagster.capture.references import canonical_reference
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.windows import HOUR, Clock, Window

_SERIAL = re.compile(r"\{#(\d{1,9})\}")
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


class _Line(_Record):
    at: _Seconds
    text: str = ""
    edits: tuple[_Edit, ...] = ()
    deleted_after: _Seconds | None = None
    service: bool = False
    reply: PositiveInt | None = None
    media: str | None = None
    forwarded: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """One line of the recording at its offset in seconds; a line that cannot be read keeps its place."""

    at: int
    at_is_known: bool
    number: int
    content: _Line | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A loaded recording: slots ordered by offset, each offset in [0, period)."""

    info: ChannelInfo
    period: timedelta
    epoch: datetime
    begins: datetime
    serials_per_period: int
    slots: tuple[_Slot, ...]
    offsets: tuple[timedelta, ...] = field(repr=False)


def read_recording(path: Path) -> Recording:
    """Load a recording; PermanentError if its header is none. A line that cannot be read keeps its place."""
    lines = path.read_bytes().splitlines()
    header, info = _read_header(path, lines[0] if lines else b"")
    slots = _slots(lines[1:], period_seconds=header.period_hours * 3600)
    return Recording(
        info=info,
        period=header.period_hours * HOUR,
        epoch=header.epoch.astimezone(UTC),
        begins=max(header.epoch, header.begins or header.epoch).astimezone(UTC),
        serials_per_period=header.serials_per_period,
        slots=slots,
        offsets=tuple(timedelta(seconds=slot.at) for slot in slots),
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


def load_recordings(folder: Path, clock: Clock) -> dict[str, "RecordedSource"]:
    """Load every `*.jsonl` of a folder, by reference; UsageError if a channel comes twice."""
    if not folder.is_dir():
        raise UsageError(folder, "is no folder", "name the folder that holds the recordings (*.jsonl)")
    sources: dict[str, RecordedSource] = {}
    for path in sorted(folder.glob("*.jsonl")):
        source = RecordedSource(read_recording(path), clock)
        if source.info.reference in sources:
            raise UsageError(path, f"records {source.info.reference} a second time", "keep one of the two")
        sources[source.info.reference] = source
    return sources


class RecordedSource:
    """A channel source that plays a recording: at any moment it shows what would have been posted by then."""

    kind: SourceKind = "recorded"
    authoritative = True

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self._recording = recording
        self._clock = clock

    @property
    def info(self) -> ChannelInfo:
        """Tell which channel this is."""
        return self._recording.info

    def vouches_until(self, now: datetime) -> datetime:
        """Return now: a recording shows everything up to the moment it is read."""
        return now

    def observed_at(self, now: datetime) -> datetime:
        """Return now: a recording shows the state of the moment it is read."""
        return now

    def read(self, window: Window) -> Iterator[Message | Unreadable]:
        """Yield what was posted in the window and is visible now, oldest first."""
        now = self._clock()
        for message_id, posted_at, slot in self._visible(window, now):
            if isinstance(slot.content, str):
                reason = f"line {slot.number} of the recording: {slot.content}"
                known = posted_at if slot.at_is_known else None
                yield Unreadable(reason=reason, message_id=message_id, posted_at=known)
            elif not _is_deleted(slot.content, posted_at, now):
                yield self._message(slot, slot.content, message_id, posted_at, now)

    def _visible(self, window: Window, now: datetime) -> Iterator[tuple[int, datetime, _Slot]]:
        recording = self._recording
        since = max(window.since, recording.begins)
        cycle = (since - recording.epoch) // recording.period
        while (start := recording.epoch + cycle * recording.period) < window.until and start <= now:
            first = bisect_left(recording.offsets, since - start)
            for index in range(first, bisect_left(recording.offsets, window.until - start)):
                posted_at = start + recording.offsets[index]
                if posted_at > now:
                    return
                yield cycle * len(recording.slots) + index + 1, posted_at, recording.slots[index]
            cycle += 1

    def _message(
        self, slot: _Slot, line: _Line, message_id: int, posted_at: datetime, now: datetime
    ) -> Message:
        age = (now - posted_at).total_seconds()
        edit = max(
            (edit for edit in line.edits if edit.after <= age), key=lambda edit: edit.after, default=None
        )
        return Message(
            message_id=message_id,
            posted_at=posted_at,
            text=self._numbered(edit.text if edit else line.text, message_id),
            edited_at=posted_at + timedelta(seconds=edit.after) if edit else None,
            kind="service" if line.service else "post",
            reply_to=message_id - line.reply if line.reply and line.reply < message_id else None,
            forwarded_from=line.forwarded,
            media=line.media,
            payload=orjson.dumps({"recording_line": slot.number}),
        )

    def _numbered(self, text: str, message_id: int) -> str:
        """Show the serial numbers of the message's cycle."""
        if "{#" not in text:
            return text
        passed = (message_id - 1) // len(self._recording.slots) * self._recording.serials_per_period
        return _SERIAL.sub(lambda serial: f"{int(serial[1]) + passed:0{len(serial[1])}d}", text)


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


def _slots(lines: list[bytes], *, period_seconds: int) -> tuple[_Slot, ...]:
    slots: list[_Slot] = []
    for number, line in enumerate(lines, start=2):
        if line.strip():
            slots.append(_slot(line, number, slots[-1].at if slots else 0, period_seconds))
    return tuple(sorted(slots, key=lambda slot: slot.at))


def _slot(line: bytes, number: int, previous_at: int, period_seconds: int) -> _Slot:
    try:
        content: _Line | str = _Line.model_validate_json(line)
    except ValidationError as error:
        content = _first_problem(error)
    at = content.at if isinstance(content, _Line) else _offset_in(line)
    if at is not None and 0 <= at < period_seconds:
        return _Slot(at=at, at_is_known=True, number=number, content=content)
    if isinstance(content, _Line):
        content = f"at: {at} lies outside the period of {period_seconds} s"
    return _Slot(at=previous_at, at_is_known=False, number=number, content=content)


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


def _is_deleted(line: _Line, posted_at: datetime, now: datetime) -> bool:
    return line.deleted_after is not None and posted_at + timedelta(seconds=line.deleted_after) <= now
