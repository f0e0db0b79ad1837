"""`tutordex login`: sign in to Telegram and keep the session in a file that only its owner can read."""

import io
import os
from typing import TYPE_CHECKING

import click

from tutordex_dagster.cli.console import say
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.errors import UsageError
from tutordex_dagster.resilience.errors import SessionDead, SessionParked

if TYPE_CHECKING:
    from tutordex_dagster.capture.telegram.login import LoggedIn
    from tutordex_dagster.capture.telegram.session import SessionString
    from tutordex_dagster.resources.services import Services
    from tutordex_dagster.resources.sessions import Role

_PATIENCE_SECONDS = 5.0
"""A person waits: a longer flood wait is shown instead of sat out."""


@click.command()
@click.option(
    "--session",
    "role",
    type=click.Choice(["tail", "recovery", "media"]),
    default="tail",
    show_default=True,
    help="What it is for: following channels, reading history, or media files.",
)
@click.option(
    "--qr", is_flag=True, help="Show a QR code to scan with Telegram instead of asking for a phone."
)
def login(role: "Role", *, qr: bool) -> None:
    """Sign in to Telegram and keep the session in TG_SESSION, TG_SESSION_RECOVERY or TG_SESSION_MEDIA.

    Asks for the phone number, the code Telegram sends and, if there is one, the password. A session that
    works is left as it is. The session itself is never shown: its fingerprint names it.
    """
    _make_embedded_database()
    with open_session() as services:
        credentials(services)
        if not signed_in(services, role):
            prompts = Prompts(show_qr=qr)
            keep(services, role, sign_in(services, prompts))
            say(prompts.advice())
        _warn_of_variable(services, role)


def credentials(services: "Services") -> tuple[int, str]:
    """Return API id and hash; UsageError when they are not set."""
    api_id, api_hash = services.settings.telegram_api_id, services.settings.telegram_api_hash
    if api_id is None or api_hash is None:
        raise UsageError(
            "TELEGRAM_API_ID",
            "is not set, and neither is TELEGRAM_API_HASH",
            "get both at https://my.telegram.org and set them",
        )
    return api_id, api_hash.get_secret_value()


class Prompts:
    """Asks the person in the terminal, on stderr: what is typed is no result."""

    def __init__(self, *, show_qr: bool) -> None:
        self.show_qr = show_qr
        self._asked_password = False

    def phone(self) -> str:
        """Ask for the phone number."""
        return str(click.prompt("Phone number, with country code", err=True))

    def code(self) -> str:
        """Ask for the code."""
        return str(click.prompt("Code that Telegram sent to your other devices", err=True))

    def password(self) -> str:
        """Ask for the password without showing it."""
        self._asked_password = True
        return str(click.prompt("Password of your two-step verification", hide_input=True, err=True))

    def qr(self, link: str) -> None:
        """Show the link as a QR code, and as it is for a terminal that cannot."""
        import segno

        drawing = io.StringIO()
        segno.make(link, error="l").terminal(drawing, compact=True, border=2)
        click.echo(drawing.getvalue(), err=True)
        click.echo(f"Telegram → Settings → Devices → Link Desktop Device, or open {link}", err=True)

    def advice(self) -> str:
        """Say how well the account is protected."""
        if self._asked_password:
            return "Two-step verification is on: keep it on, and keep the file to yourself."
        return (
            "Turn on two-step verification (Telegram → Settings → Privacy and Security) if it is off: whoever"
            " has the file is logged in as you."
        )


def signed_in(services: "Services", role: "Role") -> bool:
    """Tell whether the file of the role holds a session that Telegram accepts, and say what becomes of it.

    A session that was refused gets no second life: its key may be known to others. Raises TransientError when
    another process uses it or Telegram cannot be asked.
    """
    from tutordex_dagster.resources.sessions import session_path, session_variable
    from tutordex_dagster.resources.telegram import Use, hold_session

    path = session_path(services.settings, role)
    if not path.exists():
        return False
    of_file = services.settings.model_copy(update={session_variable(role).lower(): None})
    try:
        held = hold_session(
            of_file, services.database, services.clock, Use(role=role, patience_seconds=_PATIENCE_SECONDS)
        )
    except (UsageError, SessionParked, SessionDead) as refused:
        say(f"{path} will be replaced. {refused}")
        return False
    held.close()
    say(f"session {role} ({held.chosen.fingerprint}) in {path} is signed in already; nothing was changed.")
    return True


def sign_in(services: "Services", prompts: Prompts, start: "SessionString | None" = None) -> "LoggedIn":
    """Ask for what is needed and return the session; `start` is a key nobody has used, by default a new one.

    Raises as the login of Telegram does.
    """
    from tutordex_dagster.capture.telegram.login import login as ask_telegram

    api_id, api_hash = credentials(services)
    return ask_telegram(
        api_id=api_id,
        api_hash=api_hash,
        ask_phone=prompts.phone,
        ask_code=prompts.code,
        ask_password=prompts.password,
        show_qr=prompts.qr if prompts.show_qr else None,
        session=start,
    )


def keep(services: "Services", role: "Role", logged_in: "LoggedIn") -> None:
    """Write the session to the file of the role and bind it to this environment, then say where it is."""
    from tutordex_dagster.capture.telegram.session import write_session_file
    from tutordex_dagster.resources.leases import acquire
    from tutordex_dagster.resources.sessions import ChosenSession, session_path

    settings, session = services.settings, logged_in.session
    path = session_path(settings, role)
    write_session_file(path, session)
    chosen = ChosenSession(name=role, session=session)
    token = acquire(
        services.sessions,
        chosen,
        environment=settings.environment,
        ttl_seconds=settings.session_lease_secs,
        wait_seconds=0,
    )
    services.sessions.note_account(session.fingerprint, logged_in.account_id)
    services.sessions.release(session.fingerprint, token)
    say(
        f"Signed in: session {role} ({session.fingerprint}) for environment {settings.environment}, in {path}"
    )


def _make_embedded_database() -> None:
    """Make the embedded database, as `tutordex up` does: a login is often the very first command."""
    from tutordex_dagster.resources.databases import chosen_url, database_urls, in_container
    from tutordex_dagster.settings import load_settings
    from tutordex_dagster.store.database import Database
    from tutordex_dagster.store.migrate import ensure_database, migrate

    settings = load_settings()
    if chosen_url(settings, in_container=in_container(os.environ)) is not None:
        return
    url = database_urls(settings).tutordex
    ensure_database(url)
    database = Database(url)
    try:
        migrate(database)
    finally:
        database.close()


def _warn_of_variable(services: "Services", role: "Role") -> None:
    from tutordex_dagster.resources.sessions import session_variable

    variable = session_variable(role)
    if getattr(services.settings, variable.lower()) is not None:
        say(f"{variable} is set and wins over the file: unset it to use the session in the file.")
