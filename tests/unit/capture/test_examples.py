"""The recorded channels of the repository: made by their script, readable, and true to Singapore's day."""

import importlib.util
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from tutordex_dagster.capture.contract import Message
from tutordex_dagster.capture.recorded import RecordedSource, load_recordings
from tutordex_dagster.windows import Window

ROOT = Path(__file__).resolve().parents[3]
CHANNELS = ROOT / "examples" / "channels"
EPOCH = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def script() -> ModuleType:
    path = ROOT / "scripts" / "make_example_channels.py"
    spec = importlib.util.spec_from_file_location("make_example_channels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def week_of(source: RecordedSource) -> list[Message]:
    found = list(source.read(Window(EPOCH, EPOCH + WEEK)))
    assert all(isinstance(each, Message) for each in found)
    return [each for each in found if isinstance(each, Message)]


@pytest.fixture
def sources() -> dict[str, RecordedSource]:
    return load_recordings(CHANNELS, lambda: EPOCH + 2 * WEEK)


def test_the_files_are_what_the_script_writes() -> None:
    made = script().make_recordings()
    assert {path.name: path.read_text(encoding="utf-8") for path in CHANNELS.iterdir()} == made


def test_every_channel_posts_60_to_150_times_a_week(sources: dict[str, RecordedSource]) -> None:
    assert len(sources) == 6
    assert all(55 <= len(week_of(source)) <= 150 for source in sources.values())


def test_agencies_post_while_singapore_is_awake(sources: dict[str, RecordedSource]) -> None:
    posts = [each for source in sources.values() for each in week_of(source)]
    hours = {each.posted_at.astimezone(ZoneInfo("Asia/Singapore")).hour for each in posts}
    assert hours <= set(range(8, 23))


def test_the_examples_hold_edits_replies_service_messages_and_deletions(
    sources: dict[str, RecordedSource],
) -> None:
    posts = [each for source in sources.values() for each in week_of(source)]
    assert any(each.edited_at and "CLOSED" in each.text for each in posts)
    assert any(each.edited_at and "(rate raised)" in each.text for each in posts)
    assert any(each.reply_to for each in posts)
    assert any(each.kind == "service" for each in posts)
    recorded = sum(path.read_text(encoding="utf-8").count('"at":') for path in CHANNELS.iterdir())
    assert len(posts) < recorded


def test_no_case_of_a_week_has_the_code_of_another_week(sources: dict[str, RecordedSource]) -> None:
    for source in sources.values():
        first = {each.text for each in week_of(source) if re.search(r"[A-Z]{2}-?\d{3}", each.text)}
        second = source.read(Window(EPOCH + WEEK, EPOCH + 2 * WEEK))
        assert not first & {each.text for each in second if isinstance(each, Message)}
