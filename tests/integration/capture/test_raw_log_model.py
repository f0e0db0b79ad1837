"""The database's raw log and the one in memory answer every sequence of batches alike."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import tuple_row

from tutordex_dagster.capture.contract import (
    CaptureBatch,
    ChannelInfo,
    EnqueueFor,
    HourReport,
    HourState,
    HourSweep,
    Message,
    SourceKind,
)
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.store.channels import Channels
from tutordex_dagster.store.coverage import Coverage
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.raw_log import PostgresRawLog
from tutordex_dagster.windows import HOUR, Window

START = datetime(2026, 1, 5, tzinfo=UTC)
HOURS = [START, START + HOUR, START + 2 * HOUR]
ALL = Window(START, START + 3 * HOUR)
NOW = START + 8 * HOUR
_channel_ids = count(1)

ids = st.integers(1, 5)
seen = st.integers(3, 6).map(lambda hour: START + hour * HOUR)
sources: st.SearchStrategy[SourceKind] = st.sampled_from(["telegram", "export"])
wishes = st.lists(st.just(EnqueueFor(version="v1", lane="live")), max_size=1)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw one of few messages, so that ids collide; an id mostly keeps its hour."""
    message_id = draw(ids)
    return Message(
        message_id=message_id,
        posted_at=HOURS[message_id % 3] + timedelta(minutes=draw(st.sampled_from([1, 1, 1, 61]))),
        text=draw(st.sampled_from(["cheap", "dear", "n\x00ul"])),
        edited_at=draw(st.sampled_from([None, START + HOUR, START + 2 * HOUR])),
    )


@st.composite
def hour_sweeps(draw: st.DrawFn, hour: datetime) -> HourSweep:
    """Draw any verdict on an hour."""
    state: HourState = draw(st.sampled_from(["open", "sealed", "failed"]))
    return HourSweep(
        hour=hour,
        state=state,
        error="why" if state == "failed" else None,
        reread_at=draw(st.none() | seen) if state == "sealed" else None,
    )


@st.composite
def sweeps(draw: st.DrawFn) -> CaptureBatch:
    """Draw a batch that completes any hours in any states, seen at any time."""
    source = draw(sources)
    hours = [draw(hour_sweeps(hour)) for hour in draw(st.lists(st.sampled_from(HOURS), unique=True))]
    if source == "export":
        hours = [replace(hour, reread_at=None) for hour in hours]
    return CaptureBatch(
        channel_id=0,
        source=source,
        observed_at=draw(seen),
        messages=draw(st.lists(messages(), max_size=4)),
        hours=hours,
        tombstones=draw(st.booleans()),
        enqueue=draw(wishes),
    )


@st.composite
def told(draw: st.DrawFn) -> CaptureBatch:
    """Draw what following a channel tells: messages, deletions, a cursor, lost hours, seen at any time."""
    lost = draw(st.none() | st.tuples(st.integers(0, 120), st.integers(1, 90)))
    since = START + timedelta(minutes=lost[0]) if lost else START
    return CaptureBatch(
        channel_id=0,
        source="telegram",
        observed_at=draw(seen),
        messages=draw(st.lists(messages(), max_size=4)),
        deleted=draw(st.lists(st.integers(1, 7), max_size=4)),
        cursor=draw(st.none() | st.integers(1, 4)),
        reread=Window(since, since + timedelta(minutes=lost[1])) if lost else None,
        enqueue=draw(wishes),
    )


def without_digests(reports: Sequence[HourReport]) -> list[HourReport]:
    return [replace(report, digest="", changed_at=None) for report in reports]


class Both:
    """A channel of its own in the database, and its model."""

    def __init__(self, database: Database) -> None:
        self.id = next(_channel_ids)
        self.database = database
        info = ChannelInfo(channel_id=self.id, reference=f"t.me/model{self.id}", title="Model")
        Channels(database).register(info, source="telegram", collect_since=START)
        self.model = MemoryRawLog(clock=lambda: NOW)
        self.log = PostgresRawLog(database, clock=lambda: NOW)
        self.coverage = Coverage(database)

    def store(self, batch: CaptureBatch) -> None:
        """Store in both; the answers must be the same."""
        batch = replace(batch, channel_id=self.id)
        assert self.log.store(batch) == self.model.store(batch)

    def rows(self, query: bytes) -> list[tuple[object, ...]]:
        """Run a query about the channel."""
        with self.database.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(query, {"id": self.id}).fetchall()

    def agree(self) -> None:
        """Compare all that can be known of the channel."""
        stored = without_digests(self.coverage.hours(self.id, ALL))
        assert stored == without_digests(self.model.hours(self.id, ALL))
        assert self.log.position(self.id) == self.model.position(self.id)
        assert self._rereads() == self.model.rereads(self.id)
        assert self._revisions() == sorted(
            (row.message_id, row.revision, row.message and row.message.text, row.observed_at, row.posted_at)
            for row in self.model.revisions(self.id)
        )
        assert self._jobs() == sorted(
            (row.message_id, row.revision, state)
            for row in self.model.revisions(self.id)
            if (state := self.model.jobs("v1").get(row.raw_id))
        )

    def _rereads(self) -> dict[object, object]:
        query = (
            b"SELECT hour, reread_at FROM channel_hours WHERE channel_id = %(id)s AND reread_at IS NOT NULL"
        )
        return {row[0]: row[1] for row in self.rows(query)}

    def _revisions(self) -> list[tuple[object, ...]]:
        return self.rows(
            b"SELECT message_id, revision, CASE kind WHEN 'post' THEN text END, observed_at, posted_at"
            b" FROM telegram_messages_raw WHERE channel_id = %(id)s ORDER BY message_id, revision"
        )

    def _jobs(self) -> list[tuple[object, ...]]:
        return self.rows(
            b"SELECT message_id, revision, status::text FROM telegram_extractions"
            b" JOIN telegram_messages_raw AS raw USING (raw_id)"
            b" WHERE raw.channel_id = %(id)s ORDER BY message_id, revision"
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(sweeps() | told(), min_size=1, max_size=6))
def test_the_database_and_the_model_agree_after_every_batch(
    database: Database, steps: list[CaptureBatch]
) -> None:
    both = Both(database)
    for step in steps:
        both.store(step)
        both.agree()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(sweeps() | told(), min_size=1, max_size=5))
def test_storing_any_batch_again_at_once_changes_no_message(
    database: Database, steps: list[CaptureBatch]
) -> None:
    both = Both(database)
    for step in steps:
        both.store(step)
        before = both.log.position(both.id), both.model.revisions(both.id)
        both.store(step)
        assert (both.log.position(both.id), both.model.revisions(both.id)) == before
        both.agree()
