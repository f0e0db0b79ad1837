"""Channels the project collects, and the export files they were read from."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.rows import class_row, dict_row, tuple_row

from tutordex_dagster.capture.contract import ChannelInfo, SourceKind
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.store.text import storable

_SQL = load("channels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A registered channel; its hours from `collect_since` (UTC) on should exist in the ledger.

    Everything it did up to `cursor` is stored, as its source last confirmed at `cursor_at`. `member` tells
    whether our account joined it, if known; `problem` why it could not be read when last tried. One that is
    not `listed` any more is collected only when a person asks for it.
    """

    channel_id: int
    reference: str
    title: str
    source_kind: SourceKind
    collect_since: datetime
    cursor: int | None = None
    cursor_at: datetime | None = None
    member: bool | None = None
    problem: str | None = None
    problem_at: datetime | None = None
    listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChannel:
    """Why a reference of CHANNEL_LIST could not be resolved when that was last tried."""

    problem: str
    checked_at: datetime


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

    def by_id(self, channel_id: int) -> Channel:
        """Return this channel; UsageError when it is not registered."""
        found = self._db.fetch(_SQL["by_id"], {"channel_id": channel_id}, class_row(Channel))
        if not found:
            raise _unregistered(channel_id)
        return found[0]

    def note_problem(self, channel_id: int, problem: str | None, at: datetime) -> None:
        """Note why the channel could not be read at the instant `at`, or (None) that it could.

        Raises UsageError when it is not registered.
        """
        said = problem and storable(problem)
        self._change("note_problem", channel_id, problem=said, at=at)

    def note_member(self, channel_id: int, *, member: bool) -> None:
        """Note whether our account is a member of the channel; UsageError when it is not registered."""
        self._change("note_member", channel_id, member=member)

    def note_listed(self, references: Iterable[str]) -> None:
        """Note that these channels are collected by themselves, and no others; exports stay as they are."""
        self._db.execute(_SQL["note_listed"], {"references": sorted({each.lower() for each in references})})

    def access(self, account_id: int) -> dict[int, int]:
        """Return the access hashes that the account has, by channel id."""
        return dict(self._db.fetch(_SQL["access"], {"account_id": account_id}, tuple_row))

    def note_access(self, account_id: int, channel_id: int, access_hash: int) -> None:
        """Remember what the account needs to read the registered channel without looking its name up."""
        params = {"account_id": account_id, "channel_id": channel_id, "access_hash": access_hash}
        self._db.execute(_SQL["note_access"], params)

    def wanted(self) -> dict[str, WantedChannel]:
        """Return the references that could not be resolved, and why."""
        rows = self._db.fetch(_SQL["wanted"], {}, dict_row)
        return {row.pop("reference"): WantedChannel(**row) for row in rows}

    def note_wanted(self, reference: str, problem: str, at: datetime) -> None:
        """Note why a reference could not be resolved at the instant `at`."""
        params = {"reference": reference, "problem": storable(problem), "at": at}
        self._db.execute(_SQL["note_wanted"], params)

    def forget_wanted(self, references: Iterable[str]) -> None:
        """Forget these references: they were resolved, or nobody wants them any more."""
        lower = [reference.lower() for reference in references]
        self._db.execute(_SQL["forget_wanted"], {"references": lower})

    def add_export(self, export: Export) -> None:
        """Remember an export file; the same path again replaces what was known of it."""
        self._db.execute(_SQL["add_export"], asdict(export))

    def exports(self, channel_id: int) -> list[Export]:
        """Return the exports of a channel, the one that vouches longest first."""
        return self._db.fetch(_SQL["exports"], {"channel_id": channel_id}, class_row(Export))

    def _change(self, name: str, channel_id: int, **params: object) -> None:
        if not self._db.execute(_SQL[name], {"channel_id": channel_id, **params}):
            raise _unregistered(channel_id)

    def _clashing(self, info: ChannelInfo) -> list[tuple[int, str]]:
        params = {"channel_id": info.channel_id, "reference": info.reference}
        return [(int(row[0]), str(row[1])) for row in self._db.fetch(_SQL["clashing"], params, tuple_row)]


def _unregistered(channel_id: int) -> UsageError:
    return UsageError(channel_id, "is not a registered channel", "register it first")
