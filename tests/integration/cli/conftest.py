"""The command on a real database: a home of its own, two small recordings, no `.env`."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tutordex_dagster.capture.contract import CaptureBatch, ChannelInfo, EnqueueFor, HourSweep, Message
from tutordex_dagster.cli import main
from tutordex_dagster.resources.services import Services, open_services
from tutordex_dagster.settings import Settings, load_settings
from tutordex_dagster.windows import HOUR, hour_of

Command = Callable[..., Result]

POST = (
    "Code: {code}\nP5 Maths @ Bishan\nAddress: 10 Bishan Street 12, S(570010)\n1x weekly, 1.5 hours\n$40/hr"
)


@pytest.fixture
def home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every setting at this test's own database, home, and folder of recordings."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    record(recordings, "first_demo", 901)
    record(recordings, "second_demo", 902)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("TUTORDEX_DATABASE_URL", database_url)
    monkeypatch.setenv("TUTORDEX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUTORDEX_RECORDED_CHANNELS", str(recordings))
    return tmp_path / "home"


@pytest.fixture
def tutordex(home: Path) -> Command:  # noqa: ARG001 - sets the environment up
    """Give a function that runs one command line."""

    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def services(home: Path) -> Iterator[Services]:  # noqa: ARG001 - sets the environment up
    """Give the services of the database the commands work on."""
    with open_services(load_settings()) as opened:
        yield opened


def record(folder: Path, name: str, channel_id: int) -> None:
    """Write a recording of a day: one assignment every hour, and one greeting."""
    header = {
        "schema_version": 1,
        "channel": {"id": channel_id, "reference": f"t.me/{name}", "title": name},
        "period_hours": 24,
        "epoch": "2026-01-05T00:00:00+00:00",
    }
    posts = [{"at": hour * 3600 + 600, "text": POST.format(code=f"T{hour:03}")} for hour in range(24)]
    lines = [header, *posts, {"at": 86_000, "text": "Good morning everyone!"}]
    (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")


@pytest.fixture
def posts(services: Services) -> Callable[[int], datetime]:
    """Give a function that stores so many posts in the last full hour, enqueued for `rules`."""
    return lambda count: _store(services, count)


@pytest.fixture
def export(tmp_path: Path) -> Callable[[int], Path]:
    """Give a function that writes an export with so many posts, one every half hour."""
    return lambda count: _write_export(tmp_path / "result.json", count)


def _store(services: Services, count: int, *, name: str = "first_demo", channel_id: int = 901) -> datetime:
    hour = hour_of(datetime.now(UTC)) - HOUR
    info = ChannelInfo(channel_id=channel_id, reference=f"t.me/{name}", title=name)
    services.channels.register(info, source="recorded", collect_since=hour)
    messages = [
        Message(
            message_id=number,
            posted_at=hour + timedelta(seconds=number),
            text=POST.format(code=f"T{number:03}"),
        )
        for number in range(1, count + 1)
    ]
    services.raw_log.store(
        CaptureBatch(
            channel_id=channel_id,
            source="recorded",
            observed_at=datetime.now(UTC),
            messages=messages,
            hours=[HourSweep(hour=hour, state="sealed")],
            enqueue=[EnqueueFor(version="rules", lane="live")],
        )
    )
    return hour


def _write_export(path: Path, count: int) -> Path:
    first = hour_of(datetime.now(UTC)) - 5 * HOUR
    times = [first + number * timedelta(minutes=30) for number in range(count)]
    chat = {
        "name": "Imported",
        "type": "public_channel",
        "id": 1234567890,
        "messages": [
            {
                "id": number,
                "type": "message",
                "date": at.strftime("%Y-%m-%dT%H:%M:%S"),
                "date_unixtime": str(int(at.timestamp())),
                "from": "Imported",
                "from_id": "channel1234567890",
                "text": POST.format(code=f"I{number:03}"),
                "text_entities": [{"type": "plain", "text": POST.format(code=f"I{number:03}")}],
            }
            for number, at in enumerate(times, start=1)
        ],
    }
    path.write_text(json.dumps(chat), encoding="utf-8")
    return path
