"""Likely duplicates in the database: kept right message by message, with bounded work for each."""

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
from tutordex_dagster.store.database import Connection, Database
from tutordex_dagster.store.queries import load

_SQL = load("duplicates")
_PAGE = 1000
_NEAREST = 20
_PLACE = ("channel_ids", "message_ids", "segments")

Place = tuple[int, int, int]
"""Channel id, message id, segment."""


class Duplicates:
    """Pairs and groups of open assignments of different channels, per projection."""

    def __init__(self, db: Database, *, within: timedelta) -> None:
        """Take how far apart in time two adverts of one assignment may be posted."""
        self._db = db
        self._within = within

    def update(self, version: str, *, limit: int = _PAGE) -> bool:
        """Look again at up to `limit` messages that changed; tell whether more may wait."""
        with self._db.connection() as connection:
            params = {"version": version, "limit": limit}
            connection.execute(_SQL["lock"])
            changed = connection.execute(_SQL["take_unmatched"], params).fetchall()
            if changed:
                _Matching(connection, version, self._within).run(changed)
        return len(changed) == limit

    def shown(self, limit: int) -> list[dict[str, Any]]:
        """Return pairs of open assignments of the live version as rows for a table, the likeliest first."""
        return self._db.fetch(_SQL["shown_pairs"], {"limit": limit}, dict_row)


class _Matching:
    """The steps of matching some messages again, inside a transaction."""

    def __init__(self, connection: Connection, version: str, within: timedelta) -> None:
        self._connection = connection
        self._version = version
        self._within = within

    def run(self, messages: Sequence[tuple[int, int]]) -> None:
        """Forget what was known of the messages, find their partners, and group anew what that touches."""
        forgotten = self._rows("forget", **_columns(messages, "channel_ids", "message_ids"))
        adverts = self._adverts(messages)
        pairs = self._match(adverts)
        self._connection.execute(
            _SQL["add_pairs"], {"version": self._version, "pairs": Jsonb(pairs, orjson.dumps)}
        )
        edges = [(_one(pair), _other(pair)) for pair in pairs]
        if forgotten:
            own = {place for edge in edges for place in edge} | {(*message, 0) for message in messages}
            self._group_again({*forgotten, *adverts, *own})
        elif edges:
            self._join_groups(edges)

    def _adverts(self, messages: Iterable[tuple[int, int]]) -> dict[Place, Advert]:
        rows = self._rows("adverts", **_columns(list(messages), "channel_ids", "message_ids"))
        return {(row[0], row[1], row[2]): _advert(row) for row in rows}

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
            one, other = sorted(((row[0], row[1], row[2]), (row[3], row[4], row[5])))
            if (one, other) in pairs or one not in known or other not in known:
                continue
            match = compare(known[one], known[other], within=self._within)
            if match and match.score >= LIKELY:
                pairs[one, other] = _pair(one, other, match.score, match.evidence)
        return list(pairs.values())

    def _join_groups(self, edges: Sequence[tuple[Place, Place]]) -> None:
        """Let groups grow by new pairs, without reading what they consist of."""
        places = sorted({place for edge in edges for place in edge})
        rows = self._rows("labels", **_columns(places, *_PLACE))
        label = {(row[0], row[1], row[2]): _named(row[3]) for row in rows}
        first = connected_groups([*edges, *label.items()])
        joined = {old: first[old] for old in label.values() if first[old] != old}
        self._run("relabel", [(_name(old), _name(new)) for old, new in joined.items()], "old", "new")
        self._run("regroup", [(*place, _name(first[place])) for place in places], *_PLACE, "groups")

    def _group_again(self, touched: Iterable[Place]) -> None:
        """Work the groups out anew of everything that is connected to these."""
        members: set[Place] = set()
        edges: list[tuple[Place, Place]] = []
        for row in self._rows("connected", **_columns(sorted(touched), *_PLACE)):
            members.add((row[0], row[1], row[2]))
            if row[3] is not None:
                edges.append(((row[0], row[1], row[2]), (row[3], row[4], row[5])))
        first = connected_groups(edges)
        rows = [(*place, _name(first[place]) if place in first else None) for place in sorted(members)]
        self._run("regroup", rows, *_PLACE, "groups")

    def _run(self, name: str, rows: Sequence[Sequence[Any]], *columns: str) -> None:
        self._connection.execute(_SQL[name], {"version": self._version, **_columns(rows, *columns)})

    def _rows(self, name: str, **params: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(_SQL[name], {"version": self._version, **params}).fetchall()


def _name(place: Sequence[int]) -> str:
    return "/".join(map(str, place))


def _named(group_id: str) -> Place:
    channel_id, message_id, segment = map(int, group_id.split("/"))
    return channel_id, message_id, segment


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
