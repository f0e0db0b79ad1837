"""One message of a Telegram Desktop export as a record of ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from tutordex_dagster.capture.contract import Message, Unreadable
from tutordex_dagster.errors import UsageError

_TELEGRAM_BEGAN = datetime(2013, 8, 14, tzinfo=UTC)
"""Telegram's first release; an older date is a defect and would fill the ledger with years of empty hours."""
_CLOCKS_MAY_DIFFER = timedelta(days=1)
_MESSAGE_ID = re.compile(r"(?:message)?(-?\d{1,18})")
_PATH_KEYS = ("photo", "file", "thumbnail", "contact_vcard")
_MEDIA_KEYS = {
    "photo": "photo",
    "file": "file",
    "poll": "poll",
    "location_information": "location",
    "contact_information": "contact",
}
_DRIVE = re.compile(r"[A-Za-z]:")

RawMessage = Mapping[str, Any]
"""A message as the JSON object that the export holds."""


def parse_timezone(name: str | None) -> ZoneInfo | None:
    """Return the zone of an IANA name (`Asia/Singapore`), or None without a name; UsageError if unknown."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        raise UsageError(
            repr(name), "is no time zone", "write an IANA name such as --timezone Asia/Singapore"
        ) from None


@dataclass(slots=True, kw_only=True)
class MessageReader:
    """Reads the messages of one export.

    `timezone` is that of the computer that exported, needed when the file has local times only. Instants
    before Telegram existed or more than a day after `now` are taken for defects. `unsafe_paths` counts media
    paths that lead out of the export's folder and were dropped.
    """

    timezone: ZoneInfo | None
    now: datetime
    unsafe_paths: int = 0

    def posted_at(self, raw: object) -> datetime | str:
        """Return when a message was posted, or why that cannot be read; UsageError without a time zone."""
        if not isinstance(raw, dict):
            return "a message is no object"
        try:
            instant = self._instant(raw.get("date_unixtime"), raw.get("date"))
        except (ValueError, TypeError, OverflowError, OSError):
            return f"cannot read date_unixtime {raw.get('date_unixtime')!r} or date {raw.get('date')!r}"
        if instant is None:
            return "a message has neither date_unixtime nor date"
        if not _TELEGRAM_BEGAN <= instant <= self.now + _CLOCKS_MAY_DIFFER:
            return f"a message is dated {instant.isoformat()}, before Telegram began or in the future"
        return instant

    def message(self, raw: RawMessage, posted_at: datetime) -> Message | Unreadable:
        """Read a message whose time is known already."""
        number = _MESSAGE_ID.fullmatch(str(raw.get("id")))
        if not number:
            return Unreadable(reason=f"id {raw.get('id')!r} is no number", posted_at=posted_at)
        text = _plain_text(raw.get("text", ""))
        if text is None:
            reason = f"message {number[1]}: its text is neither a string nor a list of strings"
            return Unreadable(reason=reason, message_id=int(number[1]), posted_at=posted_at)
        return Message(
            message_id=int(number[1]),
            posted_at=posted_at,
            text=text,
            edited_at=self._edited_at(raw, posted_at),
            kind="service" if raw.get("type") == "service" else "post",
            author=_text_or_none(raw.get("author") or raw.get("from")),
            reply_to=_reply_to(raw),
            forwarded_from=_text_or_none(raw.get("forwarded_from")),
            media=_media(raw),
            payload=orjson.dumps(self._without_unsafe_paths(raw)),
        )

    def _instant(self, unix: object, local: object) -> datetime | None:
        if unix is not None:
            return datetime.fromtimestamp(int(str(unix)), UTC)
        if local is None:
            return None
        instant = datetime.fromisoformat(str(local))
        if instant.tzinfo is None:
            if self.timezone is None:
                raise UsageError(
                    f"date {local}",
                    "this export has local times only (no date_unixtime)",
                    "name the time zone of the computer that exported it: --timezone Asia/Singapore",
                )
            instant = instant.replace(tzinfo=self.timezone)
        return instant.astimezone(UTC)

    def _edited_at(self, raw: RawMessage, posted_at: datetime) -> datetime | None:
        """Return when a message was edited, if that can be told; old exports write 1970 for never."""
        if "edited" not in raw and "edited_unixtime" not in raw:
            return None
        try:
            edited_at = self._instant(raw.get("edited_unixtime"), raw.get("edited"))
        except (ValueError, TypeError, OverflowError, OSError, UsageError):
            return None
        return edited_at if edited_at and edited_at >= posted_at else None

    def _without_unsafe_paths(self, raw: RawMessage) -> RawMessage:
        unsafe = [key for key in _PATH_KEYS if key in raw and _is_unsafe(raw[key])]
        if not unsafe:
            return raw
        self.unsafe_paths += len(unsafe)
        return {**raw, **dict.fromkeys(unsafe)}


def _plain_text(text: object) -> str | None:
    """Join a text that may be a list of strings and of entities with a text each."""
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        return None
    parts: list[Any] = [part.get("text") if isinstance(part, dict) else part for part in text]
    return "".join(parts) if all(isinstance(part, str) for part in parts) else None


def _media(raw: RawMessage) -> str | None:
    """Name the kind of media; where its file lies is no content, and other sources do not know it."""
    if kind := raw.get("media_type"):
        return str(kind)
    return next((kind for key, kind in _MEDIA_KEYS.items() if key in raw), None)


def _reply_to(raw: RawMessage) -> int | None:
    """Return the message replied to, unless it is in another chat."""
    number = raw.get("reply_to_message_id")
    return number if isinstance(number, int) and "reply_to_peer_id" not in raw else None


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_unsafe(path: object) -> bool:
    """Tell whether a media path could lead out of the export's folder, on any system."""
    if path is None:
        return False
    steps = str(path).replace("\\", "/")
    return steps.startswith("/") or ".." in steps.split("/") or "\x00" in steps or bool(_DRIVE.match(steps))
