"""Signing in to the loopback server: by code, by password, by a token another device accepts."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from telethon import password as srp
from telethon.tl import TLObject
from telethon.tl import functions as f
from telethon.tl import types as t

from tests.mtproto.accounts import BANNED, UNREGISTERED, Account
from tests.mtproto.connection import Call
from tests.mtproto.handlers import Handler
from tests.mtproto.wire import RpcFail

if TYPE_CHECKING:
    from tests.mtproto.server import MTServer

TOKEN_LIFETIME = timedelta(seconds=30)
_SRP_ID = 7
_G = 3
# Telegram's own prime: Telethon knows it, and would take minutes to examine another.
_PRIME: Final = bytes.fromhex(
    "C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F"
    "48198A0AA7C14058229493D22530F4DBFA336F6E0AC925139543AED44CCE7C37"
    "20FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F64"
    "2477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4"
    "A4A695811051907E162753B56B0F6B410DBA74D8A84B2A14B3144E0EF1284754"
    "FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4"
    "E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F"
    "0D8115F635B105EE2E4E15D04B2454BF6F4FADF034B10403119CD8E3B92FCC5B"
)
_ALGORITHM = t.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
    b"first salt", b"second salt", _G, _PRIME
)


def _send_code(server: "MTServer", call: Call) -> TLObject:
    if call.account.refusal == BANNED:
        raise RpcFail(400, "PHONE_NUMBER_BANNED")
    if call.request.phone_number != call.account.phone:
        raise RpcFail(400, "PHONE_NUMBER_INVALID")
    return t.auth.SentCode(t.auth.SentCodeTypeApp(len(server.login_code)), _code_hash(call.account))


def _code_hash(account: Account) -> str:
    return hashlib.sha256(account.key).hexdigest()[:18]


def _sign_in(server: "MTServer", call: Call) -> TLObject:
    request = call.request
    if (request.phone_number, request.phone_code_hash) != (call.account.phone, _code_hash(call.account)):
        raise RpcFail(400, "PHONE_CODE_EXPIRED")
    if request.phone_code != server.login_code:
        raise RpcFail(400, "PHONE_CODE_INVALID")
    return _authorize(call.account)


def _authorize(account: Account) -> TLObject:
    """Sign in, or ask for the password of an account that has one."""
    if account.password is not None:
        account.awaits_password = True
        raise RpcFail(401, "SESSION_PASSWORD_NEEDED")
    return t.auth.Authorization(account.sign_in())


def _get_password(_server: "MTServer", call: Call) -> TLObject:
    account = call.account
    return t.account.Password(
        t.PasswordKdfAlgoUnknown(),
        t.SecurePasswordKdfAlgoUnknown(),
        b"",
        has_password=account.password is not None,
        current_algo=_ALGORITHM if account.password else None,
        srp_B=_Srp(account).public if account.password else None,
        srp_id=_SRP_ID if account.password else None,
    )


def _check_password(_server: "MTServer", call: Call) -> TLObject:
    if not call.account.awaits_password:
        raise RpcFail(*UNREGISTERED)
    proof = call.request.password
    if proof.srp_id != _SRP_ID or _Srp(call.account).proof_for(proof.A) != proof.M1:
        raise RpcFail(400, "PASSWORD_HASH_INVALID")
    return t.auth.Authorization(call.account.sign_in())


class _Srp:
    """The server's half of the password check, where the secret exponent is the account's key."""

    def __init__(self, account: Account) -> None:
        self._p = int.from_bytes(_PRIME, "big")
        self._secret = int.from_bytes(account.key, "big")
        hashed = srp.compute_hash(_ALGORITHM, account.password)
        self._verifier = pow(_G, int.from_bytes(hashed, "big"), self._p)
        k = _number(_PRIME, _wide(_G))
        self.public = _wide((k * self._verifier + pow(_G, self._secret, self._p)) % self._p)

    def proof_for(self, client_public: bytes) -> bytes:
        """Return the proof (M1) of a client that knows the password and sent this A."""
        u = _number(client_public, self.public)
        base = int.from_bytes(client_public, "big") * pow(self._verifier, u, self._p)
        shared = srp.sha256(_wide(pow(base, self._secret, self._p)))
        mask = srp.xor(srp.sha256(_PRIME), srp.sha256(_wide(_G)))
        salts = srp.sha256(_ALGORITHM.salt1) + srp.sha256(_ALGORITHM.salt2)
        return bytes(srp.sha256(mask, salts, client_public, self.public, shared))


def _wide(number: int) -> bytes:
    return number.to_bytes(len(_PRIME), "big")


def _number(*parts: bytes) -> int:
    return int.from_bytes(srp.sha256(*parts), "big")


def _export_token(server: "MTServer", call: Call) -> TLObject:
    """Return a new token, or the authorisation once another device has accepted one."""
    if call.account.token_accepted:
        return t.auth.LoginTokenSuccess(_authorize(call.account))
    return t.auth.LoginToken(server.clock() + TOKEN_LIFETIME, server.new_token(call.account))


def _import_token(server: "MTServer", call: Call) -> TLObject:
    if server.tokens.get(call.request.token) is not call.account:
        raise RpcFail(400, "AUTH_TOKEN_INVALID")
    return _export_token(server, call)


def _log_out(_server: "MTServer", call: Call) -> TLObject:
    call.account.sign_out()
    return t.auth.LoggedOut()


LOGIN: Mapping[type, Handler] = {
    f.auth.SendCodeRequest: _send_code,
    f.auth.ResendCodeRequest: _send_code,
    f.auth.SignInRequest: _sign_in,
    f.account.GetPasswordRequest: _get_password,
    f.auth.CheckPasswordRequest: _check_password,
    f.auth.ExportLoginTokenRequest: _export_token,
    f.auth.ImportLoginTokenRequest: _import_token,
    f.auth.LogOutRequest: _log_out,
}
# What a key may call before anybody has signed in with it.
OPEN = frozenset({f.help.GetConfigRequest, *LOGIN}) - {f.auth.LogOutRequest}
