"""What the services hand out: sources, lanes, versions."""

import logging
from dataclasses import replace

import dagster as dg
import pytest

from tests.integration.dagster.world import NOW, START, World, post
from tutordex_dagster.capture.contract import ChannelInfo, EnqueueFor, SourceKind
from tutordex_dagster.capture.export import ExportSource
from tutordex_dagster.errors import PermanentError, UsageError
from tutordex_dagster.resources.channels import sync_channels
from tutordex_dagster.resources.databases import database_urls
from tutordex_dagster.resources.services import open_services
from tutordex_dagster.sensors.failure import failure_sensor
from tutordex_dagster.settings import Settings
from tutordex_dagster.store.channels import Channel, Export
from tutordex_dagster.windows import HOUR


def register(world: World, kind: SourceKind) -> Channel:
    info = ChannelInfo(channel_id=7, reference="t.me/somewhere", title="Somewhere")
    return world.services.channels.register(info, source=kind, collect_since=START)


def test_an_export_channel_is_read_from_the_export_that_reaches_furthest(world: World) -> None:
    channel = register(world, "export")
    for path, hours in (("old.json", 1), ("new.json", 2)):
        world.services.channels.add_export(
            Export(
                channel_id=7,
                path=path,
                timezone=None,
                first_at=START,
                vouches_until=START + hours * HOUR,
                messages=1,
            )
        )

    source = world.services.source_for(channel)

    assert isinstance(source, ExportSource)
    assert source.vouches_until(NOW) == START + 2 * HOUR


@pytest.mark.parametrize(
    ("kind", "step"), [("export", "no export was imported"), ("telegram", "tutordex login")]
)
def test_a_channel_that_cannot_be_read_says_what_to_do(world: World, kind: SourceKind, step: str) -> None:
    with pytest.raises(PermanentError, match=step):
        world.services.source_for(register(world, kind))


def test_the_live_version_gets_the_lane_and_a_shadow_stands_behind_it(world: World) -> None:
    assert world.services.enqueue_for("live") == (
        EnqueueFor(version="rules", lane="live", live=True),
        EnqueueFor(version="rules-strict", lane="reparse"),
    )


def test_an_unknown_version_is_named_with_the_known_ones(world: World) -> None:
    with pytest.raises(UsageError, match="'best': is no pipeline version; choose one of rules, rules-strict"):
        world.services.pipeline("best")


def test_a_recording_that_clashes_with_a_known_channel_stops_no_other(world: World) -> None:
    register(world, "recorded")
    world.record("alpha", [post(6.5)], channel_id=7)
    world.record("beta", [post(6.5)], channel_id=8)

    sync = sync_channels(world.services)

    assert [channel.reference for channel in sync.registered] == ["t.me/beta", "t.me/somewhere"]
    assert "clashes with a registered channel" in sync.waiting["t.me/alpha"]


def test_an_imported_channel_of_the_list_waits_for_nothing(world: World) -> None:
    register(world, "export")
    settings = world.services.settings.model_copy(update={"channel_list": "@somewhere"})

    assert sync_channels(replace(world.services, settings=settings)).waiting == {}


def test_databases_given_by_url_are_used_and_dagsters_stands_beside_ours() -> None:
    urls = database_urls(
        Settings(_env_file=None, tutordex_database_url="postgresql://me:pw@db:5432/mine?x=1")
    )

    assert urls.tutordex == "postgresql://me:pw@db:5432/mine?x=1"
    assert urls.dagster == "postgresql://me:pw@db:5432/dagster?x=1"
    assert "pw" not in repr(urls)


def test_services_are_opened_on_the_database_of_the_settings_and_closed(database_url: str) -> None:
    with open_services(Settings(_env_file=None, tutordex_database_url=database_url)) as services:
        assert services.channels.all() == []


def test_a_failed_run_becomes_one_line_of_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.publish()
    result = world.run("drain", run_config={"ops": {"drain_due": {"config": {"version": "nobody"}}}})
    failed = world.instance.get_run_by_id(result.run_id)
    (event,) = [event for event in result.all_events if event.is_failure and not event.is_step_event]
    assert failed is not None
    context = dg.build_run_status_sensor_context("failure", event, world.instance, failed).for_run_failure()

    with caplog.at_level(logging.ERROR, logger="tutordex_dagster"):
        failure_sensor(context)

    assert f"event=run_failed job=drain run_id={result.run_id}" in caplog.text
