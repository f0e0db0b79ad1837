"""A rectangle of the grid, materialized for real."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import dagster as dg
import pytest

from tests.integration.dagster.world import START, World, at, post, tags
from tutordex_dagster.assets import extractions
from tutordex_dagster.assets.keys import ASSIGNMENTS, RAW_MESSAGES
from tutordex_dagster.capture.sweep import sweep
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.extraction.contract import Assignment, Extracted, Outcome
from tutordex_dagster.extraction.versions import fingerprint
from tutordex_dagster.partitions import partition_key, publish_partitions
from tutordex_dagster.resources import work
from tutordex_dagster.windows import HOUR, Window

RULES = dg.AssetKey(["extractions", "rules"])
COUNTS = """
    SELECT (SELECT count(*) FROM telegram_messages_raw), (SELECT count(*) FROM telegram_extractions),
        (SELECT count(*) FROM assignments), (SELECT count(*) FROM channel_hours WHERE state = 'sealed')
"""


@dataclass(frozen=True)
class FakeExtractor:
    """Finds one assignment with the text as its headline; `on` is told each text first and may raise."""

    on: Callable[[str], None]

    def extract(self, text: str) -> Outcome:
        self.on(text)
        return Extracted(kind="assignment", segments=(Assignment(academic_display_text=text),))


def test_a_rectangle_can_be_materialized_any_number_of_times_and_gives_the_same_rows(world: World) -> None:
    world.record("alpha", [post(6.5), post(7.5), post(7.6)], channel_id=1)
    world.record("beta", [post(6.1), post(8.2)], channel_id=2)
    world.publish()

    first = world.backfill(versions=["rules", "rules-strict"])
    rows = world.rows(COUNTS)
    second = world.backfill(versions=["rules", "rules-strict"])

    assert rows == [(5, 10, 5, 8)]
    assert world.rows(COUNTS) == rows
    assert [len(each.runs) for each in (first, second)] == [1, 1]
    assert [(each.failed_partitions, each.errors) for each in (first, second)] == [((), ())] * 2


def test_every_partition_has_its_own_counts_and_versions(world: World) -> None:
    world.record("alpha", [post(6.5), post(7.5), {"at": at(7.6), "service": True}], channel_id=1)
    world.publish()
    world.backfill()
    raw, extracted = world.events(RAW_MESSAGES), world.events(RULES)
    key = str(partition_key("t.me/alpha", START + HOUR))

    assert set(world.colours(RAW_MESSAGES).values()) == {"MATERIALIZED"}
    assert world.colours(RAW_MESSAGES).keys() == world.colours(RULES).keys() == raw.keys()
    assert raw[key].metadata["messages"].value == 2
    assert [extracted[key].metadata[end].value for end in ("ok", "skipped", "dead")] == [1, 1, 0]
    assert tags(extracted[key])["dagster/code_version"] == fingerprint(world.services.live)
    assert (
        tags(extracted[key])["dagster/input_data_version/raw_messages"]
        == tags(raw[key])["dagster/data_version"]
    )
    assert tags(raw[key])["dagster/partition/channel"] == "t.me/alpha"


def test_the_data_version_of_a_partition_changes_with_its_messages_and_only_then(world: World) -> None:
    edit = {"after": 24 * 3600, "text": "Code: A1\nP6 Science @ Yishun\n$50/hr"}
    world.record("alpha", [post(6.5, edits=[edit]), post(7.5)], channel_id=1)
    world.publish()

    def versions() -> list[str]:
        world.backfill(hours=2)
        return [str(tags(event)["dagster/data_version"]) for event in world.events(RAW_MESSAGES).values()]

    before, again = versions(), versions()
    world.clock.advance(timedelta(days=1))
    after = versions()

    assert before == again
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]


def test_the_newest_partition_shows_a_table_and_a_plot(world: World) -> None:
    world.record("alpha", [post(6.5), post(8.5)], channel_id=1)
    world.publish()
    world.backfill(hours=3)

    for asset, plot in ((RAW_MESSAGES, "messages_per_hour"), (RULES, "outcomes_per_hour")):
        events = list(world.events(asset).values())
        newest, older = events[-1].metadata, events[0].metadata
        assert isinstance(newest["sample"], dg.TableMetadataValue)
        assert str(newest[plot].value).startswith("![t.me/alpha: ")
        assert "data:image/svg+xml;base64," in str(newest[plot].value)
        assert plot not in older
    assert "open_by_level" in world.events(ASSIGNMENTS)[None].metadata


def test_an_hour_that_cannot_be_read_fails_alone_and_what_was_stored_is_extracted(world: World) -> None:
    broken = f'{{"at": {at(7.2)}, "text": 7}}'
    world.record("alpha", [post(6.5), broken, post(7.5), post(8.5)], channel_id=1)
    world.record("beta", [post(7.5)], channel_id=2)
    world.publish()

    summary = world.backfill(hours=3)

    failed = str(partition_key("t.me/alpha", START + HOUR))
    colours = world.colours(RAW_MESSAGES)
    assert summary.failed_partitions == (failed,)
    assert colours.pop(failed) == "FAILED"
    assert list(colours.values()) == ["MATERIALIZED"] * 5
    assert world.rows(COUNTS)[0][:3] == (4, 8, 4)
    assert list(world.colours(RULES).values()) == ["MATERIALIZED"] * 6


def test_a_partition_of_an_unknown_channel_fails_and_says_what_to_do(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    publish_partitions(world.instance, ["t.me/ghost"])
    world.publish()
    result = world.run("collect", partition_key=partition_key("t.me/ghost", START))

    (failure,) = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "t.me/ghost|2026-03-02-06:00: is not a registered channel; add it to CHANNEL_LIST" in str(
        data.description
    )


def test_a_channel_whose_source_is_gone_notes_the_reason_in_the_ledger(world: World) -> None:
    world.record("alpha", [post(6.5)], channel_id=1)
    world.publish()
    (world.recordings / "alpha.jsonl").unlink()
    restarted = replace(world, services=replace(world.services))

    summary = restarted.backfill(hours=1)

    assert len(summary.failed_partitions) == 1
    assert world.rows("SELECT state::text, error LIKE '%put its file back%' FROM channel_hours") == [
        ("failed", True)
    ]


def test_hours_outside_of_the_grid_are_left_out(world: World) -> None:
    world.record("alpha", [post(5.5), post(6.5)], channel_id=1)
    world.publish()

    summary = world.backfill(hours=48)

    assert summary.errors == ()
    assert len(world.events(RAW_MESSAGES)) == 7


def test_a_poison_message_dies_and_the_rest_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> None:
        if "POISON" in text:
            raise PermanentError("it is poison")

    monkeypatch.setattr(work, "build_extractor", lambda _: FakeExtractor(refuse))
    world.record("alpha", [post(6.2), {"at": at(6.5), "text": "POISON"}, post(6.8), post(7.5)], channel_id=1)
    world.publish()

    world.backfill(hours=2, assignments=False)

    metadata = world.events(RULES)[str(partition_key("t.me/alpha", START))].metadata
    assert (metadata["ok"].value, metadata["dead"].value) == (2, 1)
    assert set(world.colours(RULES).values()) == {"MATERIALIZED"}


def test_an_edit_that_lands_while_the_old_text_is_processed_shows_in_assignments(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = {"after": 7 * 3600, "text": "the new text"}
    world.record("alpha", [{"at": at(6.5), "text": "the old text", "edits": [edit]}], channel_id=1)
    world.publish()
    services = world.services

    def edit_now(text: str) -> None:
        if text == "the old text":
            world.clock.advance(timedelta(hours=2))
            (channel,) = services.channels.all()
            sweep(
                services.source_for(channel),
                Window(START, START + HOUR),
                log=services.raw_log,
                clock=world.clock,
                enqueue=services.enqueue_for("live"),
                lag=timedelta(0),
            )

    monkeypatch.setattr(work, "build_extractor", lambda _: FakeExtractor(edit_now))
    monkeypatch.setattr(extractions, "WAIT_SECONDS", 0)
    world.backfill(hours=1)

    assert world.rows("SELECT academic_display_text FROM assignments") == [("the new text",)]
    assert set(world.colours(RULES).values()) == {"MATERIALIZED"}


def test_assignments_stay_as_they_are_when_too_many_messages_failed(world: World) -> None:
    world.record("alpha", [post(6.5), post(7.5)], channel_id=1)
    world.publish()
    world.backfill(hours=1)
    with world.services.database.connection() as connection:
        connection.execute(
            "INSERT INTO telegram_extractions (raw_id, pipeline_version, channel_id, posted_at, status,"
            " priority, not_before, enqueued_at, finished_at)"
            " SELECT n, 'rules', 1, %(at)s, 'dead', 0, %(at)s, %(at)s, %(at)s"
            " FROM generate_series(900, 909) AS n",
            {"at": START},
        )

    summary = world.backfill(hours=2)
    result = world.run("pipeline", asset_selection=[ASSIGNMENTS])

    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "of the last day's messages failed in 'rules'; the limit is 20.0%" in str(
        failure.step_failure_data
    )
    assert world.rows("SELECT count(*) FROM assignments") == [(1,)]
    assert summary.failed_partitions == ()


def test_max_messages_leaves_hours_for_later_without_calling_them_failed(world: World) -> None:
    world.record("alpha", [post(6.1), post(6.2), post(7.1), post(8.1)], channel_id=1)
    world.publish()

    summary = world.backfill(hours=3, max_messages=3)

    assert (summary.failed_partitions, summary.errors) == ((), ())
    assert world.rows("SELECT count(*) FROM telegram_messages_raw") == [(3,)]


def test_force_extracts_again_what_was_extracted(world: World) -> None:
    world.record("alpha", [post(6.1)], channel_id=1)
    world.publish()
    world.backfill(hours=1)
    world.clock.advance(timedelta(minutes=1))

    def finished() -> list[tuple[object, ...]]:
        return world.rows("SELECT finished_at FROM telegram_extractions WHERE pipeline_version = 'rules'")

    before = finished()
    world.backfill(hours=1)
    unforced = finished()
    world.backfill(hours=1, force=True)

    assert unforced == before
    assert finished() != before


def test_without_the_queue_only_raw_messages_are_stored(world: World) -> None:
    world.record("alpha", [post(6.1)], channel_id=1)
    world.publish()
    settings = world.services.settings.model_copy(update={"extraction_queue_enabled": False})
    quiet = replace(world, services=replace(world.services, settings=settings))

    quiet.backfill(hours=1, versions=[], assignments=False)

    assert world.rows(COUNTS)[0][:2] == (1, 0)
