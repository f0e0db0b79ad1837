"""Likely duplicates in the database: kept right message by message, with bounded work for each.

Groups are what pairs connect, but for crowded ones (`CROWDED`), which are not taken apart. At all times
- both ends of a pair are in one group, and what has no pair is in none;
- a group of at most `CROWDED` members is all that is connected with any of them, in whatever order it came,
  and has the name of its first member: `5/1/0`, channel, message and segment;
- a larger group has a number for a name, `crowded/17`, because its first member may leave it and be the first
  of another. Its parts were connected once and need not be any more, until no more than `CROWDED` members are
  left: then it falls apart into what is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tutordex_dagster.extraction.duplicates import (
    LIKELY,
    Advert,
    blocking_keys,
    compare,
    connected_groups,
    street_of,
)
from tutordex_dagster.store.database import Connection, Database, allow_long
from tutordex_dagster.store.queries import load

_SQL = load("duplicates")
_PAGE = 1000
_NEAREST = 20
_MESSAGE = ("channel_ids", "message_ids")
_PLACE = (*_MESSAGE, "segments")
_NUMBERED = "crowded"

CROWDED = 300
"""Members above which a group is not worked out anew when one of them changes.

A family asks a handful of agencies. Hundreds are connected by what says nothing, as an agency's own address
under every post, and whether they are one crowd or two is not worth reading all of it for every edit: of 300
that takes ten times as long as an edit in a small group, of 5,000 a hundred times (bench/duplicates.py).
"""

Place = tuple[int, int, int]
"""Channel id, message id, segment."""

Edge = tuple[Place, Place]
Name = tuple[int, ...]
"""What a group is called: the place of its first member; or -1, before all channels, and its number."""


class Duplicates:
    """Pairs and groups of open assignments of different channels, per projection."""

    def __init__(self, db: Database, *, within: timedelta, crowded: int = CROWDED) -> None:
        """Take how far apart in time adverts of one assignment may be posted, and the size of a crowd."""
        self._db = db
        self._within = within
        self._crowded = crowded

    def update(self, version: str, *, limit: int = _PAGE) -> bool:
        """Look again at up to `limit` messages that changed; tell whether more may wait."""
        with self._db.connection() as connection:
            params = {"version": version, "limit": limit}
            allow_long(connection)
            connection.execute(_SQL["lock"])
            changed = connection.execute(_SQL["take_unmatched"], params).fetchall()
            if changed:
                _Matching(connection, version, self._within, self._crowded).run(changed)
        return len(changed) == limit

    def shown(self, limit: int) -> list[dict[str, Any]]:
        """Return pairs of open assignments of the live version as rows for a table, the likeliest first."""
        return self._db.fetch(_SQL["shown_pairs"], {"limit": limit}, dict_row)


class _Matching:
    """The steps of matching some messages again, inside a transaction."""

    def __init__(self, connection: Connection, version: str, within: timedelta, crowded: int) -> None:
        self._connection = connection
        self._version = version
        self._within = within
        self._crowded = crowded

    def run(self, messages: Sequence[tuple[int, int]]) -> None:
        """Forget what was known of the messages, find their partners, and group anew what that touches."""
        loose = self._forget(messages)
        kept = self._rows("pairs", groups=sorted(loose)) if loose else []
        pairs = self._match(self._adverts(messages))
        self._connection.execute(
            _SQL["add_pairs"], {"version": self._version, "pairs": Jsonb(pairs, orjson.dumps)}
        )
        edges = [(_place(row), _place(row[3:])) for row in kept]
        edges += [(_one(pair), _other(pair)) for pair in pairs]
        if edges:
            self._join(edges, loose)

    def _forget(self, messages: Sequence[tuple[int, int]]) -> set[str]:
        """Drop keys, pairs and memberships; return the groups this may have taken apart, without crowds."""
        others = self._rows("forget", **_columns(messages, *_MESSAGE))
        left = self._rows("leave", **_columns(sorted({*messages, *others}), *_MESSAGE))
        return self._small({group_id for (group_id,) in left}) if left else set()

    def _adverts(self, messages: Iterable[tuple[int, int]]) -> dict[Place, Advert]:
        rows = self._rows("adverts", **_columns(list(messages), *_MESSAGE))
        return {_place(row): _advert(row) for row in rows}

    def _match(self, adverts: Mapping[Place, Advert]) -> list[dict[str, Any]]:
        keyed = [
            (key, each.posted_at, *place) for place, each in adverts.items() for key in blocking_keys(each)
        ]
        named = _columns(keyed, "keys", "posted", "channel_ids", "message_ids", "segments")
        self._connection.execute(_SQL["add_keys"], {"version": self._version, **named})
        found = self._rows("candidates", **named, within=self._within, nearest=_NEAREST)
        known = {**self._adverts({(row[3], row[4]) for row in found}), **adverts}
        pairs: dict[tuple[Place, Place], dict[str, Any]] = {}
        for row in found:
            one, other = sorted((_place(row), _place(row[3:])))
            if (one, other) in pairs or one not in known or other not in known:
                continue
            match = compare(known[one], known[other], within=self._within)
            if match and match.score >= LIKELY:
                pairs[one, other] = _pair(one, other, match.score, match.evidence)
        return list(pairs.values())

    def _join(self, edges: Sequence[Edge], loose: set[str]) -> None:
        """Let groups grow by pairs, without reading what they consist of; forget what `loose` ones did."""
        places = sorted({place for edge in edges for place in edge})
        rows = self._rows("labels", **_columns(places, *_PLACE))
        label = {_place(row): _named(row[3]) for row in rows if row[3] not in loose}
        links: list[tuple[Name, Name]] = [*edges, *label.items()]
        first = connected_groups(links)
        joined = {old: first[old] for old in label.values() if first[old] != old}
        self._relabel([(_name(old), _name(new)) for old, new in joined.items()])
        self._run("regroup", [(*place, _name(first[place])) for place in places], *_PLACE, "groups")
        self._small({_name(first[place]) for place in places})

    def _small(self, groups: set[str]) -> set[str]:
        """Return those of the groups that are not crowded; the others have a number for a name then."""
        rows = self._rows("small", groups=sorted(groups), crowded=self._crowded)
        small = {group_id for (group_id,) in rows}
        outgrown = [name for name in sorted(groups - small) if not name.startswith(_NUMBERED)]
        if outgrown:
            numbers = self._rows("numbers", count=len(outgrown))
            self._relabel(
                [(old, f"{_NUMBERED}/{number}") for old, (number,) in zip(outgrown, numbers, strict=True)]
            )
        return small

    def _relabel(self, names: Sequence[tuple[str, str]]) -> None:
        if names:
            self._run("relabel", names, "old", "new")

    def _run(self, name: str, rows: Sequence[Sequence[Any]], *columns: str) -> None:
        self._connection.execute(_SQL[name], {"version": self._version, **_columns(rows, *columns)})

    def _rows(self, name: str, **params: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(_SQL[name], {"version": self._version, **params}).fetchall()


def _name(name: Name) -> str:
    first, *rest = name
    return "/".join([_NUMBERED if first < 0 else str(first), *map(str, rest)])


def _named(group_id: str) -> Name:
    first, *rest = group_id.split("/")
    return (-1 if first == _NUMBERED else int(first), *map(int, rest))


def _place(row: Sequence[Any]) -> Place:
    return row[0], row[1], row[2]


def _columns(rows: Sequence[Sequence[Any]], *names: str) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
    return {name: columns[name] for name in names}


def _advert(row: Sequence[Any]) -> Advert:
    _, _, _, posted_at, postal, address, levels, subjects, rate_min, rate_max = row
    streets = (street_of(each) for each in address or ())
    return Advert(
        posted_at=posted_at,
        postal_codes=frozenset(postal or ()),
        streets=frozenset(street for street in streets if street),
        levels=frozenset(levels),
        subjects=frozenset(subjects),
        rate_min=rate_min,
        rate_max=rate_max,
    )


def _pair(one: Place, other: Place, score: float, evidence: Mapping[str, object]) -> dict[str, Any]:
    return {
        "channel_id": one[0],
        "message_id": one[1],
        "segment": one[2],
        "other_channel_id": other[0],
        "other_message_id": other[1],
        "other_segment": other[2],
        "score": min(score, 1.0),
        "evidence": evidence,
    }


def _one(pair: Mapping[str, Any]) -> Place:
    return pair["channel_id"], pair["message_id"], pair["segment"]


def _other(pair: Mapping[str, Any]) -> Place:
    return pair["other_channel_id"], pair["other_message_id"], pair["other_segment"]
