"""Experiments, pairs of results, and labels in Postgres."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import orjson
from psycopg.rows import class_row, scalar_row, tuple_row

from tutordex_dagster.comparison.contract import End, Label, LabelSource, Pair
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Clock, Window, utc_now

_SQL = load("comparisons")
_PAGE = 500
"""Pairs in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The posts of an experiment as its first run found them."""

    since: datetime
    until: datetime
    channels: Sequence[str] | None
    sample: int | None
    frozen_at: datetime
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a version is with the posts of an experiment.

    Posts without a job are neither ended nor waiting. `attempts` are those of all jobs; `next_due_at` is when
    the next job becomes claimable (maybe already past), None when nothing is waiting.
    """

    version: str
    posts: int
    ended: int
    held: int
    failed: int
    pending: int
    attempts: int
    next_due_at: datetime | None

    @property
    def waiting(self) -> int:
        """Count the posts whose job has no end yet."""
        return self.held + self.failed + self.pending

    def due(self, now: datetime) -> bool:
        """Tell whether a claim could take one of them at this instant (aware UTC)."""
        return self.next_due_at is not None and self.next_due_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabel:
    """What a person says is right: the values of one field, one for each assignment in the post."""

    raw_id: int
    field: str
    values: Sequence[Any]
    source: LabelSource


class Comparisons:
    """What comparisons read, page by page, and the little they write: members and labels."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    def freeze(
        self,
        name: str,
        window: Window,
        *,
        channels: Mapping[str, int],
        named: Sequence[str] | None,
        sample: int | None,
    ) -> Frozen:
        """Choose the posts of an experiment at its first run, and find them again at every later one.

        `channels` are the ids by reference; `named` are those the experiment names, None when it takes all.
        Raises UsageError when the window holds no post, and when the experiment was frozen with another
        window, other channels or another sample.
        """
        params = {
            "name": name,
            "since": window.since,
            "until": window.until,
            "channels": None if named is None else sorted(named),
            "channel_ids": list(channels.values()),
            "sample": sample,
            "at": self._clock(),
        }
        with self._db.connection() as connection, connection.cursor(row_factory=class_row(Frozen)) as cursor:
            if cursor.execute(_SQL["add_experiment"], params).rowcount:
                cursor.execute(_SQL["add_members"], params)
            frozen = cursor.execute(_SQL["experiment"], params).fetchone()
            assert frozen is not None  # noqa: S101 - it was added at the latest just now
            _require_same(name, frozen, params)
            return frozen

    def member_ids(self, experiment: str, *, page: int = _PAGE) -> Iterator[list[int]]:
        """Yield the posts of an experiment by raw id, page by page."""
        return self._pages(_SQL["member_page"], {"experiment": experiment}, page)

    def due_ids(self, experiment: str, version: str) -> Iterator[list[int]]:
        """Yield those that a claim of this version could take now, expired leases included."""
        for raw_ids in self.member_ids(experiment):
            params = {"raw_ids": raw_ids, "version": version, "at": self._clock()}
            due = self._db.fetch(_SQL["due_of"], params, scalar_row)
            if due:
                yield due

    def standing(self, experiment: str, version: str) -> Standing:
        """Tell how far this version is with them."""
        params = {"experiment": experiment, "version": version}
        return self._db.fetch(_SQL["standing"], params, class_row(Standing))[0]

    def member_pairs(self, experiment: str, a: str, b: str) -> Iterator[Pair]:
        """Yield what two versions made of the posts of an experiment, by raw id."""
        return self._pairs(self.member_ids(experiment), a, b)

    def version_pairs(
        self, a: str, b: str, window: Window, channel_ids: Sequence[int] | None
    ) -> Iterator[Pair]:
        """Yield what two versions made of every post of the window that either has a job for, by raw id."""
        params = {
            "a": a,
            "b": b,
            "since": window.since,
            "until": window.until,
            "channel_ids": None if channel_ids is None else list(channel_ids),
        }
        return self._pairs(self._pages(_SQL["version_page"], params, _PAGE), a, b)

    def texts(self, raw_ids: Sequence[int]) -> dict[int, str]:
        """Return the texts of these posts by raw id."""
        return dict(self._db.fetch(_SQL["texts"], {"raw_ids": list(raw_ids)}, tuple_row))

    def label(self, labels: Sequence[NewLabel], *, by: str) -> int:
        """Store labels, newer ones over older ones; return how many were taken.

        An adjudicated label never replaces one of a post that was chosen independently. Raises UsageError
        for a raw id that is not in the log; then nothing is stored.
        """
        raw_ids = [label.raw_id for label in labels]
        unknown = self._db.fetch(_SQL["unknown_raw_ids"], {"raw_ids": raw_ids}, scalar_row)
        if unknown:
            raise UsageError(
                f"raw_id {unknown[0]}", "is not in the log", "use a sheet written from this database"
            )
        rows = [
            {"raw_id": each.raw_id, "field": each.field, "correct": list(each.values), "source": each.source}
            for each in labels
        ]
        params = {"labels": orjson.dumps(rows).decode(), "by": by, "at": self._clock()}
        return self._db.execute(_SQL["label"], params)

    def _pages(self, query: LiteralString, params: Mapping[str, object], size: int) -> Iterator[list[int]]:
        after = 0
        while page := self._db.fetch(query, {**params, "after": after, "limit": size}, scalar_row):
            yield page
            after = page[-1]

    def _pairs(self, pages: Iterator[list[int]], a: str, b: str) -> Iterator[Pair]:
        for raw_ids in pages:
            params = {"raw_ids": raw_ids, "a": a, "b": b}
            yield from map(_pair, self._db.fetch(_SQL["pairs"], params, tuple_row))


def _require_same(name: str, frozen: Frozen, wanted: Mapping[str, object]) -> None:
    if not frozen.members:
        raise UsageError(
            name, "has no post in its window", "read it first: tutordex backfill --since … --until …"
        )
    for part in ("since", "until", "channels", "sample"):
        if getattr(frozen, part) != wanted[part]:
            raise UsageError(
                f"{name}: {part} {wanted[part]}",
                f"its posts were frozen on {frozen.frozen_at:%Y-%m-%d} with {part} {getattr(frozen, part)}",
                "a changed experiment is a new one: give it a new name",
            )


def _pair(row: tuple[Any, ...]) -> Pair:
    raw_id, channel, message_id, posted_at, *ends, labels = row
    return Pair(
        raw_id=raw_id,
        channel=channel,
        message_id=message_id,
        posted_at=posted_at,
        a=_end(*ends[:5]),
        b=_end(*ends[5:]),
        labels={} if labels is None else _labels(labels),
    )


def _end(
    status: Any,  # noqa: ANN401 - as the row has it; None where the version has no job
    result: str | None,
    reason: str | None,
    error_class: str | None,
    meta: str | None,
) -> End:
    return End(
        status=status or "missing",
        result=None if result is None else orjson.loads(result),
        reason=reason,
        error_class=error_class,
        meta={} if meta is None else orjson.loads(meta),
    )


def _labels(text: str) -> dict[str, Label]:
    return {
        field: Label(values=values, source=source) for field, (values, source) in orjson.loads(text).items()
    }
