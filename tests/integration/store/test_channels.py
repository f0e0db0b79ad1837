"""Channels, their exports, and pipeline versions: registered once, refused when they clash."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.capture.contract import ChannelInfo, SourceKind
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.channels import Channel, Export
from tutordex_dagster.store.versions import Versions

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


def test_registering_twice_keeps_the_earlier_start_and_takes_the_new_title(world: "World") -> None:
    info = ChannelInfo(channel_id=5, reference="t.me/C5", title="Renamed")
    later = world.channels.register(info, source="telegram", collect_since=world.at(60))
    assert later == Channel(
        channel_id=5, reference="t.me/c5", title="Renamed", source_kind="telegram", collect_since=world.at(0)
    )
    assert world.channels.register(
        info, source="telegram", collect_since=world.at(-60)
    ).collect_since == world.at(-60)
    assert len(world.channels.all()) == 1


def test_an_export_adds_history_and_the_channel_goes_on_being_collected_live(world: "World") -> None:
    """An import that turned a live channel into an export would end its collection without a word."""
    info = ChannelInfo(channel_id=8, reference="t.me/c8", title="")
    assert world.channels.register(info, source="export", collect_since=world.at(0)).source_kind == "export"
    sources: tuple[SourceKind, ...] = ("telegram", "export")
    for source in sources:
        channel = world.channels.register(info, source=source, collect_since=world.at(-60))
        assert (channel.source_kind, channel.collect_since) == ("telegram", world.at(-60))


@pytest.mark.parametrize(("channel_id", "reference"), [(6, "t.me/c5"), (5, "t.me/other")])
def test_an_id_or_reference_of_another_channel_is_refused(
    world: "World", channel_id: int, reference: str
) -> None:
    info = ChannelInfo(channel_id=channel_id, reference=reference, title="")
    with pytest.raises(UsageError, match=r"clashes with a registered channel \(t\.me/c5 has id 5\)"):
        world.channels.register(info, source="telegram", collect_since=world.at(0))
    assert [channel.title for channel in world.channels.all()] == ["Agency"]


def test_channels_come_by_reference_and_unknown_ones_are_named(world: "World") -> None:
    world.register(4)
    assert [channel.channel_id for channel in world.channels.by_reference(["T.me/C5", "t.me/c4"])] == [4, 5]
    assert world.channels.by_reference([]) == []
    with pytest.raises(UsageError, match=r"t\.me/x, t\.me/y: is not .* registered are: t.me/c4, t.me/c5"):
        world.channels.by_reference(["t.me/y", "t.me/c5", "t.me/x"])


def test_an_unknown_channel_among_none_says_so(world: "World") -> None:
    world.db.execute("DELETE FROM channels", {})
    with pytest.raises(UsageError, match="registered are: none"):
        world.channels.by_reference(["t.me/x"])


def test_exports_are_kept_by_path_and_the_longest_vouching_comes_first(world: "World") -> None:
    first = Export(
        channel_id=5,
        path="/a.json",
        timezone="Asia/Singapore",
        first_at=world.at(0),
        vouches_until=world.at(60),
        messages=2,
    )
    second = replace(first, path="/b.json", timezone=None, vouches_until=world.at(120))
    for export in (first, second, replace(first, messages=3)):
        world.channels.add_export(export)
    assert world.channels.exports(5) == [second, replace(first, messages=3)]
    assert world.channels.exports(6) == []


def test_a_version_name_means_one_fingerprint_for_ever(world: "World") -> None:
    versions = Versions(world.db)
    versions.register("v1", "a" * 64, {"extractor": "rules"})
    versions.register("v1", "a" * 64, {"extractor": "rules"})
    with pytest.raises(UsageError, match=r"v1: is registered with fingerprint a{12}, .* b{12}; .* new name"):
        versions.register("v1", "b" * 64, {})
    (version,) = versions.all()
    assert (version.name, version.fingerprint, version.spec) == ("v1", "a" * 64, {"extractor": "rules"})
    assert version.registered_at.utcoffset() == timedelta(0)
