"""Channels, their exports, and pipeline versions: registered once, refused when they clash."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.capture.contract import ChannelInfo, SourceKind
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.channels import Channel, Export, WantedChannel
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


def test_a_channel_comes_by_its_id(world: "World") -> None:
    world.register(4)
    assert world.channels.by_id(5).reference == "t.me/c5"
    with pytest.raises(UsageError, match="7: is not a registered channel; register it first"):
        world.channels.by_id(7)


def test_channels_come_with_how_far_they_are_followed(world: "World") -> None:
    world.tail(cursor=100, seen=60)
    channel = world.channels.by_id(5)
    assert (channel.cursor, channel.cursor_at) == (100, world.at(60))
    assert [channel] == world.channels.all() == world.channels.by_reference(["t.me/c5"])
    assert world.register() == channel


def test_another_kind_of_source_begins_with_no_cursor(world: "World") -> None:
    info = ChannelInfo(channel_id=5, reference="t.me/c5", title="Agency")
    world.tail(cursor=100, seen=60)
    kept = world.channels.register(info, source="export", collect_since=world.at(0))
    assert (kept.source_kind, kept.cursor) == ("telegram", 100)
    changed = world.channels.register(info, source="recorded", collect_since=world.at(0))
    assert (changed.source_kind, changed.cursor, changed.cursor_at) == ("recorded", None, None)


def test_a_problem_is_noted_and_taken_back(world: "World") -> None:
    world.channels.note_problem(5, "is pri\0vate", world.at(1))
    world.channels.note_problem(5, "is private", world.at(2))
    channel = world.channels.by_id(5)
    assert (channel.problem, channel.problem_at) == ("is private", world.at(2))
    world.channels.note_problem(5, None, world.at(3))
    channel = world.channels.by_id(5)
    assert (channel.problem, channel.problem_at) == (None, None)


def test_membership_is_unknown_until_it_is_noted(world: "World") -> None:
    assert world.channels.by_id(5).member is None
    for member in (True, False):
        world.channels.note_member(5, member=member)
        assert world.channels.by_id(5).member is member


def test_nothing_is_noted_of_an_unregistered_channel(world: "World") -> None:
    with pytest.raises(UsageError, match="7: is not a registered channel"):
        world.channels.note_problem(7, "is private", world.at(1))
    with pytest.raises(UsageError, match="7: is not a registered channel"):
        world.channels.note_member(7, member=True)


def test_every_account_has_access_hashes_of_its_own(world: "World") -> None:
    world.register(6)
    assert world.channels.access(1) == {}
    world.channels.note_access(1, 5, -(2**62))
    world.channels.note_access(1, 6, 7)
    world.channels.note_access(2, 5, 8)
    world.channels.note_access(1, 6, 9)
    assert world.channels.access(1) == {5: -(2**62), 6: 9}
    assert world.channels.access(2) == {5: 8}


def test_references_that_cannot_be_resolved_are_kept_with_the_reason_until_forgotten(world: "World") -> None:
    world.channels.note_wanted("t.me/Nobody", "no such name", world.at(1))
    world.channels.note_wanted("t.me/gone", "no such name", world.at(1))
    world.channels.note_wanted("t.me/nobody", "is a person", world.at(2))
    assert world.channels.wanted() == {
        "t.me/gone": WantedChannel(problem="no such name", checked_at=world.at(1)),
        "t.me/nobody": WantedChannel(problem="is a person", checked_at=world.at(2)),
    }
    world.channels.forget_wanted(["t.me/Nobody", "t.me/never"])
    world.channels.forget_wanted([])
    assert list(world.channels.wanted()) == ["t.me/gone"]


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
