"""The log of message revisions: batches come in through COPY, readers see the latest live revisions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row, scalar_row

from tutordex_dagster.capture.contract import CaptureBatch, Message, Position, StoreResult
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.closings import delete_messages
from tutordex_dagster.store.database import Connection, Database
from tutordex_dagster.store.lanes import PRIORITY
from tutordex_dagster.store.queries import load
from tutordex_dagster.store.text import storable, storable_json
from tutordex_dagster.windows import Clock, Window, utc_now

_SQL = load("raw_log")
_STAGED_TYPES = (
    "int8",
    "timestamptz",
    "timestamptz",
    "text",
    "bytea",
    "text",
    "text",
    "int8",
    "text",
    "text",
    "text",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCount:
    """Live messages of one channel posted in one hour."""

    channel_id: int
    hour: datetime
    messages: int


class PostgresRawLog:
    """The raw log and its ledger in Postgres; `clock` stamps the rows."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    def store(self, batch: CaptureBatch) -> StoreResult:
        """Store the batch, its deletions, its ledger rows, its jobs and its cursor in one transaction.

        Doing it again changes nothing; batches of one channel wait for each other. Raises UsageError when
        the channel is not registered.
        """
        if batch.cursor is not None and not (batch.messages or batch.hours or batch.deleted or batch.reread):
            self.confirm({batch.channel_id: batch.cursor}, batch.observed_at)
            return StoreResult()
        with self._db.connection() as connection:
            return _Storing(connection, batch, self._clock()).run()

    def confirm(self, cursors: Mapping[int, int], at: datetime) -> None:
        """Note cursors by channel id that their sources gave at the instant `at`, with nothing new to store.

        All channels at once. Raises UsageError, and notes none, when one is not registered.
        """
        with self._db.connection() as connection:
            _move_cursors(connection, cursors, at)

    def position(self, channel_id: int) -> Position:
        """Tell how far the channel is followed; UsageError when it is not registered."""
        found = self._positions(channel_id)
        if not found:
            raise _unregistered(channel_id)
        return found[channel_id]

    def positions(self) -> dict[int, Position]:
        """Tell how far every registered channel is followed, by channel id."""
        return self._positions(None)

    def raw_ids(
        self, channel_ids: Sequence[int], window: Window, *, limit_per_channel: int | None = None
    ) -> list[int]:
        """Return the latest live revisions of messages posted in the window, oldest first.

        With a limit, only the oldest so many of every channel.
        """
        params = {"channel_ids": list(channel_ids), "limit": limit_per_channel, **_ends(window)}
        return self._db.fetch(_SQL["raw_ids"], params, scalar_row)

    def sample(self, channel_id: int, window: Window, limit: int) -> list[dict[str, Any]]:
        """Return the first live messages of the window as rows for a table."""
        params = {"channel_id": channel_id, "limit": limit, **_ends(window)}
        return self._db.fetch(_SQL["sample"], params, dict_row)

    def counts_per_hour(self, channel_ids: Sequence[int], window: Window) -> list[HourCount]:
        """Return the ledger's count of live messages for every known hour that starts in the window."""
        params = {"channel_ids": list(channel_ids), **_ends(window)}
        return self._db.fetch(_SQL["counts_per_hour"], params, class_row(HourCount))

    def _positions(self, channel_id: int | None) -> dict[int, Position]:
        rows = self._db.fetch(_SQL["positions"], {"channel_id": channel_id}, dict_row)
        return {row.pop("channel_id"): Position(**row) for row in rows}


