"""Channels the project collects, and the export files they were read from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.rows import class_row, tuple_row

from tutordex_dagster.capture.contract import ChannelInfo, SourceKind
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load

_SQL = load("channels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A registered channel; its hours from `collect_since` (UTC) on should exist in the ledger."""

    channel_id: int
    reference: str
    title: str
    source_kind: SourceKind
    collect_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export file of a channel: it holds `messages` posts in [first_at, vouches_until), times in UTC.

    `timezone` is what a person gave for a file without UTC times.
    """

    channel_id: int
    path: str
    timezone: str | None
    first_at: datetime
    vouches_until: datetime
    messages: int


class Channels:
    """The table of channels and of their exports."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def register(self, info: ChannelInfo, *, source: SourceKind, collect_since: datetime) -> Channel:
        """Add the channel or bring its title and source up to date; the earlier `collect_since` stays.

        Raises UsageError when the id or the reference belongs to another channel.
        """
        params = {**asdict(info), "source": source, "collect_since": collect_since}
        clash = [
            f"{reference} has id {channel_id}"
            for channel_id, reference in self._clashing(info)
            if (channel_id, reference) != (info.channel_id, info.reference.lower())
        ]
        if clash:
            raise UsageError(
                f"{info.reference} with id {info.channel_id}",
                f"clashes with a registered channel ({', '.join(clash)})",
                "check which of the two sources names the channel wrongly",
            )
        return self._db.fetch(_SQL["register"], params, class_row(Channel))[0]

    def all(self) -> list[Channel]:
        """Return every channel, ordered by reference."""
        return self._db.fetch(_SQL["all"], {}, class_row(Channel))

    def by_reference(self, references: Sequence[str]) -> list[Channel]:
        """Return these channels, ordered by reference; UsageError naming those that are not registered."""
        wanted = {reference.lower() for reference in references}
        found = self._db.fetch(_SQL["by_reference"], {"references": sorted(wanted)}, class_row(Channel))
        unknown = wanted - {channel.reference for channel in found}
        if unknown:
            known = ", ".join(channel.reference for channel in self.all()) or "none"
            raise UsageError(
                ", ".join(sorted(unknown)), "is not a registered channel", f"registered are: {known}"
            )
        return found

    def add_export(self, export: Export) -> None:
        """Remember an export file; the same path again replaces what was known of it."""
        self._db.execute(_SQL["add_export"], asdict(export))

    def exports(self, channel_id: int) -> list[Export]:
        """Return the exports of a channel, the one that vouches longest first."""
        return self._db.fetch(_SQL["exports"], {"channel_id": channel_id}, class_row(Export))

    def _clashing(self, info: ChannelInfo) -> list[tuple[int, str]]:
        params = {"channel_id": info.channel_id, "reference": info.reference}
        return [(int(row[0]), str(row[1])) for row in self._db.fetch(_SQL["clashing"], params, tuple_row)]
