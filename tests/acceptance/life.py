"""Channels that live: random posts, edits and deletions at the loopback Telegram, and what must be stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Protocol

from tests.mtproto.loopback import LoopbackTelegram

TEXT = """Code: {code}
P5 Maths @ Bishan
Address: 10 Bishan Street 12, S(570010)
1x weekly, 1.5 hours
${rate}/hr"""

LIVE = """
SELECT message_id, text FROM live_messages WHERE channel_id = %s AND kind = 'post'
"""
DOUBLED = """
SELECT count(*) FROM (
    SELECT content_hash, lag(content_hash) OVER (PARTITION BY message_id ORDER BY revision) AS before
    FROM telegram_messages_raw WHERE channel_id = %s
) AS revision WHERE content_hash = before
"""
ASSIGNED = """
SELECT assignment.message_id, raw.text, assignment.status::text
FROM assignments AS assignment JOIN telegram_messages_raw AS raw USING (raw_id)
WHERE assignment.channel_id = %s
"""
WRONGLY_SEALED = """
SELECT ledger.hour FROM channel_hours AS ledger
WHERE ledger.channel_id = %(channel_id)s AND ledger.state = 'sealed' AND (
    ledger.swept_at < ledger.hour + interval '1 hour'
    OR ledger.messages <> (
        SELECT count(*) FROM live_messages AS message
        WHERE message.channel_id = ledger.channel_id
        AND message.posted_at >= ledger.hour AND message.posted_at < ledger.hour + interval '1 hour'
    )
)
"""


class Database(Protocol):
    """Whoever can ask our database."""

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        ...


@dataclass(slots=True, kw_only=True)
class Life:
    """The life of some channels, the same for the same seed apart from its timing.

    `told` is the share of what happens that is pushed; the rest shows as a gap in what is pushed later.
    """

    telegram: LoopbackTelegram
    names: Sequence[str]
    seed: int
    told: float = 1.0
    random: Random = field(init=False)
    happened: int = 0
    posted: int = 0
    gone: dict[str, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - nobody has to be surprised

    def event(self, *, push: bool = True, date: datetime | None = None) -> None:
        """Let one thing happen in one channel: mostly a post, sometimes an edit, now and then a deletion."""
        push = push and (self.told >= 1 or self.random.random() < self.told)
        name = self.random.choice(self.names)
        living = sorted(self.telegram.truth(name))
        kind = self.random.random()
        if not living or kind < 0.6:
            self.posted += 1
            self.telegram.post(name, TEXT.format(code=f"L{self.posted:05}", rate=40), date, push=push)
        elif kind < 0.85:
            old = self.random.choice(living)
            text = self.telegram.truth(name)[old]
            rate = self.random.randrange(30, 90)
            self.telegram.edit(name, old, f"{text.rpartition('$')[0]}${rate}/hr", push=push)
        else:
            old = self.random.choice(living)
            self.telegram.delete(name, old, push=push)
            self.gone.setdefault(name, set()).add(old)
        self.happened += 1


def channel_ids(database: Database, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of these channels, as far as they are registered."""
    rows = database.sql("SELECT reference, channel_id FROM channels")
    known = {str(reference): int(channel_id) for reference, channel_id in rows}
    return {name: known[f"t.me/{name}"] for name in names if f"t.me/{name}" in known}


def stored_differs(database: Database, telegram: LoopbackTelegram, names: Sequence[str]) -> str | None:
    """Say how the raw log differs from what Telegram holds: every id, every last text, every deletion."""
    ids = channel_ids(database, names)
    for name in names:
        if name not in ids:
            return f"{name} is not registered"
        truth, stored = telegram.truth(name), dict(database.sql(LIVE, ids[name]))
        if truth != stored:
            return f"{name}: " + _difference(truth, stored)
    return None


def assignments_differ(database: Database, telegram: LoopbackTelegram, names: Sequence[str]) -> str | None:
    """Say how the open assignments differ from the posts Telegram holds, each with its last text."""
    ids = channel_ids(database, names)
    for name in names:
        rows = database.sql(ASSIGNED, ids[name])
        opened = {message_id: text for message_id, text, status in rows if status == "open"}
        truth = {key: text for key, text in telegram.truth(name).items() if text.startswith("Code:")}
        if truth != opened:
            return f"assignments of {name}: " + _difference(truth, opened)
    return None


def broken_promises(database: Database, names: Sequence[str]) -> list[str]:
    """List doubled revisions and hours that are called sealed and are not."""
    found = []
    for name, channel_id in channel_ids(database, names).items():
        if doubled := database.sql(DOUBLED, channel_id)[0][0]:
            found.append(f"{name}: {doubled} revisions say what the one before said")
        found += [f"{name}: {row[0]} is called sealed" for row in _wrongly_sealed(database, channel_id)]
    return found


def _wrongly_sealed(database: Database, channel_id: int) -> list[tuple[object, ...]]:
    return database.sql(WRONGLY_SEALED.replace("%(channel_id)s", "%s"), channel_id)


def _difference(truth: dict[int, str], stored: dict[int, str]) -> str:
    missing, extra = sorted(truth.keys() - stored.keys()), sorted(stored.keys() - truth.keys())
    stale = sorted(key for key in truth.keys() & stored.keys() if truth[key] != stored[key])
    parts = {"missing": missing, "extra": extra, "stale": stale}
    return ", ".join(f"{len(found)} {what} {found[:5]}" for what, found in parts.items())
