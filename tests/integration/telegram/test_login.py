"""Signing in, asked as a person would be."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.tl import functions

from tests.integration.telegram.world import Connect
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.capture.telegram.login import QR_CODES, LoggedIn, login
from tutordex_dagster.capture.telegram.session import parse_session
from tutordex_dagster.errors import UsageError
from tutordex_dagster.resilience.errors import Postponed, TelegramUnavailable

CODE = "12345"
PASSWORD = "correct horse"  # noqa: S105 - of a test


def unasked() -> str:
    raise AssertionError("nobody should be asked for this")


def typed(*answers: str) -> Callable[[], str]:
    """Answer what a person would type, one thing after the other."""
    left: Iterator[str] = iter(answers)
    return lambda: next(left)


def tomorrow() -> datetime:
    """Be a clock by which every QR code has expired."""
    return datetime.now(UTC) + timedelta(days=1)


class Person:
    """Somebody who signs in with one account's unused session."""

    def __init__(self, telegram: LoopbackTelegram, *, password: str | None = None) -> None:
        self.telegram = telegram
        self.account = telegram.account(signed_in=False, password=password)
        self.session = parse_session(telegram.session_string(), where="the test")

    def signs_in(self, **answers: Any) -> LoggedIn:  # noqa: ANN401 - see login
        """Sign in; nothing may be asked that is not among the answers."""
        unexpected: dict[str, Any] = dict.fromkeys(("ask_phone", "ask_code", "ask_password"), unasked)
        return login(api_id=1, api_hash="h", session=self.session, **{**unexpected, **answers})


def test_a_code_signs_in_and_the_session_works(telegram: LoopbackTelegram, connect: Connect) -> None:
    person = Person(telegram)
    phone = f"+{person.account.phone[:2]} {person.account.phone[2:]}"
    made = person.signs_in(ask_phone=typed(phone), ask_code=typed(f" {CODE} "))
    assert made == LoggedIn(session=person.session, account_id=1000)
    assert connect().open() == 1000


def test_a_wrong_code_is_asked_for_again_but_not_for_ever(telegram: LoopbackTelegram) -> None:
    person = Person(telegram)
    phone = person.account.phone
    with pytest.raises(UsageError, match="was wrong 3 times"):
        person.signs_in(ask_phone=typed(phone), ask_code=typed("1", "", "3"))
    assert person.signs_in(ask_phone=typed(phone), ask_code=typed("1", CODE)).account_id == 1000


def test_a_password_is_asked_for_when_there_is_one(telegram: LoopbackTelegram) -> None:
    person = Person(telegram, password=PASSWORD)
    made = person.signs_in(
        ask_phone=typed(person.account.phone), ask_code=typed(CODE), ask_password=typed("wrong", PASSWORD)
    )
    assert made.account_id == 1000


def test_a_password_may_be_wrong_three_times(telegram: LoopbackTelegram) -> None:
    person = Person(telegram, password=PASSWORD)
    with pytest.raises(UsageError, match="the password: was wrong 3 times"):
        person.signs_in(
            ask_phone=typed(person.account.phone), ask_code=typed(CODE), ask_password=typed("a", "", "c")
        )


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_scanned_qr_code_signs_in(telegram: LoopbackTelegram, password: str | None) -> None:
    person = Person(telegram, password=password)
    made = person.signs_in(show_qr=telegram.accept_login, ask_password=typed(PASSWORD))
    assert made.account_id == 1000
    assert telegram.count("ExportLoginTokenRequest") == 2


def test_an_expired_qr_code_is_shown_anew(telegram: LoopbackTelegram) -> None:
    person, shown = Person(telegram), []

    def show(link: str) -> None:
        shown.append(link)
        if len(shown) == 3:
            telegram.accept_login(link)

    assert person.signs_in(show_qr=show, clock=tomorrow, qr_seconds=0).account_id == 1000
    assert len(set(shown)) == 3


def test_a_qr_code_nobody_scans_is_not_shown_for_ever(telegram: LoopbackTelegram) -> None:
    shown: list[str] = []
    with pytest.raises(UsageError, match="the QR code: was not scanned"):
        Person(telegram).signs_in(show_qr=shown.append, clock=tomorrow, qr_seconds=0)
    assert len(shown) == QR_CODES


def test_a_session_that_is_signed_in_is_left_alone(telegram: LoopbackTelegram) -> None:
    person = Person(telegram)
    person.signs_in(ask_phone=typed(person.account.phone), ask_code=typed(CODE))
    with pytest.raises(UsageError, match=r"is signed in already \(account 1000\)"):
        person.signs_in()


@pytest.mark.parametrize("phone", ["", "Alice", "+65 0000 0000"])
def test_a_number_that_is_none_is_refused_without_repeating_it(
    telegram: LoopbackTelegram, phone: str
) -> None:
    with pytest.raises(UsageError, match=r"^the phone number: is not accepted") as refused:
        Person(telegram).signs_in(ask_phone=typed(phone))
    assert not phone or phone not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "kind", "why"),
    [
        ((400, "PHONE_NUMBER_BANNED"), UsageError, "is banned from Telegram"),
        ((400, "PHONE_NUMBER_FLOOD"), UsageError, "was tried too often"),
        ((400, "API_ID_INVALID"), UsageError, "TELEGRAM_API_ID"),
        ((420, "FLOOD_WAIT_7200"), Postponed, "allows no attempt to sign in before 2025-01-01 02:00 UTC"),
    ],
)
def test_refusals_say_what_to_do(
    telegram: LoopbackTelegram, answer: tuple[int, str], kind: type[Exception], why: str
) -> None:
    person = Person(telegram)
    telegram.on(functions.auth.SendCodeRequest, fault(error=answer))
    with pytest.raises(kind, match=why):
        person.signs_in(ask_phone=typed(person.account.phone), clock=lambda: datetime(2025, 1, 1, tzinfo=UTC))


def test_nobody_there_is_said_so(telegram: LoopbackTelegram) -> None:
    person = Person(telegram)
    telegram.stop_listening()
    with pytest.raises(TelegramUnavailable):
        person.signs_in()


def test_nothing_that_was_typed_is_logged(
    telegram: LoopbackTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    person = Person(telegram, password=PASSWORD)
    made = person.signs_in(
        ask_phone=typed(person.account.phone), ask_code=typed("99999", CODE), ask_password=typed(PASSWORD)
    )
    said = caplog.text + repr(made)
    for secret in (person.account.phone, CODE, "99999", PASSWORD, person.session.text):
        assert secret not in said
