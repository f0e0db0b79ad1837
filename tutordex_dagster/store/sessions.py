"""Who uses which Telegram session: one process at a time, in one environment, never one that was refused.

Telegram kills a session that two places use at once, so the lease in the database decides. It ends by the
database's own clock, the only one that all hosts share.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from tutordex_dagster.errors import UsageError
from tutordex_dagster.resilience.errors import SessionBusy, SessionParked
from tutordex_dagster.store.database import Connection, Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.store.text import storable

_SQL = load("sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session by the fingerprint of its key; `held` tells whether its lease is still good."""

    fingerprint: str
    name: str
    environment: str
    account_id: int | None
    holder: str | None
    lease_expires_at: datetime | None
    heartbeat_at: datetime | None
    parked_at: datetime | None
    parked_reason: str | None
    held: bool


class Sessions:
    """The table of sessions and their leases."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def acquire(
        self, fingerprint: str, *, name: str, environment: str, holder: str, ttl_seconds: float
    ) -> UUID:
        """Take the session for `ttl_seconds`; the token returned renews and releases the lease.

        The first use binds a session to its environment. Raises UsageError in any other environment,
        SessionParked when Telegram refused the session, SessionBusy while another holder's lease is good.
        """
        params = {
            "fingerprint": fingerprint,
            "name": name,
            "environment": environment,
            "holder": holder,
            "ttl_seconds": ttl_seconds,
        }
        with self._db.connection() as connection:
            taken = connection.execute(_SQL["acquire"], params).fetchone()
            if taken is None:
                (known,) = _rows(connection, fingerprint)
                raise _refusal(known, environment)
        return UUID(str(taken[0]))

    def renew(self, fingerprint: str, token: UUID, ttl_seconds: float) -> bool:
        """Make the lease good for `ttl_seconds` from now; False when it was lost: stop using the session."""
        params = {"fingerprint": fingerprint, "token": token, "ttl_seconds": ttl_seconds}
        return self._db.execute(_SQL["renew"], params) == 1

    def release(self, fingerprint: str, token: UUID) -> None:
        """Give the session back; nothing happens when the lease was lost."""
        self._db.execute(_SQL["release"], {"fingerprint": fingerprint, "token": token})

    def park(self, fingerprint: str, reason: str) -> None:
        """Refuse every use of the session from now on, its holder's too; the first reason stays.

        Raises UsageError when the session is unknown.
        """
        self._change("park", fingerprint, reason=storable(reason))

    def unpark(self, fingerprint: str) -> None:
        """Let the session be used again; UsageError when it is unknown."""
        self._change("unpark", fingerprint)

    def note_account(self, fingerprint: str, account_id: int) -> None:
        """Note whose session it is; UsageError when it is unknown."""
        self._change("note_account", fingerprint, account_id=account_id)

    def all(self) -> list[SessionRow]:
        """Return every session, by environment and name."""
        with self._db.connection() as connection:
            return _rows(connection, None)

    def _change(self, name: str, fingerprint: str, **params: object) -> None:
        if not self._db.execute(_SQL[name], {"fingerprint": fingerprint, **params}):
            known = ", ".join(f"{row.name} ({row.fingerprint})" for row in self.all()) or "none"
            raise UsageError(f"session {fingerprint}", "is not known here", f"known are: {known}")


def _rows(connection: Connection, fingerprint: str | None) -> list[SessionRow]:
    with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        return cursor.execute(_SQL["all"], {"fingerprint": fingerprint}).fetchall()


def _refusal(known: SessionRow, environment: str) -> UsageError | SessionParked | SessionBusy:
    label = f"session {known.name} ({known.fingerprint})"
    if known.environment != environment:
        return UsageError(
            label,
            f"belongs to environment {known.environment}, this is {environment}",
            "log in again for this environment with `tutordex login`",
        )
    if known.parked_at is not None:
        return SessionParked(
            f"{label}: was refused at {known.parked_at:%Y-%m-%d %H:%M} UTC ({known.parked_reason});"
            " log in again with `tutordex login`"
        )
    return SessionBusy(
        f"{label}: is used by {known.holder} until at least {known.lease_expires_at:%H:%M:%S} UTC;"
        " stop that process, or wait"
    )
