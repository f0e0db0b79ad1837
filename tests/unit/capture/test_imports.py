"""Importing an export: all of it or, where it cannot be used, nothing of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tutordex_dagster.capture.contract import CaptureBatch, ChannelInfo, EnqueueFor, StoreResult
from tutordex_dagster.capture.imports import ExportFacts, ImportSummary, import_export
from tutordex_dagster.capture.memory import MemoryRawLog
from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import HOUR, Window

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = START + timedelta(days=30)


class Catalogue:
    """Notes what an import makes known, and forgets nothing."""

    def __init__(self) -> None:
        self.log = MemoryRawLog()
        self.known: list[tuple[ChannelInfo, ExportFacts]] = []

    def register(self, info: ChannelInfo, facts: ExportFacts) -> None:
        self.known.append((info, facts))

    def store(self, batch: CaptureBatch) -> StoreResult:
        assert self.known, "a channel is registered before its first message is stored"
        return self.log.store(batch)


def raw(message_id: int, hours: float, **fields: object) -> dict[str, Any]:
    at = START + hours * HOUR
    return {
        "id": message_id,
        "type": "message",
        "date_unixtime": str(int(at.timestamp())),
        "text": "a",
    } | fields


def export(folder: Path, messages: list[dict[str, Any]], chat_id: int | None = 11) -> Path:
    path = folder / "result.json"
    whole = {"name": "Demo", "type": "public_channel", "id": chat_id, "messages": messages}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def run(path: Path, catalogue: Catalogue, options: dict[str, Any] | None = None) -> ImportSummary:
    return import_export(
        path,
        log=catalogue,
        register=catalogue.register,
        enqueue=[EnqueueFor(version="rules", lane="backfill")],
        clock=lambda: NOW,
        **{"reference": "@Demo"} | (options or {}),
    )


MESSAGES = [
    raw(1, 0.5),
    raw(2, 2.2, type="service"),
    raw(3, 2.3, photo="/etc/passwd"),
    raw(4, 3.1, text=5),
    raw(5, 5.5),
]


def test_an_import_stores_every_message_and_seals_the_hours_before_the_newest(tmp_path: Path) -> None:
    catalogue = Catalogue()
    summary = run(export(tmp_path, MESSAGES), catalogue)
    assert [message.message_id for message in catalogue.log.live(11)] == [1, 2, 3, 5]
    states = [row.state for row in catalogue.log.hours(11, Window(START, NOW))]
    assert states == ["sealed", "sealed", "sealed", "failed", "sealed", "open"]
    assert summary.swept.stored == StoreResult(new=4, enqueued=4)
    assert (summary.swept.services, summary.swept.unreadable, summary.unsafe_paths) == (1, 1, 1)
    assert (summary.facts.first_at, summary.facts.vouches_until) == (START + 0.5 * HOUR, START + 5.5 * HOUR)
    assert summary.channel == ChannelInfo(channel_id=11, reference="t.me/demo", title="Demo")


def test_what_an_import_shows_is_as_old_as_its_newest_message(tmp_path: Path) -> None:
    catalogue = Catalogue()
    run(export(tmp_path, MESSAGES), catalogue)
    assert {row.observed_at for row in catalogue.log.revisions(11)} == {START + 5.5 * HOUR}


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    catalogue = Catalogue()
    path = export(tmp_path, MESSAGES)
    run(path, catalogue)
    before = catalogue.log.revisions(11)
    assert run(path, catalogue).swept.stored == StoreResult(known=4)
    assert catalogue.log.revisions(11) == before


def test_an_older_export_never_overrides_what_was_seen_later(tmp_path: Path) -> None:
    catalogue = Catalogue()
    run(export(tmp_path, [raw(1, 0.5, text="new words"), raw(2, 50)]), catalogue)
    summary = run(export(tmp_path, [raw(1, 0.5, text="old words"), raw(3, 1)]), catalogue)
    assert summary.swept.stored == StoreResult(new=1, known=1, enqueued=1)
    assert [each.text for each in catalogue.log.live(11)] == ["new words", "a", "a"]


def test_an_unordered_export_is_stored_whole(tmp_path: Path) -> None:
    catalogue = Catalogue()
    run(export(tmp_path, MESSAGES[::-1]), catalogue)
    assert [message.message_id for message in catalogue.log.live(11)] == [1, 2, 3, 5]


def test_a_cut_off_export_is_stored_to_the_cut_and_says_so(tmp_path: Path) -> None:
    path = export(tmp_path, MESSAGES)
    path.write_bytes(path.read_bytes()[:-20])
    catalogue = Catalogue()
    summary = run(path, catalogue)
    assert [message.message_id for message in catalogue.log.live(11)] == [1, 2, 3]
    assert summary.cut is not None
    assert START + 3 * HOUR in summary.swept.failed


def test_progress_counts_the_two_passes_over_the_file(tmp_path: Path) -> None:
    path = export(tmp_path, MESSAGES)
    told: list[tuple[int, int]] = []
    run(path, Catalogue(), {"on_progress": lambda read, total: told.append((read, total))})
    size = path.stat().st_size
    assert told == [(size, 2 * size), (2 * size, 2 * size)]


@pytest.mark.parametrize(
    ("messages", "chat_id", "options", "reason"),
    [
        ([], 11, {}, "no readable message"),
        (MESSAGES, None, {}, "has no id"),
        (MESSAGES, 11, {"reference": "not a channel"}, "no channel name"),
        (MESSAGES, 11, {"chat": "Other"}, "fits no chat"),
        (MESSAGES, 11, {"timezone": "Mars"}, "no time zone"),
        ([raw(1, 1), {"id": 2, "date": "2026-01-05T02:00:00"}], 11, {}, "--timezone"),
    ],
)
def test_an_export_that_cannot_be_used_stores_nothing(
    tmp_path: Path,
    messages: list[dict[str, Any]],
    chat_id: int | None,
    options: dict[str, Any],
    reason: str,
) -> None:
    catalogue = Catalogue()
    with pytest.raises(UsageError, match=reason):
        run(export(tmp_path, messages, chat_id), catalogue, options)
    assert catalogue.known == []
