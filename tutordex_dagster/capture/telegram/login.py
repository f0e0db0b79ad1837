"""Signing in: by phone, code and password, or by a QR code that a phone scans.

People are asked in the caller's thread, where Ctrl-C works, while the link lives on in its own. Neither what
was typed nor a session is ever logged.
"""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Any, Final

from telethon import TelegramClient, events, utils
from telethon import errors as tg
from telethon.tl import functions, types

from tutordex_dagster.capture.telegram.client import make_client
from tutordex_dagster.capture.telegram.errors import RAISED_BY_TELETHON, TELEGRAM, translate
from tutordex_dagster.capture.telegram.loop_thread import LoopThread
from tutordex_dagster.capture.telegram.messages import TL
from tutordex_dagster.capture.telegram.session import SessionString, parse_session
from tutordex_dagster.errors import TutorDexError, UsageError
from tutordex_dagster.resilience.errors import Flooded, Postponed
from tutordex_dagster.windows import Clock, utc_now

TRIES: Final = 3
"""Codes or passwords that may be wrong before it ends; Telegram counts them, too."""

QR_CODES: Final = 10
"""QR codes shown, half a minute each, before it ends."""

ANSWER_SECONDS: Final = 60.0
"""Longest wait for one answer of Telegram; making the key of a new session takes several."""

_AGAIN: Final = "run `tutordex login` again"
_REFUSALS: Final[Mapping[type[Exception], tuple[str, str, str]]] = {
    tg.PhoneNumberInvalidError: (
        "the phone number",
        "is not accepted by Telegram",
        "write it with its country code, such as +65 8123 4567",
    ),
    tg.PhoneNumberUnoccupiedError: (
        "the phone number",
        "has no Telegram account",
        "make one in the Telegram app first",
    ),
    tg.PhoneNumberBannedError: (
        "the phone number",
        "is banned from Telegram",
        "write to recover@telegram.org, or take another account",
    ),
    tg.PhoneNumberFloodError: ("the phone number", "was tried too often", "wait for a day"),
    tg.PhonePasswordFloodError: ("the phone number", "was tried too often", "wait for a day"),
    tg.PhoneCodeExpiredError: ("the code", "has expired", _AGAIN),
}

Ask = Callable[[], str]
"""Asks a person and returns what was typed; called again when it was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A new session, and the id of its account."""

    session: SessionString
    account_id: int


def login(
    *,
    api_id: int,
    api_hash: str,
    ask_phone: Ask,
    ask_code: Ask,
    ask_password: Ask,
    show_qr: Callable[[str], None] | None = None,
    session: SessionString | None = None,
    connect_seconds: float = 15.0,
    qr_seconds: float = 5.0,
    clock: Clock = utc_now,
) -> LoggedIn:
    """Sign in and return the session: a new one, unless one is given that is not signed in yet.

    Args:
        api_id: From https://my.telegram.org.
        api_hash: As above.
        ask_phone: Asks for the account's phone number.
        ask_code: Asks for the code that Telegram sends to the account's devices.
        ask_password: Asks for the password, if the account has one.
        show_qr: Shows a tg:// link as a QR code, a new one whenever it expired. Then no phone is asked for.
        session: The session to sign in with.
        connect_seconds: Longest time for connecting.
        qr_seconds: Shortest time a QR code is shown, however wrong this computer's clock is.
        clock: Tells the time.

    Raises UsageError when the session is signed in already or what was typed is not accepted, Postponed when
    Telegram asks to wait, and TelegramUnavailable, SessionDead or PermanentError as any call does.
    """
    client = make_client(
        session, api_id=api_id, api_hash=api_hash, connect_seconds=connect_seconds, patient=True
    )
    loop = LoopThread("telegram-login", at_end=client.disconnect)
    dialogue = _Dialogue(client, loop, ask_code=ask_code, ask_password=ask_password, clock=clock)
    loop.start()
    try:
        dialogue.do(client.connect())
        dialogue.refuse_signed_in()
        user = dialogue.by_qr(show_qr, qr_seconds) if show_qr else dialogue.by_phone(ask_phone)
        return LoggedIn(
            session=parse_session(client.session.save(), where="the new session"), account_id=int(user.id)
        )
    finally:
        loop.end()


