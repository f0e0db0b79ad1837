"""From nothing to assignments with one command; rectangles, a killed worker, an import, Ctrl-C, and on."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.harness import HOUR, POST, System, keys, wait_for

MANY = 240
"""Posts an hour: enough to kill a worker in the middle of a day of them."""
RECORDINGS = (("calm_demo", 911, MANY), ("killed_demo", 912, MANY))
SETTINGS = {"INITIAL_HISTORY_HOURS": "4", "RECOVERY_CATCHUP_CHECK_INTERVAL_SECONDS": "5"}
CHANNELS = [f"t.me/{name}" for name, _, _ in RECORDINGS]
NOW = (datetime.now(UTC) - timedelta(minutes=5)).replace(minute=0, second=0, microsecond=0)
"""The end of the newest hour that is surely over for long enough to be sealed."""

RAW, RULES = ["raw_messages"], ["extractions", "rules"]

COUNTS = """
SELECT channel_id, count(*), count(DISTINCT message_id) FROM telegram_messages_raw
WHERE channel_id = ANY(%s) AND posted_at >= %s AND posted_at < %s GROUP BY channel_id ORDER BY channel_id
"""
ROWS = """
SELECT m.message_id, m.revision, m.posted_at, replace(m.text, '912', '911'), e.status::text,
    replace(e.result::text, '912', '911')::jsonb
