"""Telegram Desktop's `result.json` as a stream: each chat's head, then its messages, in bounded memory.

Two shapes exist: a single chat ({name, type, id, messages}) and a whole account ({chats: {list: [chat, …]},
left_chats: {list: [chat, …]}}). In both, a chat's name, type and id come right before its messages. So the
text is cut before every `"messages": [` (inside a string the quotes would be escaped), the chat's head is
read from what stands before the cut, and ijson (C, yajl2) parses the text up to the next head, completed by
the brackets that enclose it in the file. Chats that nobody asks for are passed over without being parsed.

ijson reads from a file-like object here, because its coroutines take three times as long (bench/export.py).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ijson
import orjson

from tutordex_dagster.errors import PermanentError

OnBytes = Callable[[int], None]
"""Told the number of bytes of every chunk read."""

_CHUNK = 1 << 18
_MESSAGES = re.compile(rb'"messages"\s*:\s*\[')
_LONGEST_KEY = 64
"""Bytes held back at the end of a chunk, where the text the pattern looks for may have begun."""
_LONGEST_HEAD = 8192
"""Bytes kept before a chat's messages to read its head from: a name has at most 128 characters."""
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|.)", re.DOTALL)
_OPEN_ESCAPE = re.compile(rb"\\(?:x[0-9a-fA-F]?)?")
_BEFORE_THE_FIRST = b" \t\r\n\xef\xbb\xbf"
"""What may precede the first object of a file: blanks and a byte order mark."""
_CHAT_ID = re.compile(r"(?:channel|chat|user)?(?:-100)?(-?\d{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatHead:
    """What an export says of a chat before its messages; `chat_id` is bare (no -100), 0 if there is none."""

    chat_id: int
    name: str
    kind: str
    in_account: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The chat cannot be read on from here: the file is cut off, or what follows is no JSON."""

    reason: str


def read_chats(path: Path, *, on_bytes: OnBytes) -> Iterator[tuple[ChatHead, Iterator[Any]]]:
    """Yield every chat's head with its messages as JSON values, in the order of the file.

    The messages can be read until the next chat is asked for; a Cut comes last if they end too early.
    Yields nothing for a file that is no export. Raises PermanentError when the file cannot be read.
    """
    pieces = _with_heads(repaired(_chunks(path, on_bytes)))
    head = _next_head(pieces)
    while head:
        text = _ChatText(head, pieces)
        yield head, _messages(text)
        head = text.next_head or _next_head(pieces)


class _ChatText:
    """The text of one chat's messages as a file that ijson can read: one JSON value, properly closed."""

    def __init__(self, head: ChatHead, pieces: Iterator[bytes | ChatHead]) -> None:
        self.prefix = "chats.list.item.messages.item" if head.in_account else "messages.item"
        self.next_head: ChatHead | None = None
        self.at_end_of_file = False
        self._pieces = pieces
        self._opening = b'{"chats":{"list":[{' if head.in_account else b"{"

    def read(self, size: int) -> bytes:
        """Return the next piece of the text, of any size; nothing at the end, and to a probe (size 0)."""
        if size == 0 or self.next_head:
            return b""
        if opening := self._opening:
            self._opening = b""
            return opening
        piece = next((piece for piece in self._pieces if piece), b"")
        if isinstance(piece, bytes):
            self.at_end_of_file = not piece
            return piece
        self.next_head = piece
        return b'"messages":[]}]}}'


def _messages(text: _ChatText) -> Iterator[Any]:
    try:
        yield from ijson.items(text, text.prefix, use_float=True)
    except ijson.JSONError as error:
        if text.at_end_of_file:
            yield Cut(reason="the export is cut off after this message; export it again to get the rest")
        else:
            problem = str(error).splitlines()[0]
            yield Cut(reason=f"the export is no JSON after this message ({problem}); export it again")


def _next_head(pieces: Iterable[bytes | ChatHead]) -> ChatHead | None:
    return next((piece for piece in pieces if isinstance(piece, ChatHead)), None)


def repaired(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Turn the invalid escapes `\xHH`, which Telegram Desktop writes for control characters, into `\u00HH`.

    Escaped backslashes (`\\x41`) stay as they are, and an escape may be spread over chunks.
    """
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        end = len(text) - _open_escape(text)
        text, rest = text[:end], text[end:]
        yield _ESCAPE.sub(_valid_escape, text) if b"\\x" in text else text
    yield _ESCAPE.sub(_valid_escape, rest)


def _valid_escape(escape: re.Match[bytes]) -> bytes:
    if escape[1]:
        return b"\\u00" + escape[1]
    return b"\\\\x" if escape[0] == b"\\x" else escape[0]


def _open_escape(text: bytes) -> int:
    """Return how many bytes at the end are an escape that the next chunk may continue."""
    at = text.rfind(b"\\", max(0, len(text) - 3))
    if at < 0 or not _OPEN_ESCAPE.fullmatch(text, at):
        return 0
    backslashes = at + 1 - len(text[: at + 1].rstrip(b"\\"))
    return len(text) - at if backslashes % 2 else 0


def _chunks(path: Path, on_bytes: OnBytes) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
                on_bytes(len(chunk))
    except OSError as error:
        raise PermanentError(
            f"{path}: cannot be read ({error.strerror}); check the file and its disk"
        ) from error


def _with_heads(chunks: Iterable[bytes]) -> Iterator[bytes | ChatHead]:
    """Pass the text on, with the head of each chat before the text of its messages."""
    before = rest = b""
    for chunk in chunks:
        rest += chunk
        while key := _MESSAGES.search(rest):
            before = (before + rest[: key.start()])[-_LONGEST_HEAD:]
            yield rest[: key.start()]
            if head := _head_at_end(before):
                yield head
            yield key[0]
            before, rest = key[0], rest[key.end() :]
        passed, rest = rest[:-_LONGEST_KEY], rest[-_LONGEST_KEY:]
        before = (before + passed)[-_LONGEST_HEAD:]
        yield passed
    yield rest


def _head_at_end(text: bytes) -> ChatHead | None:
    """Read the members of the object left open at the end of the text, if they are those of a chat."""
    members = text.rstrip().removesuffix(b",")
    at = len(members)
    while (at := members.rfind(b"{", 0, at)) >= 0:
        try:
            fields = orjson.loads(members[at:] + b"}")
        except orjson.JSONDecodeError:
            continue
        return _head(fields, in_account=bool(members[:at].strip(_BEFORE_THE_FIRST)))
    return None


def _head(fields: dict[str, object], *, in_account: bool) -> ChatHead | None:
    chat_id = _CHAT_ID.fullmatch(str(fields.get("id")))
    kind = fields.get("type")
    if kind in (None, "message", "service"):
        return None
    return ChatHead(
        chat_id=int(chat_id[1]) if chat_id else 0,
        name=str(fields.get("name") or ""),
        kind=str(kind),
        in_account=in_account,
    )
