"""Another version becomes live: its projection is built beside the shown one, then shown by one update."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock
from typing import Any, Literal

from psycopg.rows import class_row, scalar_row

from tutordex_dagster.errors import TransientError, UsageError
from tutordex_dagster.store.assignments import (
    ProjectionResult,
    lock_all_channels,
    lock_channel,
    lock_projection,
    take_over_of,
)
from tutordex_dagster.store.audit import Deed, record
from tutordex_dagster.store.closings import settle_channel
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.keeping import count_unsaid, enqueue_unread, find_unsaid, keep_unsaid
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Clock, utc_now

_SQL = load("promotion")
_PAGE = 5000
_BUILDERS = 2  # connections that project at once: the database does the work, and others need it too

Action = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A channel's live messages by their job of a version; `waiting`: queued or held, `missing`: none."""

    reference: str
    messages: int
    ok: int
    skipped: int
    failed: int
    dead: int
    waiting: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row that differs, as both projections have it; None where there is none."""

    reference: str
    message_id: int
    segment: int
    was: Mapping[str, Any] | None
    now: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Rows of the live projection against those of another: only there, only here, other content by field.

    Of the `absent` rows, `kept` stay as they are: the version has not read their messages, or an older text.
    What it found in an older text counts as not there. `samples` are the newest rows that would change.
    """

    added: int
    absent: int
    kept: int
    shared: int
    changed: int
    fields: Mapping[str, int]
    samples: Sequence[Difference] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One change of the live version; `raw_id` was the newest one of the log at that moment."""

    at: datetime
    actor: str
    action: Action
    version: str
    previous: str
    fingerprint: str
    raw_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a change of the live version did: rows kept from before, and jobs made for unread messages."""

    previous: str
    kept: int
    enqueued: int


class Promotions:
    """What stands beside the shown projection, and the switch between the two."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    def reconcile(self, version: str, *, since: datetime, up_to: int) -> list[Reconciled]:
        """Count live messages posted from `since` on, up to this raw id, by what the version made of them."""
        params = {"version": version, "since": since, "up_to": up_to}
        return self._db.fetch(_SQL["reconcile"], params, class_row(Reconciled))

    def horizon(self, stored_before: datetime) -> int:
        """Return the newest raw id that was stored before this instant, 0 for none."""
        return int(self._db.value(_SQL["horizon"], {"stored_before": stored_before}))

    def build(
        self, version: str, *, on_page: Callable[[ProjectionResult], None] = lambda _: None
    ) -> ProjectionResult:
        """Bring a projection that is not shown up to date, page by page, and settle what status posts close.

        Several channels at once; `on_page` is called by one thread after the other. Doing it again, also
        after it broke off, goes on where it was.
        """
        stopping, telling = Event(), Lock()

        def tell(page: ProjectionResult) -> None:
            if stopping.is_set():
                raise CancelledError
            with telling:
                on_page(page)

        channel_ids = self._db.fetch(_SQL["channel_ids"], {}, scalar_row)
        shares = [channel_ids[first::_BUILDERS] for first in range(_BUILDERS)]
        with ThreadPoolExecutor(_BUILDERS) as pool:
            try:
                built = sum(
                    pool.map(lambda share: self._build(version, share, tell), shares), ProjectionResult()
                )
                self._db.execute(_SQL["count_built"], {})
                list(pool.map(lambda channel_id: self._settle(version, channel_id), channel_ids))
            finally:
                stopping.set()
                pool.shutdown(cancel_futures=True)
        return built

    def _build(
        self, version: str, channel_ids: list[int], tell: Callable[[ProjectionResult], None]
    ) -> ProjectionResult:
        total, after = ProjectionResult(more=True), 0
        while total.more:
            with self._db.connection() as connection:
                page, after = take_over_of(
                    connection, version, channel_ids, limit=_PAGE, at=self._clock(), after=after
                )
            tell(page)
            total += page
        return total

    def _settle(self, version: str, channel_id: int) -> None:
        with self._db.connection() as connection:
            lock_channel(connection, channel_id)
            settle_channel(connection, version, channel_id, self._clock())

    def differences(self, live: str, version: str, *, samples: int) -> Differences:
        """Compare two projections row by row, with so many samples, and count what a switch would keep."""
        params = {"live": live, "version": version, "limit": samples}
        with self._db.connection() as connection:
            find_unsaid(connection, params)
            kept = count_unsaid(connection, params)
            (row,) = connection.execute(_SQL["differences"], params, prepare=False).fetchall()
            with connection.cursor(row_factory=class_row(Difference)) as cursor:
                shown = cursor.execute(_SQL["difference_samples"], params, prepare=False).fetchall()
        added, absent, shared, changed, fields = row
        return Differences(
            added=added,
            absent=absent,
            kept=kept,
            shared=shared,
            changed=changed,
            fields=fields,
            samples=shown,
        )

    def has_read(self, version: str) -> bool:
        """Tell whether the version has said anything of any message."""
        return bool(self._db.value(_SQL["has_read"], {"version": version}))

    def switch(
        self, version: str, *, live: str, after: int, action: Action, actor: str, fingerprint: str
    ) -> Switched:
        """Show the version's projection instead of the `live` one, and enqueue for it from now on, at once.

        Nothing is projected meanwhile; nothing is stored once the two projections are compared. Ends since
        `build` are taken over. Rows of messages the version has said nothing about, or only of an older text,
        stay as they are; messages stored after the raw id `after`, and those newer texts, get jobs.
        Raises UsageError when it is live already, TransientError when another one than `live` is.
        """
        at = self._clock()
        with self._db.connection() as connection:
            _require_live(lock_projection(connection), live, version)
            params: dict[str, object] = {"live": live, "version": version, "at": at, "after": after}
            find_unsaid(connection, params)
            lock_all_channels(connection)
            kept = keep_unsaid(connection, params, at)
            enqueued = enqueue_unread(connection, params)
            connection.execute(_SQL["show"], params)
            named = {"actor": actor, "action": action, "fingerprint": fingerprint}
            connection.execute(_SQL["record"], {**params, **named})
            deed = Deed(
                at=at,
                actor=actor,
                action=f"{action} version",
                detail={"version": version, "previous": live, "kept": kept, "enqueued": enqueued},
            )
            record(connection, deed)
        return Switched(previous=live, kept=kept, enqueued=enqueued)

    def history(self) -> list[Promotion]:
        """Return every change of the live version, the newest first."""
        return self._db.fetch(_SQL["history"], {}, class_row(Promotion))

    def before(self, live: str) -> Promotion | None:
        """Return the promotion that made this version live; None when it always was."""
        found = self._db.fetch(_SQL["before"], {"live": live}, class_row(Promotion))
        return found[0] if found else None


def _require_live(locked: str | None, live: str, version: str) -> None:
    if locked == version:
        raise UsageError(version, "is the live version already", "nothing has to be done")
    if locked != live:
        reason = f"{version} was judged against {live}, but {locked} has become the live version meanwhile"
        raise TransientError(f"{reason}: look at what it would change now, and do it again")
