"""Groups of duplicates against a plain model: exact up to a size, and never read as a whole above it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import combinations, count
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.integration.store.conftest import TEN
from tutordex_dagster.store.duplicates import CROWDED, Duplicates, Place

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

Group = frozenset[Place]
Codes = frozenset[str]
Change = Mapping[tuple[int, int], Sequence[Codes]]
"""Postal codes of every segment, by channel and message; no segments: nothing is open there."""

FEW = 3
SHOW = """
    INSERT INTO projected_assignments (
        projection, channel_id, message_id, segment, raw_id, pipeline_version, districts, rate_breakdown,
        time_availability, subjects, levels, streams, tutor_types, evidence, kind, posted_at, updated_at,
        postal_code
    )
    VALUES (
        %(version)s, %(channel_id)s, %(message_id)s, %(segment)s, 1, %(version)s, '{}', '[]', '{}',
        '{Mathematics}', '{Primary 5}', '{}', '{}', '{}', 'assignment', %(at)s, %(at)s, %(codes)s
    )
"""
HIDE = """
    DELETE FROM projected_assignments
    WHERE projection = %(version)s AND channel_id = %(channel_id)s AND message_id = %(message_id)s
"""
NOTE = "INSERT INTO unmatched VALUES (%(version)s, %(channel_id)s, %(message_id)s)"
LONG_CHAIN = """
    WITH pairs AS (
        INSERT INTO duplicate_pairs SELECT %(version)s, 1, n / 2 * 2 + 1, 0, 2, (n + 1) / 2 * 2, 0, 1, '{}'
        FROM generate_series(1, %(length)s - 1) AS n
    )
    INSERT INTO duplicate_groups SELECT %(version)s, 2 - n %% 2, n, 0, 'crowded/0'
    FROM generate_series(1, %(length)s) AS n
"""
READ = """
    SELECT sum(seq_tup_read + idx_tup_fetch)::integer AS rows FROM pg_stat_user_tables
    WHERE relname IN ('duplicate_groups', 'duplicate_pairs')
