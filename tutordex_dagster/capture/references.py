"""Channel references as people write them, brought to the one form that partition keys have."""

import json
import re

from tutordex_dagster.errors import UsageError

_HOST = re.compile(r"^(?:https?://)?(?:www\.)?(?:t|telegram)\.(?:me|dog)/+", re.IGNORECASE)
_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
"""Telegram: 5 to 32 of letters, digits and underscore, first a letter; a few old names have 4."""
_PRIVATE = re.compile(r"(?:c/|-100)?([1-9][0-9]{0,18})")
"""A private channel's bare id, as in its links (`t.me/c/…`) or with the -100 that bots see before it."""

_BLANKS_AND_QUOTES = " \t\r\n'\"`“”‘’"
_NEXT_STEP = "write t.me/name, @name or t.me/c/1234567890, separated by commas"


def parse_channel_list(text: str) -> tuple[str, ...]:
    """Read CHANNEL_LIST, a comma list or a JSON array, as partition keys: order kept, duplicates dropped.

    Keys are `t.me/name` in lower case, or `t.me/c/<bare id>` for channels without a name. An empty text
    has no channels. Raises UsageError for the first reference that cannot be one.
    """
    return tuple(dict.fromkeys(canonical_reference(item) for item in _items(text.strip(_BLANKS_AND_QUOTES))))


def canonical_reference(text: str) -> str:
    """Return the partition key of one reference; UsageError says why it cannot be one."""
    reference = text.strip(_BLANKS_AND_QUOTES)
    name = _HOST.sub("", reference).removeprefix("s/").removeprefix("@").rstrip("/")
    if private := _PRIVATE.fullmatch(name):
        return reference_of_id(int(private[1]))
    if _USERNAME.fullmatch(name):
        return f"t.me/{name.lower()}"
    raise UsageError(repr(text), _why_not(name), _NEXT_STEP)


def reference_of_id(channel_id: int) -> str:
    """Return the partition key of a channel that is known by its bare id alone."""
    return f"t.me/c/{channel_id}"


def id_in_reference(reference: str) -> int | None:
    """Return the bare id that a partition key of the form `t.me/c/<id>` holds, else None."""
    head, _, number = reference.rpartition("/")
    return int(number) if head == "t.me/c" else None


def _items(text: str) -> list[str]:
    if not text.startswith("["):
        return [item for item in re.split(r"[,\n]", text) if item.strip(_BLANKS_AND_QUOTES)]
    try:
        items = json.loads(text)
    except ValueError as error:
        raise UsageError(repr(text), f"starts like a JSON array but is none ({error})", _NEXT_STEP) from None
    for item in items:
        if not isinstance(item, str | int) or isinstance(item, bool):
            raise UsageError(repr(item), "is neither a name nor an id", _NEXT_STEP)
    return [str(item) for item in items if str(item).strip(_BLANKS_AND_QUOTES)]


def _why_not(name: str) -> str:
    if name.startswith("+") or name.lower().startswith("joinchat/"):
        return "is an invite link, which does not name its channel"
    if re.fullmatch(r"(?:c/)?\w+/\d+(?:/\d+)?", name):
        return "is a link to one post"
    if re.fullmatch(r"-\d+", name):
        return "is the id of a basic group, not of a channel (those start with -100)"
    return "is no channel name (4 to 32 letters, digits and underscores, first a letter)"