class _Dialogue:
    """Asks the person, and Telegram, in turn."""

    def __init__(
        self, client: TelegramClient, loop: LoopThread, *, ask_code: Ask, ask_password: Ask, clock: Clock
    ) -> None:
        self._client = client
        self._loop = loop
        self._ask_code = ask_code
        self._ask_password = ask_password
        self._clock = clock

    def do(self, work: Coroutine[Any, Any, TL]) -> TL:
        """Do something with the client; raises a verdict, but for what another answer of the person mends."""
        try:
            return self._loop.do(asyncio.wait_for(work, ANSWER_SECONDS))
        except (tg.SessionPasswordNeededError, tg.PasswordHashInvalidError, tg.PhoneCodeInvalidError):
            raise
        except RAISED_BY_TELETHON as error:
            raise self._verdict(error) from None

    def refuse_signed_in(self) -> None:
        """Raise UsageError when somebody is signed in with this session."""
        if me := self.do(self._client.get_me()):
            raise UsageError(
                "this session",
                f"is signed in already (account {me.id})",
                "use it as it is, or choose another file for a new one",
            )

    def by_phone(self, ask_phone: Ask) -> TL:
        """Sign in with a code; return the user."""
        phone = utils.parse_phone(ask_phone())
        if not phone:
            raise UsageError(*_REFUSALS[tg.PhoneNumberInvalidError])
        self.do(self._client.send_code_request(phone))
        for _ in range(TRIES):
            code = self._ask_code().strip()
            with suppress(tg.PhoneCodeInvalidError):
                return self._unless_password_needed(self._client.sign_in(phone, code or "0"))
        raise UsageError("the code", f"was wrong {TRIES} times", _AGAIN)

    def by_qr(self, show: Callable[[str], None], at_least: float) -> TL:
        """Sign in with a QR code that somebody scans; return the user."""
        scanned = Event()

        async def note(_update: TL) -> None:
            scanned.set()

        self._client.add_event_handler(note, events.Raw(types.UpdateLoginToken))
        for _ in range(QR_CODES):
            answer = self._unless_password_needed(self._login_token())
            if not isinstance(answer, types.auth.LoginToken):
                return answer
            show(f"tg://login?token={urlsafe_b64encode(answer.token).decode().rstrip('=')}")
            scanned.wait(max((answer.expires - self._clock()).total_seconds(), at_least))
            scanned.clear()
        raise UsageError("the QR code", "was not scanned", _AGAIN)

    async def _login_token(self) -> TL:
        """Return a token to show, or the user once one was accepted."""
        client = self._client
        answer = await client(functions.auth.ExportLoginTokenRequest(client.api_id, client.api_hash, []))
        if isinstance(answer, types.auth.LoginTokenMigrateTo):
            await client._switch_dc(answer.dc_id)  # noqa: SLF001 - there is no public way, QRLogin does it too
            answer = await client(functions.auth.ImportLoginTokenRequest(answer.token))
        if isinstance(answer, types.auth.LoginTokenSuccess):
            return answer.authorization.user
        return answer

    def _unless_password_needed(self, signing_in: Coroutine[Any, Any, TL]) -> TL:
        try:
            return self.do(signing_in)
        except tg.SessionPasswordNeededError:
            return self._by_password()

    def _by_password(self) -> TL:
        for _ in range(TRIES):
            password = self._ask_password()
            with suppress(tg.PasswordHashInvalidError):
                return self.do(self._client.sign_in(password=password or " "))
        raise UsageError("the password", f"was wrong {TRIES} times", _AGAIN)

    def _verdict(self, error: Exception) -> TutorDexError:
        if type(error) in _REFUSALS:
            return UsageError(*_REFUSALS[type(error)])
        verdict = translate(error, "login")
        if isinstance(verdict, Flooded):
            until = self._clock() + timedelta(seconds=verdict.seconds)
            return Postponed(
                f"{TELEGRAM}: allows no attempt to sign in before {until:%Y-%m-%d %H:%M} UTC; {_AGAIN} then",
                until=until,
            )
        return verdict