class _Storing:
    """The steps of storing one batch inside its transaction."""

    def __init__(self, connection: Connection, batch: CaptureBatch, at: datetime) -> None:
        self._connection = connection
        self._batch = batch
        self._at = at
        self._params: dict[str, object] = {
            "channel_id": batch.channel_id,
            "observed_at": batch.observed_at,
            "source": batch.source,
            "deleted": sorted(set(batch.deleted)),
            "at": at,
        }

    def run(self) -> StoreResult:
        """Take the steps in order: later ones read what earlier ones wrote."""
        self._lock_channel()
        self._stage()
        stored, edited, touched = self._row("insert_revisions") if self._batch.messages else ([], [], [])
        deleted = self._settle(stored, touched)
        self._supersede(edited, "superseded")
        self._supersede(deleted, "deleted")
        if deleted:
            delete_messages(self._connection, self._batch.channel_id, deleted, self._at)
        self._follow()
        return StoreResult(
            new=len(stored) - len(edited),
            edited=len(edited),
            deleted=len(deleted),
            known=len(self._batch.messages) - len(stored),
            enqueued=self._enqueue(stored),
        )

    def _lock_channel(self) -> None:
        known, _, _ = self._row("lock_channel")
        if not known:
            raise _unregistered(self._batch.channel_id)

    def _stage(self) -> None:
        self._connection.execute(_SQL["create_staging"])
        if not self._batch.messages:
            return
        latest = {message.message_id: message for message in self._batch.messages}
        with self._connection.cursor() as cursor, cursor.copy(_SQL["copy_staging"]) as copy:
            copy.set_types(_STAGED_TYPES)
            for row in _staged(latest.values()):
                copy.write_row(row)

    def _settle(self, stored: list[int], touched: list[datetime]) -> list[int]:
        hours = self._batch.hours
        (deleted,) = self._row(
            "settle_hours",
            stored=stored,
            touched=touched,
            tombstones=self._batch.tombstones,
            hours=[sweep.hour for sweep in hours],
            states=[sweep.state for sweep in hours],
            errors=[sweep.error and storable(sweep.error) for sweep in hours],
            rereads=[sweep.reread_at for sweep in hours],
        )
        return list(deleted)

    def _follow(self) -> None:
        if self._batch.reread:
            self._connection.execute(_SQL["demand_reread"], {**self._params, **_ends(self._batch.reread)})
        if self._batch.cursor is not None:
            cursors = {self._batch.channel_id: self._batch.cursor}
            _move_cursors(self._connection, cursors, self._batch.observed_at)

    def _supersede(self, message_ids: list[int], reason: str) -> None:
        if message_ids:
            params = {**self._params, "message_ids": message_ids, "reason": reason}
            self._connection.execute(_SQL["supersede"], params)

    def _enqueue(self, raw_ids: list[int]) -> int:
        if not raw_ids:
            return 0
        return sum(
            self._row(
                "enqueue",
                raw_ids=raw_ids,
                version=wish.version,
                live=wish.live,
                priority=PRIORITY[wish.lane],
            )[0]
            for wish in self._batch.enqueue
        )

    def _row(self, name: str, **params: object) -> tuple[Any, ...]:
        (row,) = self._connection.execute(_SQL[name], {**self._params, **params}).fetchall()
        return row


def _move_cursors(connection: Connection, cursors: Mapping[int, int], observed_at: datetime) -> None:
    params = {
        "channel_ids": list(cursors.keys()),
        "cursors": list(cursors.values()),
        "observed_at": observed_at,
    }
    known = {row[0] for row in connection.execute(_SQL["lock_channels"], params).fetchall()}
    for channel_id in sorted(cursors.keys() - known):
        raise _unregistered(channel_id)
    connection.execute(_SQL["move_cursors"], params)


def _unregistered(channel_id: int) -> UsageError:
    return UsageError(channel_id, "is not a registered channel", "register it before storing its messages")


def _staged(messages: Iterable[Message]) -> Iterator[tuple[object, ...]]:
    for message in messages:
        yield (
            message.message_id,
            message.posted_at,
            message.edited_at,
            message.kind,
            message.content_hash(),
            storable(message.text),
            message.author and storable(message.author),
            message.reply_to,
            message.forwarded_from and storable(message.forwarded_from),
            message.media and storable(message.media),
            storable_json(message.payload),
        )


def _ends(window: Window) -> dict[str, datetime]:
    return {"since": window.since, "until": window.until}
