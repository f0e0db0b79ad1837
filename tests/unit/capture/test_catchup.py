"""The catchup's plan: whatever happens meanwhile, no gap is left and nobody waits for a broken channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.capture.catchup import Slice, slices, snapshot
from tutordex_dagster.windows import HOUR, Window

START = datetime(2026, 3, 1, tzinfo=UTC)
ORDER = ("t.me/a", "t.me/b", "t.me/c")
RETRY = HOUR
CHUNK, OVERLAP = 6 * HOUR, timedelta(minutes=10)


@dataclass(frozen=True)
class Hour:
    """A due hour, as the ledger would name it."""

    reference: str
    hour: datetime
    why: str = "missing"


def at(number: int) -> datetime:
    return START + number * HOUR


def gaps(reference: str, *numbers: int, why: str = "missing") -> list[Hour]:
    return [Hour(reference, at(number), why) for number in numbers]


def plan(
    due: Iterable[Hour],
    *,
    chunk: timedelta = CHUNK,
    overlap: timedelta = OVERLAP,
    order: Sequence[str] = ORDER,
) -> list[Slice]:
    return list(slices(due, chunk=chunk, overlap=overlap, order=order, grid_start=START))


def covered(part: Slice, order: Sequence[str] = ORDER) -> set[tuple[str, datetime]]:
    return {
        (reference, hour)
        for each in part.rectangles
        for reference in order[order.index(each.first_channel) : order.index(each.last_channel) + 1]
        for hour in each.window.hours()
    }


def test_a_slice_begins_with_the_oldest_gap_and_a_little_before_it() -> None:
    (part,) = plan(gaps("t.me/a", *range(10, 30)))
    (rectangle,) = part.rectangles
    assert (part.kind, rectangle.window) == ("gaps", Window(at(9), at(16)))


def test_channels_that_lack_the_same_hours_share_one_rectangle() -> None:
    (part,) = plan([hour for reference in ORDER for hour in gaps(reference, *range(10, 30))])
    (rectangle,) = part.rectangles
    assert (rectangle.first_channel, rectangle.last_channel) == (ORDER[0], ORDER[-1])


def test_every_channel_goes_on_from_its_own_oldest_gap() -> None:
    (part,) = plan([*gaps("t.me/a", *range(10, 30)), *gaps("t.me/c", *range(25, 30))])
    windows = {each.first_channel: each.window for each in part.rectangles}
    assert windows == {"t.me/a": Window(at(9), at(16)), "t.me/c": Window(at(24), at(30))}


def test_the_overlap_stays_within_the_grid() -> None:
    (part,) = plan(gaps("t.me/a", 0, 1), overlap=timedelta(hours=3))
    assert [each.window for each in part.rectangles] == [Window(at(0), at(2))]


def test_without_overlap_a_slice_begins_with_the_gap_itself() -> None:
    (part,) = plan(gaps("t.me/a", 10), overlap=timedelta(0))
    assert [each.window for each in part.rectangles] == [Window(at(10), at(11))]


def test_gaps_come_first_then_failures_then_rereads() -> None:
    late = [
        *gaps("t.me/a", 3, why="reread"),
        *gaps("t.me/b", 1, why="failed"),
        *gaps("t.me/c", 9, why="open"),
    ]
    assert [part.kind for part in plan(late)] == ["gaps", "failures", "rereads"]
    assert plan(gaps("t.me/a", 3, why="unreported")) == []


def test_hours_to_look_at_again_are_taken_by_the_day() -> None:
    (part,) = plan(gaps("t.me/a", *range(48), why="reread"))
    assert [each.window for each in part.rectangles] == [Window(at(0), at(24))]


def test_channels_outside_of_the_grid_are_left_out() -> None:
    assert plan(gaps("t.me/unknown", 3)) == []


@dataclass
class Ledger:
    """Channels that are read slice by slice; `broken` ones refuse, at once or for the moment only."""

    broken: Mapping[str, str]
    now: datetime = START
    sealed: set[tuple[str, datetime]] = field(default_factory=set)
    failed: dict[tuple[str, datetime], datetime] = field(default_factory=dict)

    def due(self) -> list[Hour]:
        expected = [(reference, hour) for hour in Window(START, self.now).hours() for reference in ORDER]
        found = []
        for place in expected:
            failed_at = self.failed.get(place)
            if place not in self.sealed and (failed_at is None or failed_at < self.now - RETRY):
                found.append(Hour(*place, "missing" if failed_at is None else "failed"))
        return found

    def missing(self) -> list[Hour]:
        return [each for each in self.due() if each.reference not in self.broken]

    def read(self, part: Slice) -> None:
        for place in covered(part):
            verdict = self.broken.get(place[0])
            if verdict is None:
                self.sealed.add(place)
            elif verdict == "for good" and place not in self.sealed:
                self.failed[place] = self.now

    def step(self) -> bool:
        part = next(iter(plan(self.due())), None)
        if part:
            self.read(part)
        return part is not None


BROKEN = st.dictionaries(st.sampled_from(ORDER), st.sampled_from(["for good", "for now"]), max_size=2)


@given(
    broken=BROKEN, outages=st.lists(st.tuples(st.integers(1, 80), st.integers(0, 6)), min_size=1, max_size=4)
)
def test_slice_by_slice_every_gap_is_closed_whatever_happens_meanwhile(
    broken: Mapping[str, str], outages: Sequence[tuple[int, int]]
) -> None:
    """Several outages, each after a few slices of healing the one before; a broken channel stops no other."""
    ledger = Ledger(broken)
    for hours, slices_between in outages:
        ledger.now += hours * HOUR
        for _ in range(slices_between):
            ledger.step()
    for _ in range(sum(hours for hours, _ in outages) // 6 + len(outages) + 1):
        ledger.step()
    assert ledger.missing() == []


@given(hours=st.integers(1, 100))
def test_failed_hours_come_back_later_and_wait_behind_gaps(hours: int) -> None:
    ledger = Ledger({"t.me/b": "for good"}, now=at(hours))
    while any(each.why == "missing" for each in ledger.due()):
        assert ledger.step()
    assert ledger.due() == []
    ledger.now += 2 * HOUR
    assert {each.why for each in ledger.due()} == {"failed", "missing"}
    first = next(iter(plan(ledger.due())))
    assert first.kind == "gaps"
    ledger.read(first)
    ledger.broken = {}
    while ledger.step():
        pass
    assert ledger.missing() == []


@given(st.lists(st.tuples(st.sampled_from(ORDER), st.integers(0, 200)), max_size=60), st.integers(1, 24))
def test_the_same_hours_give_the_same_slice_and_it_always_gets_somewhere(
    places: Sequence[tuple[str, int]], chunk: int
) -> None:
    due = [Hour(reference, at(number)) for reference, number in places]
    parts = plan(due, chunk=chunk * HOUR)
    assert parts == plan(reversed(due), chunk=chunk * HOUR)
    oldest = {reference: min(n for r, n in places if r == reference) for reference, _ in places}
    progress = {(reference, at(number)) for reference, number in oldest.items()}
    assert all(progress <= covered(part) for part in parts)
    assert len(parts) == bool(places)


def test_the_snapshot_says_for_every_channel_what_is_missing() -> None:
    due = [*gaps("t.me/a", 4, 5), *gaps("t.me/a", 2, why="failed"), *gaps("t.me/b", 1, why="reread")]
    shown = snapshot(due, references=ORDER, target=at(9), backlog=3, low_watermark=1, schema_version="1.0.0")
    assert shown == {
        "schema_version": "1.0.0",
        "timezone": "UTC",
        "target_iso": "2026-03-01T09:00:00+00:00",
        "backlog": 3,
        "low_watermark": 1,
        "channels": {
            "t.me/a": {
                "state": "catching up",
                "oldest_gap": "2026-03-01T02:00:00+00:00",
                "missing_hours": 3,
            },
            "t.me/b": {"state": "looking for late changes", "oldest_gap": None, "missing_hours": 0},
            "t.me/c": {"state": "complete", "oldest_gap": None, "missing_hours": 0},
        },
    }
