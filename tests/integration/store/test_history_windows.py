"""Windows of history: one reader each, gone on with where a crashed one stopped."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tutordex_dagster.store.history_windows import Claim, HistoryWindows
from tutordex_dagster.windows import HOUR, Window

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


class Reader:
    """Claims windows of channel 5: four hours from ten o'clock on, if not told otherwise."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.windows = HistoryWindows(world.db)
        self.window = Window(world.at(0), world.at(240))

    def claim(self, *, lease: float = 300, window: Window | None = None, channel_id: int = 5) -> Claim | None:
        """Claim at the time of the hand-moved clock; a lease of 0 seconds has expired already."""
        return self.windows.claim(
            channel_id,
            window or self.window,
            began_at=self.world.clock(),
            lease_seconds=lease,
            resume_within=timedelta(hours=24),
        )

    def sure(self, *, lease: float = 300, window: Window | None = None) -> Claim:
        """Claim, where the window must be free."""
        claim = self.claim(lease=lease, window=window)
        assert claim is not None
        return claim

    def crash(self, *, after_hours: int = 0) -> Claim:
        """Claim, read so many hours, and be heard of no more."""
        claim = self.sure(lease=0)
        for hour in range(after_hours):
            self.world.log.store(self.world.sweep_of(hour, "sealed"))
        return claim

    def rows(self) -> int:
        """Count the windows known."""
        return len(self.world.rows("SELECT * FROM history_windows"))


@pytest.fixture
def reader(world: "World") -> Reader:
    """Give a reader of channel 5."""
    return Reader(world)


def test_a_new_window_is_read_from_its_first_hour(reader: Reader) -> None:
    claim = reader.sure()
    assert (claim.began_at, claim.next_hour) == (reader.world.clock(), reader.window.since)


def test_hours_that_were_read_before_the_window_was_begun_are_read_again(reader: Reader) -> None:
    reader.world.log.store(reader.world.sweep_of(0, "sealed"))
    reader.world.clock.forward(seconds=1)
    assert reader.sure().next_hour == reader.window.since


def test_a_window_that_is_being_read_cannot_be_claimed(reader: Reader) -> None:
    reader.sure()
    assert reader.claim() is None
    reader.world.clock.forward(hours=48)
    assert reader.claim() is None


def test_other_windows_and_channels_are_free(reader: Reader) -> None:
    reader.world.register(6)
    reader.sure()
    assert reader.claim(window=Window(reader.world.at(240), reader.world.at(300))) is not None
    assert reader.claim(channel_id=6) is not None


@pytest.mark.parametrize("hours", [0, 1, 3])
def test_a_crashed_window_is_gone_on_with_at_its_first_unread_hour(reader: Reader, hours: int) -> None:
    first = reader.crash(after_hours=hours)
    reader.world.clock.forward(hours=23)
    second = reader.sure()
    assert (second.began_at, second.next_hour) == (first.began_at, reader.world.at(60 * hours))
    assert second.token != first.token


def test_a_window_whose_hours_were_all_read_has_none_left(reader: Reader) -> None:
    reader.crash(after_hours=4)
    assert reader.sure().next_hour == reader.window.until


def test_a_message_stored_by_the_way_does_not_make_its_hour_read(reader: Reader) -> None:
    reader.crash(after_hours=1)
    reader.world.tail(reader.world.message(61), reader.world.message(121), seen=400)
    assert reader.sure().next_hour == reader.world.at(60)


def test_a_hole_among_the_read_hours_is_where_reading_goes_on(reader: Reader) -> None:
    reader.crash(after_hours=1)
    reader.world.log.store(reader.world.sweep_of(2, "sealed"))
    assert reader.sure().next_hour == reader.world.at(60)


def test_an_hour_that_failed_was_read(reader: Reader) -> None:
    reader.crash(after_hours=1)
    reader.world.log.store(reader.world.sweep_of(1, "failed"))
    assert reader.sure().next_hour == reader.world.at(120)


def test_a_window_left_for_too_long_is_begun_anew(reader: Reader) -> None:
    reader.crash(after_hours=2)
    reader.world.clock.forward(hours=24)
    claim = reader.sure()
    assert (claim.began_at, claim.next_hour) == (reader.world.clock(), reader.window.since)


def test_windows_nobody_goes_on_with_are_forgotten(reader: Reader) -> None:
    reader.crash()
    reader.world.clock.forward(hours=24)
    reader.sure(window=Window(reader.world.at(-60), reader.world.at(60)))
    assert reader.rows() == 1


def test_a_finished_window_is_forgotten(reader: Reader) -> None:
    claim = reader.sure()
    assert reader.windows.finish(claim.token)
    assert (reader.rows(), reader.windows.finish(claim.token)) == (0, False)
    reader.world.clock.forward(hours=1)
    assert reader.sure().began_at == claim.began_at + HOUR


def test_a_window_given_back_half_read_is_free_at_once(reader: Reader) -> None:
    claim = reader.sure()
    reader.world.log.store(reader.world.sweep_of(0, "sealed"))
    reader.windows.release(claim.token)
    reader.world.clock.forward(minutes=1)
    again = reader.sure()
    assert (again.began_at, again.next_hour) == (claim.began_at, reader.world.at(60))


def test_a_reader_that_lost_its_window_learns_so_and_harms_nothing(reader: Reader) -> None:
    lost = reader.crash()
    kept = reader.sure()
    assert not reader.windows.renew(lost.token, 300)
    assert not reader.windows.finish(lost.token)
    reader.windows.release(lost.token)
    assert reader.claim() is None
    assert reader.windows.renew(kept.token, 300)


def test_a_renewed_lease_keeps_others_away(reader: Reader) -> None:
    claim = reader.crash()
    assert reader.windows.renew(claim.token, 300)
    assert reader.claim() is None
    assert not reader.windows.renew(uuid4(), 300)


@pytest.mark.parametrize("crashed", [False, True])
def test_of_readers_that_claim_at_once_exactly_one_gets_the_window(reader: Reader, *, crashed: bool) -> None:
    if crashed:
        reader.crash(after_hours=1)
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: reader.claim(), range(8)))
    assert [claim.next_hour for claim in claims if claim] == [reader.world.at(60 if crashed else 0)]


def test_a_failed_hour_of_an_older_read_is_not_taken_for_read(reader: Reader) -> None:
    batch = reader.world.sweep_of(0, "failed")
    reader.world.log.store(replace(batch, tombstones=False))
    reader.world.clock.forward(seconds=1)
    reader.crash()
    assert reader.sure().next_hour == reader.world.at(0)