FROM telegram_messages_raw m
LEFT JOIN telegram_extractions e ON e.raw_id = m.raw_id AND e.pipeline_version = 'rules'
WHERE m.channel_id = %s AND m.posted_at >= %s AND m.posted_at < %s ORDER BY m.message_id, m.revision
"""
"""What the two channels have in common: all but the number of their street, which is their id."""

SEALED = """
SELECT count(*) FROM channel_hours
WHERE channel_id = %s AND hour >= %s AND hour < %s AND state = 'sealed'
"""


SINCE, HOURS = NOW - 40 * HOUR, 24
SPAN = (SINCE, SINCE + HOURS * HOUR)
CALM, KILLED = (set(keys([channel], SINCE, HOURS)) for channel in CHANNELS)
"""A rectangle of two channels, older than the first fill: one is left alone, one will be disturbed."""


@pytest.fixture(scope="module")
def backfill(system: System) -> str:
    """Launch the rectangle: Dagster looks for new backfills every half minute only."""
    # Dagster starts a crashed worker again by itself; here a person does it, so that is switched off.
    return system.launch([RAW, RULES], sorted(CALM | KILLED), tags={"dagster/max_retries": "0"})


def test_the_first_fill_reads_the_last_hours_and_gives_assignments(system: System) -> None:
    assert "assignments: 0 open" not in system.output()
    assert system.sql(COUNTS, [911, 912], NOW - 3 * HOUR, NOW) == [
        (911, 3 * MANY, 3 * MANY),
        (912, 3 * MANY, 3 * MANY),
    ]
    status = json.loads(system.run("status", "--json").stdout)
    gaps = {channel["channel"]: channel["gaps"] for channel in status["channels"]}
    # An hour that has ended since then may be a gap until catchup reads it.
    assert gaps.keys() == set(CHANNELS)
    assert not [gap for each in gaps.values() for gap in each if datetime.fromisoformat(gap["since"]) < NOW]
    assert status["assignments"]["open"] >= 3 * (MANY + MANY)


def test_a_backfill_whose_worker_was_killed_ends_like_an_undisturbed_one(
    system: System, backfill: str
) -> None:
    run = wait_for("its run", lambda: system.run_of(backfill, "t.me/killed_demo"), seconds=180)
    worker = wait_for("its worker", lambda: system.worker_of(run))
    wait_for("some hours of many", lambda: system.sql(SEALED, 912, *SPAN)[0][0] > 0, every=0.01)
    os.kill(worker, signal.SIGKILL)
    wait_for("the run to fail", lambda: system.run_status(run) == "FAILURE")
    assert not system.materialized(RAW) >= KILLED

    again = system.reexecute_from_failure(run)
    wait_for("the second attempt", lambda: system.run_status(again) == "SUCCESS", seconds=180)
    wait_for("all of raw to be green", lambda: system.materialized(RAW) >= CALM | KILLED)
    wait_for("all extractions to be green", lambda: system.materialized(RULES) >= CALM | KILLED, seconds=180)
    disturbed, calm = system.sql(ROWS, 912, *SPAN), system.sql(ROWS, 911, *SPAN)
    assert len(calm) == MANY * HOURS
    assert disturbed == calm


def test_a_rectangle_from_the_ui_turns_its_partitions_green_and_no_other(
    system: System, backfill: str
) -> None:
    wait_for("its run", lambda: system.run_of(backfill, "t.me/calm_demo"))
    wait_for("all of raw to be green", lambda: system.materialized(RAW) >= CALM)
    wait_for("all extractions to be green", lambda: system.materialized(RULES) >= CALM)
    assert system.sql(COUNTS, [911], *SPAN) == [(911, MANY * HOURS, MANY * HOURS)]
    assert {row[4] for row in system.sql(ROWS, 911, *SPAN)} == {"ok"}
    outside = set(keys(["t.me/calm_demo"], SINCE - HOUR, 1))
    assert not outside & system.materialized(RAW)


def test_an_import_beside_the_running_system_follows_by_itself(system: System) -> None:
    path = _export(system.folder / "result.json", posts=4)
    system.run("import", str(path), "--channel", "@imported_demo")
    followed = "SELECT count(*) FROM assignments WHERE channel_id = 1234567890"
    wait_for("its assignments", lambda: system.sql(followed) == [(4,)])
    hours = set(keys(["t.me/imported_demo"], NOW - 4 * HOUR, 2))
    wait_for("its raw hours in the UI", lambda: hours <= system.materialized(RAW))
    wait_for("its extractions in the UI", lambda: hours <= system.materialized(RULES))


def test_a_second_up_on_the_same_home_is_one_clear_line(system: System) -> None:
    second = system.run("up", "--port", str(system.port + 1), exit_code=2)
    assert "is in use by another `tutordex up`" in second.stderr
    assert second.stderr.count("\n") == 1


@pytest.mark.usefixtures("backfill")
def test_ctrl_c_leaves_no_process_and_the_next_up_goes_on_with_the_same_rows(system: System) -> None:
    rows = "SELECT count(*), count(DISTINCT (channel_id, message_id, revision)) FROM telegram_messages_raw"
    before = system.sql(f"{rows} WHERE posted_at < %s", NOW)
    green = system.materialized(RAW)
    assert system.stop() == 0
    wait_for("the processes to end", lambda: not system.processes(), seconds=10)
    system.start()
    assert system.sql(f"{rows} WHERE posted_at < %s", NOW) == before
    assert green >= CALM | KILLED
    wait_for("what was green", lambda: system.materialized(RAW) >= green)  # what is read again is yellow


def _export(path: Path, *, posts: int) -> Path:
    """Write a single-chat export with a post every half hour from four hours ago on."""
    times = [NOW - 4 * HOUR + number * HOUR / 2 for number in range(posts)]
    messages = [
        {
            "id": number,
            "type": "message",
            "date": at.isoformat(),
            "date_unixtime": str(int(at.timestamp())),
            "from": "Imported",
            "from_id": "channel1234567890",
            "text": POST.format(code=f"I{number}", place=1),
            "text_entities": [{"type": "plain", "text": POST.format(code=f"I{number}", place=1)}],
        }
        for number, at in enumerate(times, start=1)
    ]
    chat = {"name": "Imported", "type": "public_channel", "id": 1234567890, "messages": messages}
    path.write_text(json.dumps(chat), encoding="utf-8")
    return path
