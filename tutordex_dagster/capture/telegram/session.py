"""Session strings: the key to an account, as text or in a file. No message ever shows one.

The text is Telethon's `StringSession`: `1`, then data centre, address, port and key in URL-safe base64. It is
read here without Telethon, whose import takes a second.
"""

import base64
import binascii
import os
import sqlite3
import struct
from contextlib import closing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from tutordex_dagster.errors import UsageError

_VERSION = "1"
_KEY_BYTES = 256
_FORMATS = {struct.calcsize(f">B{size}sH{_KEY_BYTES}s"): f">B{size}sH{_KEY_BYTES}s" for size in (4, 16)}
"""By length in bytes: data centre, address (IPv4 or IPv6), port, key."""

_SQLITE = b"SQLite format 3\x00"
_NEXT_STEP = "make one with `tutordex login`"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionString:
    """A key and where it signs in. `text` is the secret; `fingerprint` names it and gives nothing away."""

    text: str = field(repr=False)
    fingerprint: str


def parse_session(text: str, *, where: str) -> SessionString:
    """Read a session string; `where` tells a person where it came from, such as SESSION_STRING.

    Raises UsageError, without a letter of the text, when it is none.
    """
    bare = "".join(text.split()).strip("'\"").rstrip("=")
    try:
        raw = base64.b64decode(bare[1:] + "=" * (-len(bare[1:]) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not bare.startswith(_VERSION) or len(raw) not in _FORMATS:
        raise UsageError(where, "is no Telethon session string", _NEXT_STEP) from None
    key = raw[-_KEY_BYTES:]
    if not any(key):
        raise UsageError(where, "is a session string that was never signed in", _NEXT_STEP)
    return SessionString(
        text=_VERSION + base64.urlsafe_b64encode(raw).decode(), fingerprint=_fingerprint(key)
    )


def read_session_file(path: Path) -> SessionString:
    """Read a session from a file: a session string, or the SQLite database of an older Telethon program.

    The file is never written to. Raises UsageError when it is not there or holds no session.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(path, "does not exist", _NEXT_STEP) from None
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", _NEXT_STEP) from None
    if content.startswith(_SQLITE):
        return parse_session(_from_database(path), where=str(path))
    return parse_session(content.decode("ascii", "replace"), where=str(path))


def write_session_file(path: Path, session: SessionString) -> None:
    """Write a session string so that only its owner can read it, whole or not at all.

    A missing folder is made for the owner alone. Raises UsageError when the place cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(session.text + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise UsageError(path, f"cannot be written ({error.strerror})", "choose another file") from None


def _fingerprint(key: bytes) -> str:
    return sha256(key).hexdigest()[:12]


def _from_database(path: Path) -> str:
    """Return the session of a Telethon database as a session string."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            row = database.execute("SELECT dc_id, server_address, port, auth_key FROM sessions").fetchone()
        data_centre, address, port, key = row
        ip = ip_address(address).packed
        raw = struct.pack(f">B{len(ip)}sH{_KEY_BYTES}s", data_centre, ip, port, key)
    except (sqlite3.Error, struct.error, TypeError, ValueError) as error:
        reason = f"is a database but holds no Telethon session ({type(error).__name__})"
        raise UsageError(path, reason, _NEXT_STEP) from None
    return _VERSION + base64.urlsafe_b64encode(raw).decode()
