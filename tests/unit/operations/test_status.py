"""The status as a record: every version a full row, every instant in UTC."""

import json
from datetime import UTC, datetime

from tutordex_dagster.operations.status import RunInProgress, Status, as_json, by_version
from tutordex_dagster.store.assignments import AssignmentStats
from tutordex_dagster.store.coverage import ChannelCoverage
from tutordex_dagster.store.extractions import BacklogRow
from tutordex_dagster.windows import HOUR, Window

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
COVERAGE = ChannelCoverage(
    channel_id=7,
    reference="t.me/a",
    newest_message_at=NOON,
    first_hour=NOON - 5 * HOUR,
    sealed=2,
    open=1,
    failed=0,
    missing=2,
    gaps=(Window(NOON - 4 * HOUR, NOON - 2 * HOUR),),
    messages=12,
)
EMPTY = AssignmentStats(open=0, closed=0, by_channel={}, by_level={}, newest=None)


def test_a_version_has_a_count_for_every_status_also_those_without_jobs() -> None:
    rows = [
        BacklogRow(version="strict", status="pending", jobs=3),
        BacklogRow(version="rules", status="ok", jobs=5),
        BacklogRow(version="rules", status="dead", jobs=1),
    ]
    table = by_version(rows)
    assert list(table) == ["rules", "strict"]
    assert table["rules"] == {"pending": 0, "processing": 0, "ok": 5, "failed": 0, "skipped": 0, "dead": 1}


def test_the_json_says_its_format_and_its_zone_and_survives_a_round_trip() -> None:
    run = RunInProgress(run_id="1234", what="assignments", state="started", since=NOON)
    status = Status(
        at=NOON,
        live_version="rules",
        channels=[COVERAGE],
        backlog=by_version([]),
        assignments=EMPTY,
        runs=[run],
    )
    record = json.loads(json.dumps(as_json(status, schema_version="1.0.0")))
    assert (record["schema_version"], record["timezone"], record["at"]) == ("1.0.0", "UTC", NOON.isoformat())
    assert record["channels"][0]["hours"] == {"sealed": 2, "open": 1, "failed": 0, "missing": 2}
    assert record["channels"][0]["gaps"] == [
        {"since": "2026-03-02T08:00:00+00:00", "until": "2026-03-02T10:00:00+00:00"}
    ]
    assert record["assignments"]["newest"] is None
    assert record["runs"][0]["what"] == "assignments"


def test_no_instance_and_no_runs_are_told_apart() -> None:
    def runs(value: list[RunInProgress] | None) -> object:
        status = Status(at=NOON, live_version="rules", channels=[], backlog={}, assignments=EMPTY, runs=value)
        return as_json(status, schema_version="1.0.0")["runs"]

    assert runs(None) is None
    assert runs([]) == []
