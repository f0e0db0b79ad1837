"""Bytes of the loopback server: TL values, the encryption of a packet, the errors of a call."""

import hashlib
import os
import struct
from collections.abc import Iterable
from datetime import datetime

from telethon.crypto import AES
from telethon.tl import TLObject

_VECTOR = struct.pack("<I", 0x1CB5C415)
_TRUE = struct.pack("<I", 0x997275B5)
_FALSE = struct.pack("<I", 0xBC799737)


class RpcFail(Exception):  # noqa: N818 - an answer, not a mistake
    """What a handler raises to answer with an error, such as `RpcFail(400, "CHANNEL_PRIVATE")`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def vector(items: Iterable[TLObject | bytes]) -> bytes:
    """Serialise a list of objects; those that are bytes already are taken as they are."""
    raw = [bytes(item) for item in items]
    return _VECTOR + struct.pack("<i", len(raw)) + b"".join(raw)


def encode(result: object) -> bytes:
    """Serialise what a handler returns: bytes, bool, a list of objects, or one object."""
    if isinstance(result, bool):
        return _TRUE if result else _FALSE
    if isinstance(result, list):
        return vector(result)
    return result if isinstance(result, bytes) else bytes(result)  # type: ignore[call-overload]


def unix(when: datetime | None) -> int:
    """Return whole unix seconds; an absent date travels as 0, which Telethon reads as 1970."""
    return int(when.timestamp()) if when else 0


def unseal(key: bytes, packet: bytes) -> bytes:
    """Decrypt what a client sent (after the 8 bytes of the key id); raises when another key was used."""
    msg_key = packet[8:24]
    plain: bytes = AES.decrypt_ige(packet[24:], *_aes(key, msg_key, 0))
    assert hashlib.sha256(key[88:120] + plain).digest()[8:24] == msg_key, "bad msg_key"
    return plain


def seal(key: bytes, key_id: int, plain: bytes) -> bytes:
    """Encrypt a packet for the client."""
    plain += os.urandom(-(len(plain) + 12) % 16 + 12)
    msg_key = hashlib.sha256(key[96:128] + plain).digest()[8:24]
    secret: bytes = AES.encrypt_ige(plain, *_aes(key, msg_key, 8))
    return struct.pack("<Q", key_id) + msg_key + secret


def _aes(key: bytes, msg_key: bytes, at: int) -> tuple[bytes, bytes]:
    """Return key and iv as MTProto 2.0 derives them; `at` is 0 from the client, 8 from the server."""
    left = hashlib.sha256(msg_key + key[at : at + 36]).digest()
    right = hashlib.sha256(key[at + 40 : at + 76] + msg_key).digest()
    return left[:8] + right[8:24] + left[24:32], right[:8] + left[8:24] + right[24:32]
