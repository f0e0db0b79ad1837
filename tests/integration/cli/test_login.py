"""Signing in on a loopback Telegram: what is asked, what is kept, what is never shown."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.capture.telegram.session import SessionString, parse_session, write_session_file
from tutordex_dagster.cli.login import Prompts, keep, sign_in, signed_in
from tutordex_dagster.resources.services import Services, open_services
from tutordex_dagster.resources.sessions import session_path
from tutordex_dagster.settings import load_settings

Command = Callable[..., Result]
SignIn = Callable[..., Result]

PHONE, CODE = "+65 8100 0000", "12345"


@pytest.fixture
def telegram(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackTelegram]:  # noqa: ARG001 - first
    """Start a Telegram on this machine and give the command credentials for it."""
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    monkeypatch.setenv("TELEGRAM_API_HASH", "0123456789abcdef")
    with LoopbackTelegram() as started:
        yield started


@pytest.fixture
def opened(telegram: LoopbackTelegram) -> Iterator[Services]:  # noqa: ARG001 - its variables come first
    with open_services(load_settings()) as services:
        yield services


@pytest.fixture
def kept(telegram: LoopbackTelegram, opened: Services) -> SessionString:
    """Put a session that Telegram accepts into the file of the tail."""
    session = parse_session(telegram.session_string(), where="test")
    write_session_file(session_path(opened.settings, "tail"), session)
    return session


@pytest.fixture
def signing_in(telegram: LoopbackTelegram, opened: Services) -> SignIn:
    """Give a function that signs in with a key nobody has used, typing these lines into a terminal."""

    def run(*typed: str, password: str | None = None, qr: bool = False) -> Result:
        telegram.account(signed_in=False, password=password)
        start = parse_session(telegram.session_string(), where="test")

        @click.command()
        def command() -> None:
            prompts = Prompts(show_qr=qr)
            keep(opened, "tail", sign_in(opened, prompts, start))
            click.echo(prompts.advice())

        return CliRunner().invoke(command, input="".join(f"{line}\n" for line in typed))

    return run


def test_phone_and_code_give_a_session_that_only_its_owner_can_read(
    signing_in: SignIn, opened: Services, telegram: LoopbackTelegram
) -> None:
    result = signing_in(PHONE, CODE)
    assert result.exit_code == 0, result.output
    session, path = telegram.session_string(), session_path(opened.settings, "tail")
    (row,) = opened.sessions.all()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert parse_session(path.read_text(), where="file").fingerprint == row.fingerprint
    assert (row.name, row.environment, row.held) == ("tail", "development", False)
    assert row.account_id is not None
    assert f"session tail ({row.fingerprint}) for environment development, in {path}" in result.stdout
    assert "Turn on two-step verification" in result.stdout
    assert session[:40] not in result.output


def test_a_password_is_asked_for_and_not_shown(signing_in: SignIn) -> None:
    result = signing_in(PHONE, CODE, "kopi o", "kaya toast", password="kaya toast")  # noqa: S106 - made up
    assert result.exit_code == 0, result.output
    assert "kaya toast" not in result.output
    assert "Two-step verification is on" in result.stdout


def test_a_code_that_stays_wrong_ends_it_and_keeps_nothing(signing_in: SignIn, opened: Services) -> None:
    result = signing_in(PHONE, "1", "2", "3")
    assert "the code: was wrong 3 times" in str(result.exception)
    assert not session_path(opened.settings, "tail").exists()
    assert opened.sessions.all() == []


def test_a_qr_code_that_a_phone_scans_signs_in_without_a_number(
    signing_in: SignIn, telegram: LoopbackTelegram
) -> None:
    def scan() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not telegram.run(lambda server: len(server.tokens)):
            time.sleep(0.01)
        telegram.accept_login()

    phone = threading.Thread(target=scan)
    phone.start()
    result = signing_in(qr=True)
    phone.join()
    assert result.exit_code == 0, result.output
    assert "tg://login?token=" in result.stderr
    assert "█" in result.stderr
    assert "Phone number" not in result.output


def test_a_session_that_works_is_left_as_it_is(
    tutordex: Command, kept: SessionString, opened: Services
) -> None:
    path = session_path(opened.settings, "tail")
    before = path.read_bytes()
    result = tutordex("login")
    assert result.stdout == (
        f"session tail ({kept.fingerprint}) in {path} is signed in already; nothing was changed.\n"
    )
    assert path.read_bytes() == before
    (row,) = opened.sessions.all()
    assert (row.held, row.parked_at) == (False, None)


def test_a_session_another_process_uses_is_not_touched(
    tutordex: Command, kept: SessionString, opened: Services, telegram: LoopbackTelegram
) -> None:
    """Two places that use one session at once lose it."""
    opened.sessions.acquire(
        kept.fingerprint, name="tail", environment="development", holder="other:42", ttl_seconds=60
    )
    result = tutordex("login", exit_code=1)
    assert "is used by other:42 until at least" in result.stderr
    assert telegram.most_connections() == 0


def test_a_session_telegram_ended_is_parked_and_its_key_gets_no_second_life(
    kept: SessionString,
    opened: Services,
    telegram: LoopbackTelegram,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever copied it before it was ended would be signed in again with it."""
    telegram.unauthorize()
    assert not signed_in(opened, "tail")
    said = capsys.readouterr().out
    assert "will be replaced. Telegram session: was ended from another device" in said
    assert not signed_in(opened, "tail")
    (row,) = opened.sessions.all()
    assert row.fingerprint == kept.fingerprint
    assert row.parked_at is not None


def test_doctor_online_says_whether_telegram_accepts_the_session(
    tutordex: Command, kept: SessionString, opened: Services, telegram: LoopbackTelegram
) -> None:
    account = telegram.account().user.id
    output = tutordex("doctor", "--online").stdout
    assert f"ok   online           Telegram accepts session {kept.fingerprint} (account {account})" in output
    telegram.ban()
    output = tutordex("doctor", "--online", exit_code=1).stdout
    assert "fail online           Telegram session: belongs to an account that Telegram banned" in output
    (row,) = opened.sessions.all()
    assert row.parked_at is not None


def test_a_variable_that_wins_over_the_file_is_named(
    tutordex: Command, kept: SessionString, telegram: LoopbackTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_STRING", telegram.session_string(1))
    lines = tutordex("login").stdout.splitlines()
    assert kept.fingerprint in lines[0]
    assert lines[1].startswith("SESSION_STRING is set and wins over the file")


def test_without_credentials_the_page_to_get_them_is_named(tutordex: Command) -> None:
    result = tutordex("login", exit_code=2)
    assert result.stderr == (
        "tutordex: TELEGRAM_API_ID: is not set, and neither is TELEGRAM_API_HASH; get both at"
        " https://my.telegram.org and set them\n"
    )


def test_the_very_first_command_makes_the_embedded_database_it_needs() -> None:
    """A first-time operator logs in before anything else was started."""
    folder = Path(tempfile.mkdtemp(prefix="tutordex-login-"))
    environment = {**os.environ, "TUTORDEX_HOME": str(folder / "home")}
    program = (
        "from tutordex_dagster.settings import Settings; Settings.model_config['env_file'] = None;"
        "from tutordex_dagster.cli import main; main(['login'])"
    )
    try:
        result = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        shutil.rmtree(folder)
    assert result.returncode == 2
    assert result.stderr.startswith("tutordex: TELEGRAM_API_ID: is not set")
