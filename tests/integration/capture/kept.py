"""The two raw logs, looked at alike: one channel each, with a clock that the test moves."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Protocol

from tests.integration.capture.history import EVER, at
from tutordex_dagster.capture.contract import ChannelInfo, FollowedLog
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.store.channels import Channels
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.raw_log import PostgresRawLog

_channel_ids = count(1)


@dataclass(frozen=True)
class Row:
    """A revision as both logs have it; a tombstone has no content."""

    message_id: int
    content: bytes | None


class Kept(Protocol):
    """A log of one channel that can be looked at; `now` is what its clock shows."""

    channel_id: int
    now: datetime

    @property
    def log(self) -> FollowedLog:
        """Return the log."""
        ...

    def rows(self) -> list[Row]:
        """Return all revisions, by message and in their order."""
        ...

    def known(self) -> set[datetime]:
        """Return the hours of the ledger."""
        ...

    def settled(self) -> set[datetime]:
        """Return the hours that are sealed and need not be read again now."""
        ...


class InMemory:
    """The log in memory."""

    def __init__(self) -> None:
        self.channel_id = next(_channel_ids)
        self.now = at(0)
        self.log = MemoryRawLog(clock=lambda: self.now)

    def rows(self) -> list[Row]:
        rows = sorted(self.log.revisions(self.channel_id), key=lambda row: (row.message_id, row.revision))
        return [Row(row.message_id, row.message.content_hash() if row.message else None) for row in rows]

    def known(self) -> set[datetime]:
        return {row.hour for row in self.log.hours(self.channel_id, EVER)}

    def settled(self) -> set[datetime]:
        sealed = {row.hour for row in self.log.hours(self.channel_id, EVER) if row.state == "sealed"}
        due = self.log.rereads(self.channel_id)
        return {hour for hour in sealed if hour not in due or due[hour] > self.now}


class InDatabase:
    """The log in the database."""

    def __init__(self, database: Database) -> None:
        self.channel_id = next(_channel_ids)
        self.now = at(0)
        self.log = PostgresRawLog(database, clock=lambda: self.now)
        self._database = database
        info = ChannelInfo(channel_id=self.channel_id, reference=f"t.me/p{self.channel_id}", title="")
        Channels(database).register(info, source="telegram", collect_since=EVER.since)

    def rows(self) -> list[Row]:
        query = b"""
            SELECT message_id, CASE WHEN kind <> 'tombstone' THEN content_hash END
            FROM telegram_messages_raw WHERE channel_id = %(id)s ORDER BY message_id, revision
        """
        return [Row(row[0], row[1]) for row in self._fetch(query)]

    def known(self) -> set[datetime]:
        return {row[0] for row in self._fetch(b"SELECT hour FROM channel_hours WHERE channel_id = %(id)s")}

    def settled(self) -> set[datetime]:
        query = b"""
            SELECT hour FROM channel_hours WHERE channel_id = %(id)s AND state = 'sealed'
            AND (reread_at IS NULL OR reread_at > %(now)s)
        """
        return {row[0] for row in self._fetch(query)}

    def _fetch(self, query: bytes) -> list[tuple[Any, ...]]:
        with self._database.connection() as connection:
            return connection.execute(query, {"id": self.channel_id, "now": self.now}).fetchall()
