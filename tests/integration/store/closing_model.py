"""What a channel's assignments should be, worked out in plain Python from all revisions at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

Shown = tuple[str | None, str, str | None, int | None]
"""Code, status, closed reason, closed by."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One revision: a tombstone, or what its text was read as (None: not read yet, or superseded)."""

    message_id: int
    revision: int
    posted_at: datetime
    tombstone: bool = False
    codes: Sequence[str | None] | None = None
    """Of its segments, when it holds assignments."""
    skipped: str | None = None
    points: frozenset[int] = frozenset()
    closes: frozenset[str] = frozenset()

    @property
    def ended(self) -> bool:
        return self.tombstone or self.codes is not None or self.skipped is not None

    @property
    def place(self) -> tuple[datetime, int]:
        return self.posted_at, self.message_id


@dataclass(frozen=True, kw_only=True)
class Row:
    """A segment as its own post alone has it."""

    revision: Revision
    segment: int
    code: str | None
    closing: str | None


def expected(log: Iterable[Revision]) -> Mapping[tuple[int, int], Shown]:
    """Return what is shown, by message id and segment."""
    newest_end: dict[int, Revision] = {}
    newest_content: dict[int, Revision] = {}
    for each in sorted(log, key=lambda each: each.revision):
        if each.ended:
            newest_end[each.message_id] = each
        if each.codes is not None:
            newest_content[each.message_id] = each
    rows = [
        Row(revision=content, segment=place, code=code, closing=own_closing(newest_end[message_id]))
        for message_id, content in newest_content.items()
        for place, code in enumerate(content.codes or ())
    ]
    posts = sorted((end for end in newest_end.values() if end.skipped == "status"), key=lambda end: end.place)
    return {(row.revision.message_id, row.segment): shown(row, rows, posts) for row in rows}


def own_closing(end: Revision) -> str | None:
    if end.tombstone:
        return "deleted"
    if end.skipped is not None:
        return "taken" if end.skipped == "status" else "not_an_assignment"
    return None


def shown(row: Row, rows: Sequence[Row], posts: Sequence[Revision]) -> Shown:
    if row.closing:
        return row.code, "closed", row.closing, None
    by = next((post.message_id for post in posts if closes(post, row, rows)), None)
    return row.code, "open" if by is None else "closed", None if by is None else "taken", by


def closes(post: Revision, row: Row, rows: Sequence[Row]) -> bool:
    if row.revision.message_id in post.points:
        return not post.closes or row.code in post.closes
    if row.code not in post.closes:
        return False
    same = [other for other in rows if other.code == row.code]
    if any(other.revision.message_id in post.points for other in same):
        return False
    standing = [
        other.revision.place for other in same if not other.closing and other.revision.place < post.place
    ]
    return bool(standing) and max(standing) == row.revision.place
