"""Another version becomes live: its projection is built beside the shown one, then shown by one update."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock
from typing import Any, Literal, LiteralString

from psycopg.rows import class_row, scalar_row

from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.assignments import (
    ProjectionResult,
    lock_all_channels,
    lock_channel,
    lock_projection,
    take_over,
    take_over_of,
)
from tutordex_dagster.store.audit import Deed, record
from tutordex_dagster.store.closings import Unsettled, settle, settle_channel
from tutordex_dagster.store.database import Connection, Database
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
class Differences:
    """Rows of the live projection against those of another: only there, only here, other content by field.

    Of the `absent` rows, `kept` stay as they are: the version has not said anything about their messages.
    """

    added: int
    absent: int
    kept: int
    shared: int
    changed: int
    fields: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row that differs, as both projections have it; None where there is none."""

    reference: str
    message_id: int
    segment: int
    was: Mapping[str, Any] | None
    now: Mapping[str, Any] | None


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
    """What a change of the live version did: rows kept from before, and jobs made for the newest messages."""

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

    def differences(self, live: str, version: str) -> Differences:
        """Compare two projections row by row, and count what a switch would keep."""
        params = {"live": live, "version": version}
        with self._db.connection() as connection:
            _find(connection, params)
            connection.execute(_SQL["drop_said"], params)
            kept = _value(connection, "count_unsaid", params)
            (row,) = connection.execute(_SQL["differences"], params, prepare=False).fetchall()
        added, absent, shared, changed, fields = row
        return Differences(
            added=added, absent=absent, kept=kept, shared=shared, changed=changed, fields=fields
        )

    def difference_samples(self, live: str, version: str, *, limit: int) -> list[Difference]:
        """Return the newest rows that differ between two projections."""
        params = {"live": live, "version": version, "limit": limit}
        return self._db.fetch(_SQL["difference_samples"], params, class_row(Difference))

    def switch(self, version: str, *, after: int, action: Action, actor: str, fingerprint: str) -> Switched:
        """Show the version's projection instead of the live one, and enqueue for it from now on, all at once.

        Nothing is projected meanwhile; nothing is stored once the two projections are compared. Ends since
        `build` are taken over; rows of messages the version has said nothing about stay as they are; messages
        stored after the raw id `after` get jobs.
        Raises UsageError when it is live already.
        """
        at = self._clock()
        with self._db.connection() as connection:
            live = lock_projection(connection)
            if live is None or live == version:
                raise UsageError(version, "is the live version already", "nothing has to be done")
            params: dict[str, object] = {"live": live, "version": version, "at": at, "after": after}
            _find(connection, params)
            lock_all_channels(connection)
            while take_over(connection, version, limit=_PAGE, at=at).more:
                pass
            kept = _carry(connection, params, at)
            enqueued = _value(connection, "enqueue_since", params)
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


def _find(connection: Connection, params: Mapping[str, object]) -> None:
    """Note which messages a switch may have to keep, in time that grows with both projections."""
    connection.execute(_SQL["find_unsaid"], params, prepare=False)
    connection.execute(_SQL["find_carried"], params, prepare=False)
    connection.execute(_SQL["count_found"])


def _carry(connection: Connection, params: Mapping[str, object], at: datetime) -> int:
    """Keep what the version has said nothing about; return how many rows."""
    connection.execute(_SQL["drop_said"], params)
    gone = _rows(connection, "drop_carried_rows", params)
    fallen = _rows(connection, "drop_carried_posts", params)
    kept = _rows(connection, "carry_rows", params)
    connection.execute(_SQL["note_carried"], params)
    stands = _rows(connection, "carry_posts", params)
    codes: dict[int, set[str]] = defaultdict(set)
    message_ids: dict[int, set[int]] = defaultdict(set)
    for channel_id, code, message_id in (*gone, *kept):
        message_ids[channel_id].add(message_id)
        codes[channel_id].update(() if code is None else (code,))
    for channel_id, named, points in (*fallen, *stands):
        message_ids[channel_id].update(points)
        codes[channel_id].update(named)
    _settle(connection, params, codes, message_ids, at)
    return len(kept)


def _settle(
    connection: Connection,
    params: Mapping[str, object],
    codes: Mapping[int, Iterable[str]],
    message_ids: Mapping[int, Iterable[int]],
    at: datetime,
) -> None:
    for channel_id, ids in message_ids.items():
        changed = Unsettled(
            projection=str(params["version"]),
            channel_id=channel_id,
            codes=sorted(codes.get(channel_id, ())),
            message_ids=sorted(ids),
        )
        settle(connection, changed, at)


def _rows(connection: Connection, name: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
    query: LiteralString = _SQL[name]
    return connection.execute(query, params).fetchall()


def _value(connection: Connection, name: str, params: Mapping[str, object]) -> int:
    ((value,),) = _rows(connection, name, params)
    return int(value)
