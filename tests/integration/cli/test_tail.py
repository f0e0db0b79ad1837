"""`tutordex tail` as a service: it follows recorded channels, survives its death and ends when told to."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from tests.acceptance.harness import wait_for
from tutordex_dagster.resources.feed import TAIL
from tutordex_dagster.resources.services import Services
from tutordex_dagster.settings import PROJECT

Command = Callable[..., Result]
Start = Callable[..., subprocess.Popen[bytes]]

BUSY = 903
STOP_SECONDS = 20


@pytest.fixture
def busy_channel(home: Path) -> None:
    """Record a channel in which something is posted every second."""
    header = {
        "schema_version": 1,
        "channel": {"id": BUSY, "reference": "t.me/busy_demo", "title": "Busy"},
        "period_hours": 1,
        "epoch": "2026-01-05T00:00:00+00:00",
    }
    lines = [header, *({"at": second, "text": f"Post {second}"} for second in range(3600))]
    recordings = home.parent / "recordings"
    for other in recordings.iterdir():
        other.unlink()
    (recordings / "busy_demo.jsonl").write_text("\n".join(json.dumps(line) for line in lines))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that starts the service through `deploy/start.sh`; what it says goes to `tail.out`."""
    monkeypatch.setenv("PATH", os.fspath(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("TAIL_CHECK_INTERVAL_SECONDS", "5")
    started: list[subprocess.Popen[bytes]] = []

    def run(**settings: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "tail.out").open("ab") as out:
            service = subprocess.Popen(
                [PROJECT / "deploy" / "start.sh"], env=os.environ | settings, stdout=out, stderr=out
            )
        started.append(service)
        return service

    yield run
    for service in started:
        service.kill()
        service.wait(STOP_SECONDS)


def ids(services: Services) -> list[int]:
    """Return the ids stored of the busy channel."""
    with services.database.connection() as connection:
        rows = connection.execute(
            "SELECT message_id FROM telegram_messages_raw WHERE channel_id = %s ORDER BY 1", [BUSY]
        ).fetchall()
    return [row[0] for row in rows]


def grown(services: Services, beyond: int) -> Callable[[], list[int]]:
    return lambda: stored if len(stored := ids(services)) > beyond else []


@pytest.mark.usefixtures("busy_channel")
def test_it_follows_and_a_term_signal_ends_it_with_everything_stored_in_order(
    services: Services, start: Start, tmp_path: Path
) -> None:
    service = start()
    first = len(wait_for("the running hour", grown(services, 0)))
    wait_for("a look for what is new", grown(services, first))
    beat = wait_for("a heartbeat", services.heartbeats.all)[0]
    assert (beat.component, beat.detail["state"], beat.detail["channels"]) == (TAIL, "following", 1)
    assert beat.holder.endswith(f":{service.pid}")
    service.send_signal(signal.SIGTERM)
    said = tmp_path / "tail.out"
    assert service.wait(STOP_SECONDS) == 0, said.read_text()
    assert [line.split()[1] for line in said.read_text().splitlines()][-1] == "event=tail_stopped"
    stored = ids(services)
    assert stored == list(range(stored[0], stored[-1] + 1))
    assert services.queue.due("rules").jobs == len(stored)


@pytest.mark.usefixtures("busy_channel")
def test_a_service_that_was_killed_goes_on_where_it_was(services: Services, start: Start) -> None:
    killed = start()
    wait_for("the running hour", grown(services, 0))
    killed.kill()
    killed.wait(STOP_SECONDS)
    before = len(ids(services))
    start()
    stored = wait_for("what came meanwhile", grown(services, before))
    assert stored == list(range(stored[0], stored[-1] + 1))


def test_at_the_start_it_stores_the_newest_posts_if_told_to(services: Services, start: Start) -> None:
    service = start(BACKFILL_ON_START="1", BACKFILL_LIMIT="3")
    stored = "SELECT channel_id, count(*) FROM telegram_messages_raw GROUP BY 1 ORDER BY 1"

    def counts() -> dict[int, int] | None:
        with services.database.connection() as connection:
            found = dict(connection.execute(stored).fetchall())
        return found if len(found) == 2 and min(found.values()) >= 3 else None

    wait_for("three posts of each channel", counts)
    service.send_signal(signal.SIGINT)
    assert service.wait(STOP_SECONDS) == 0


def test_it_refuses_to_follow_while_the_raw_log_is_switched_off(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_RAW_ENABLED", "0")
    assert tutordex("tail", exit_code=2).output.startswith("tutordex: SUPABASE_RAW_ENABLED: is 0")


def test_a_heartbeat_names_this_moment(services: Services, start: Start) -> None:
    start(HEARTBEAT_SECS="1")
    began = datetime.now(UTC)
    wait_for(
        "a later heartbeat",
        lambda: any(beat.at > began + timedelta(seconds=1) for beat in services.heartbeats.all()),
    )