"""
_VERSIONS = (f"board-{number}" for number in count())


class Board:
    """Adverts that differ by their postal codes alone: two that share one are a pair."""

    def __init__(self, world: "World", crowded: int) -> None:
        self._world = world
        self._duplicates = Duplicates(world.db, within=timedelta(days=7), crowded=crowded)
        self.version = next(_VERSIONS)

    def change(self, change: Change) -> None:
        """Let the messages be so, and match them again."""
        for (channel_id, message_id), segments in change.items():
            message = {"version": self.version, "channel_id": channel_id, "message_id": message_id}
            for statement in (HIDE, NOTE):
                self._world.db.execute(statement, message)
            for segment, codes in enumerate(segments):
                row = {**message, "segment": segment, "codes": sorted(codes), "at": TEN}
                self._world.db.execute(SHOW, row)
        assert not self._duplicates.update(self.version)

    def groups(self) -> dict[str, Group]:
        """Return the members of every group by its name."""
        members = defaultdict(set)
        query = "SELECT * FROM duplicate_groups WHERE projection = %(version)s"
        for row in self._world.rows(query, version=self.version):
            members[row["group_id"]].add((row["channel_id"], row["message_id"], row["segment"]))
        return {name: frozenset(group) for name, group in members.items()}


class Model:
    """The same without a database. Every change looks at everything."""

    def __init__(self, crowded: int) -> None:
        self._crowded = crowded
        self._adverts: dict[Place, Codes] = {}
        self.groups: set[Group] = set()

    def change(self, change: Change) -> None:
        """A crowd keeps who has a partner besides the messages that changed, if that still is a crowd."""
        others = {place: codes for place, codes in self._adverts.items() if place[:2] not in change}
        partnered = {place for pair in pairs(others) for place in pair}
        kept = [group & partnered for group in self.groups if len(group) > self._crowded]
        changed = {(*key, n): codes for key, segments in change.items() for n, codes in enumerate(segments)}
        self._adverts = others | changed
        self.groups = merged([*pairs(self._adverts), *(each for each in kept if len(each) > self._crowded)])

    def connected(self) -> set[Group]:
        """Return what is connected by pairs, whatever was before."""
        return merged(pairs(self._adverts))


def pairs(adverts: Mapping[Place, Codes]) -> list[Group]:
    return [
        frozenset((a, b)) for a, b in combinations(adverts, 2) if a[0] != b[0] and adverts[a] & adverts[b]
    ]


def merged(groups: Iterable[Group]) -> set[Group]:
    """Put together what overlaps."""
    apart: set[Group] = set()
    for group in groups:
        touched = {each for each in apart if each & group}
        apart = apart - touched | {group.union(*touched)}
    return apart


def named(groups: Collection[Group]) -> dict[str, Group]:
    """Name groups after their first members."""
    return {"/".join(map(str, min(group))): group for group in groups}


MESSAGES = st.tuples(st.integers(1, 5), st.integers(1, 2))  # at most 20 segments: all are neighbours in time
CODES = st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=2)
FULL = st.dictionaries(MESSAGES, st.lists(CODES, min_size=1, max_size=1), min_size=6)
FEWER = st.dictionaries(MESSAGES, st.lists(CODES, max_size=2), min_size=1, max_size=3)
CHANGES = st.tuples(FULL, st.lists(FEWER, max_size=6)).map(lambda parts: [parts[0], *parts[1]])


def advert(codes: str) -> list[Codes]:
    return [frozenset(codes)]


CHAIN: Change = {(n % 2 + 1, n): advert("abcdefghijkl"[n : n + 2]) for n in range(8)}
"""Eight adverts of two agencies, each connected with the next; the first is 1/0/0."""


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_whatever_was_before_a_group_is_what_is_connected_and_named_after_its_first_member(
    world: "World", changes: list[Change]
) -> None:
    board, model = Board(world, CROWDED), Model(CROWDED)
    for change in changes:
        board.change(change)
        model.change(change)
        assert board.groups() == named(model.connected())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
@example(changes=[CHAIN, {(2, 3): []}, {(2, 7): [], (1, 4): []}])
def test_a_crowd_keeps_who_has_a_partner_and_smaller_groups_are_exact(
    world: "World", changes: list[Change]
) -> None:
    board, model = Board(world, FEW), Model(FEW)
    for change in changes:
        board.change(change)
        model.change(change)
        groups = board.groups()
        assert set(groups.values()) == model.groups
        small = {name: group for name, group in groups.items() if len(group) <= FEW}
        assert small == named(small.values())
        assert set(small.values()) <= model.connected()
        assert all(name.startswith("crowded/") for name in groups.keys() - small)


def test_a_crowd_that_falls_in_two_stays_one_until_it_is_small(world: "World") -> None:
    board = Board(world, FEW)
    board.change(CHAIN)
    ((crowd, members),) = board.groups().items()
    assert len(members) == 8
    board.change({(2, 3): []})
    assert board.groups() == {crowd: members - {(2, 3, 0)}}
    board.change({(2, 1): [], (2, 5): []})
    assert board.groups() == {"1/6/0": frozenset({(1, 6, 0), (2, 7, 0)})}


def test_the_first_member_of_a_crowd_may_leave_it_and_be_the_first_of_another_group(world: "World") -> None:
    """Lost otherwise: two groups of one name, which are one for every reader."""
    board = Board(world, FEW)
    board.change(CHAIN)
    ((crowd, members),) = board.groups().items()
    board.change({(1, 0): advert("z"), (3, 0): advert("z")})
    assert board.groups() == {
        crowd: members - {(1, 0, 0)},
        "1/0/0": frozenset({(1, 0, 0), (3, 0, 0)}),
    }


def test_two_crowds_that_meet_have_the_name_of_the_older(world: "World") -> None:
    board = Board(world, FEW)
    board.change({(n, 1): advert("z") for n in range(1, 5)})
    ((older, _),) = board.groups().items()
    board.change({(n, 2): advert("a") for n in range(1, 5)})
    assert len(board.groups()) == 2
    board.change({(2, 3): advert("az")})
    ((name, members),) = board.groups().items()
    assert (name, len(members)) == (older, 9)


def test_a_segment_that_is_gone_leaves_its_group(world: "World") -> None:
    """Lost otherwise: a segment that comes back without a partner, shown as a duplicate."""
    board = Board(world, CROWDED)
    board.change({(1, 1): advert("a"), (2, 2): [*advert("a"), *advert("a")]})
    assert board.groups() == named([frozenset({(1, 1, 0), (2, 2, 0), (2, 2, 1)})])
    board.change({(2, 2): advert("a")})
    assert board.groups() == named([frozenset({(1, 1, 0), (2, 2, 0)})])


def test_a_change_in_a_crowd_reads_a_bounded_part_of_it(world: "World") -> None:
    """Lost otherwise: an evening, because an agency edits the posts that it signs with its own address."""
    board = Board(world, CROWDED)
    for _ in range(12):  # so often that the server has made up its mind how, when there was next to nothing
        board.change({(1, 1): advert("a"), (2, 2): advert("a")})
    board.change({(1, 1): [], (2, 2): []})
    world.db.execute(LONG_CHAIN, {"version": board.version, "length": 4000})
    ((crowd, members),) = board.groups().items()
    world.rows("SELECT pg_stat_force_next_flush()")
    (before,) = world.rows(READ)
    board.change({(2, 2000): []})
    world.rows("SELECT pg_stat_force_next_flush()")
    (after,) = world.rows(READ)
    assert after["rows"] - before["rows"] < 2 * CROWDED
    assert board.groups() == {crowd: members - {(2, 2000, 0)}}
