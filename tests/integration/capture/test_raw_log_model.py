"""The database's raw log and the one in memory answer every sequence of batches alike."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tutordex_dagster.capture.contract import (
    ChannelInfo,
    HourReport,
    HourState,
    HourSweep,
    Message,
    SweepBatch,
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
_channel_ids = count(1)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw one of few messages, so that ids collide; an id mostly keeps its hour."""
    message_id = draw(st.integers(1, 5))
    return Message(
        message_id=message_id,
        posted_at=HOURS[message_id % 3] + timedelta(minutes=draw(st.sampled_from([1, 1, 1, 61]))),
        text=draw(st.sampled_from(["cheap", "dear", "n\x00ul"])),
        edited_at=draw(st.sampled_from([None, START + HOUR, START + 2 * HOUR])),
    )


@st.composite
def batches(draw: st.DrawFn) -> SweepBatch:
    """Draw a batch that completes any hours in any states, seen at any time."""
    hours = draw(st.lists(st.sampled_from(HOURS), unique=True))
    state: st.SearchStrategy[HourState] = st.sampled_from(["open", "sealed", "failed"])
    states = [draw(state) for _ in hours]
    return SweepBatch(
        channel_id=0,
        source="recorded",
        observed_at=START + draw(st.integers(3, 6)) * HOUR,
        messages=draw(st.lists(messages(), max_size=4)),
        hours=[
            HourSweep(hour=hour, state=state, error="why" if state == "failed" else None)
            for hour, state in zip(hours, states, strict=True)
        ],
        tombstones=draw(st.booleans()),
    )


def without_digests(reports: Sequence[HourReport]) -> list[HourReport]:
    return [replace(report, digest="") for report in reports]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(batches(), min_size=1, max_size=5))
def test_the_database_and_the_model_agree_after_every_batch(
    database: Database, steps: list[SweepBatch]
) -> None:
    channel_id = next(_channel_ids)
    info = ChannelInfo(channel_id=channel_id, reference=f"t.me/model{channel_id}", title="Model")
    Channels(database).register(info, source="recorded", collect_since=START)
    model, log, coverage = MemoryRawLog(), PostgresRawLog(database), Coverage(database)
    for step in steps:
        batch = replace(step, channel_id=channel_id)
        assert log.store(batch) == model.store(batch)
        stored = without_digests(coverage.hours(channel_id, ALL))
        assert stored == without_digests(model.hours(channel_id, ALL))
