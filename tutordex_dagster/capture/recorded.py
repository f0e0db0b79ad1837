"""A recorded channel that goes on for ever, as a source that can be swept and followed.

Its cursor is the time in whole seconds since 1970. Like Telegram it tells what changed for a while only:
whoever was away longer has to read again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import orjson

from tutordex_dagster.capture.contract import Changes, ChannelInfo, Message, SourceKind, Unreadable
from tutordex_dagster.capture.recording import Line, Recording, Slot, read_recording
from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import Clock, Window

REMEMBERED = timedelta(days=1)
"""How far from now a cursor may lie for a recording to tell what changed after it."""

_SERIAL = re.compile(r"\{#(\d{1,9})\}")
_MOMENT = timedelta(microseconds=1)


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
    """A live source that plays a recording: at any moment it shows what would have been posted by then."""

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
        until = min(window.until, now + _MOMENT)
        ids = range(self._recording.first_id(window.since), self._recording.first_id(until))
        return self._shown(ids, now)

    def cursor(self) -> int:
        """Return the whole seconds since 1970 that have passed."""
        return int(self._clock().timestamp())

    def changes(self, since: int) -> Changes | None:
        """Return all that happened after the cursor, as it shows now; None if that lies over a day off.

        A cursor of the near future, left by a clock that was put back since, has nothing after it yet: what
        came before it is stored, and a recording always says the same.
        """
        now = self._clock()
        after = datetime.fromtimestamp(since, UTC)
        if abs(now - after) > REMEMBERED:
            return None
        touched = sorted(self._recording.touched(after, now))
        deleted = [message_id for message_id in touched if self._is_deleted(message_id, now)]
        return Changes(
            found=tuple(self._shown(touched, now)),
            deleted=deleted,
            cursor=max(since, int(now.timestamp())),
        )

    def newer(self, after_id: int) -> Iterator[Message | Unreadable]:
        """Yield the messages with a greater id that are visible now, oldest first."""
        now = self._clock()
        ids = self._all_ids(now)
        return self._shown(range(max(after_id + 1, ids.start), ids.stop), now)

    def newest(self, limit: int) -> Sequence[Message | Unreadable]:
        """Return the newest messages that are visible now, oldest first."""
        now = self._clock()
        return tuple(islice(self._shown(reversed(self._all_ids(now)), now), limit))[::-1]

    def _all_ids(self, now: datetime) -> range:
        recording = self._recording
        return range(recording.first_id(recording.begins), recording.first_id(now + _MOMENT))

    def _shown(self, ids: Iterable[int], now: datetime) -> Iterator[Message | Unreadable]:
        for message_id in ids:
            posted_at, slot = self._recording.place(message_id)
            if isinstance(slot.content, str):
                reason = f"line {slot.number} of the recording: {slot.content}"
                known = posted_at if slot.at_is_known else None
                yield Unreadable(reason=reason, message_id=message_id, posted_at=known)
            elif not _is_deleted(slot.content, posted_at, now):
                yield self._message(slot, slot.content, message_id, posted_at, now)

    def _is_deleted(self, message_id: int, now: datetime) -> bool:
        posted_at, slot = self._recording.place(message_id)
        return isinstance(slot.content, Line) and _is_deleted(slot.content, posted_at, now)

    def _message(
        self, slot: Slot, line: Line, message_id: int, posted_at: datetime, now: datetime
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
        passed = self._recording.cycle(message_id) * self._recording.serials_per_period
        return _SERIAL.sub(lambda serial: f"{int(serial[1]) + passed:0{len(serial[1])}d}", text)


def _is_deleted(line: Line, posted_at: datetime, now: datetime) -> bool:
    return line.deleted_after is not None and posted_at + timedelta(seconds=line.deleted_after) <= now
