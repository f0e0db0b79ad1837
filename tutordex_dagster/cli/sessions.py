"""`tutordex sessions`: who uses which Telegram session, and allowing a parked one again."""

from typing import TYPE_CHECKING

import click
from rich.markup import escape

from tutordex_dagster.cli.console import say, stdout, table
from tutordex_dagster.cli.session import open_session
from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.identity import os_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutordex_dagster.store.sessions import SessionRow


@click.group(invoke_without_command=True)
@click.pass_context
def sessions(ctx: click.Context) -> None:
    """List the Telegram sessions: whose turn each is, and which Telegram refused."""
    if ctx.invoked_subcommand is not None:
        return
    from tutordex_dagster.operations.status import session_state

    rows = table("Sessions", "name", "fingerprint", "environment", "state (UTC)", "account")
    with open_session() as services:
        for row in services.sessions.all():
            account = "known" if row.account_id is not None else "not known yet"
            environment, state = escape(row.environment), escape(session_state(row))
            rows.add_row(row.name, row.fingerprint, environment, state, account)
    if rows.row_count:
        stdout().print(rows)
    else:
        say("No session was used yet; make one with: tutordex login")


@sessions.command("unpark")
@click.argument("name")
def unpark(name: str) -> None:
    """Let NAME (tail, recovery, media, or a fingerprint) be used again after Telegram refused it.

    For a session that is good again, such as one of an account whose ban was lifted. One that was used in two
    places or ended from a phone stays dead: `tutordex login` makes a new one.
    """
    from tutordex_dagster.store.audit import Deed

    with open_session() as services:
        row = parked_one(services.sessions.all(), name)
        detail = {"session": row.fingerprint, "name": row.name, "reason": row.parked_reason}
        deed = Deed(at=services.clock(), actor=os_user(), action="session unpark", detail=detail)
        services.audit.append(deed)  # first: what was done is on record, whatever happens next
        services.sessions.unpark(row.fingerprint)
    say(f"session {row.name} ({row.fingerprint}) may be used again; it was parked: {row.parked_reason}")


def parked_one(rows: "Sequence[SessionRow]", name: str) -> "SessionRow":
    """Return the parked session of that name or fingerprint; UsageError for none or several."""
    parked = [row for row in rows if row.parked_at is not None]
    found = [row for row in parked if name in {row.name, row.fingerprint}]
    if len(found) == 1:
        return found[0]
    if found:
        fingerprints = ", ".join(row.fingerprint for row in found)
        raise UsageError(name, "is the name of several parked sessions", f"give one of {fingerprints}")
    known = ", ".join(f"{row.name} ({row.fingerprint})" for row in parked) or "none"
    raise UsageError(name, "is no parked session", f"parked are: {known}")
