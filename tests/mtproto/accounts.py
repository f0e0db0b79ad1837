"""Accounts of the loopback server: one key each, and what the server holds against it."""

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Final

from telethon.crypto import AuthKey
from telethon.tl import TLObject
from telethon.tl import types as t

Refusal = tuple[int, str]

UNREGISTERED: Final[Refusal] = (401, "AUTH_KEY_UNREGISTERED")
REVOKED: Final[Refusal] = (401, "SESSION_REVOKED")
BANNED: Final[Refusal] = (401, "USER_DEACTIVATED_BAN")
DUPLICATED: Final[Refusal] = (406, "AUTH_KEY_DUPLICATED")


@dataclass(kw_only=True, eq=False)
class Account:
    """A user with one authorisation key; `refusal` answers its calls while it is set."""

    key: bytes
    user: TLObject
    password: str | None = None
    refusal: Refusal | None = None
    awaits_password: bool = False
    token_accepted: bool = False
    most_connections: int = 0
    key_id: int = field(init=False)

    def __post_init__(self) -> None:
        self.key_id = AuthKey(self.key).key_id

    @property
    def phone(self) -> str:
        """The number to sign in with, digits alone."""
        return str(self.user.phone)

    @property
    def wire_id(self) -> bytes:
        """The eight bytes that every packet of this key begins with."""
        return struct.pack("<Q", self.key_id)

    def sign_in(self) -> TLObject:
        """Take the key for authorised from here on; return the user."""
        self.refusal, self.awaits_password, self.token_accepted = None, False, False
        return self.user

    def sign_out(self) -> None:
        """Answer further calls as for a key nobody signed in with."""
        self.refusal = UNREGISTERED


def new_account(seed: bytes, number: int, *, signed_in: bool, password: str | None) -> Account:
    """Make an account whose key follows from the seed, so that a restarted server knows it again."""
    key = b"".join(hashlib.sha256(seed + bytes([number, part])).digest() for part in range(8))
    user = t.User(
        1000 + number,
        is_self=True,
        access_hash=(1000 + number) * 7 + 1,
        first_name="Tester",
        phone=f"658100{number:04}",
    )
    return Account(key=key, user=user, password=password, refusal=None if signed_in else UNREGISTERED)
