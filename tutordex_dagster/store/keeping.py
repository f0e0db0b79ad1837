"""What a change of the live version keeps of the shown projection: messages the next version has not read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, LiteralString

from tutordex_dagster.store.assignments import take_over
from tutordex_dagster.store.closings import Unsettled, settle
from tutordex_dagster.store.database import Connection
from tutordex_dagster.store.queries import load

_SQL = load("keeping")
_PAGE = 5000  # ends taken over by one statement


def find_unsaid(connection: Connection, params: Mapping[str, object]) -> None:
    """Note which messages of `live` a switch to `version` may have to keep, for the rest of the transaction.

    Takes time that grows with both projections.
    """
    connection.execute(_SQL["find_unsaid"], params, prepare=False)
    connection.execute(_SQL["find_carried"], params, prepare=False)
    connection.execute(_SQL["count_found"])


def count_unsaid(connection: Connection, params: Mapping[str, object]) -> int:
    """Return how many rows of the noted messages the version has still not read."""
    connection.execute(_SQL["drop_said"], params)
    return _value(connection, "count_unsaid", params)


def keep_unsaid(connection: Connection, params: Mapping[str, object], at: datetime) -> int:
    """Take over the ends of `version`, and keep what it has not read as shown; return how many rows are kept.

    All channels have to be locked.
    """
    version = str(params["version"])
    _take_over_all(connection, version, at)
    connection.execute(_SQL["drop_said"], params)
    gone = _rows(connection, "drop_carried_rows", params)
    fallen = _rows(connection, "drop_carried_posts", params)
    if connection.execute(_SQL["take_back"], params).rowcount:
        _take_over_all(connection, version, at)
        connection.execute(_SQL["drop_said"], params)  # ends may have come meanwhile
    gone += _rows(connection, "drop_older_rows", params)
    fallen += _rows(connection, "drop_older_posts", params)
    kept = _rows(connection, "carry_rows", params)
    connection.execute(_SQL["note_carried"], params)
    stands = _rows(connection, "carry_posts", params)
    codes: dict[int, set[str]] = defaultdict(set)
    message_ids: dict[int, set[int]] = defaultdict(set)
    for channel_id, code, message_id in (*gone, *kept):
        message_ids[channel_id].add(message_id)
        codes[channel_id].update(() if code is None else (code,))
    for channel_id, named, points in (*fallen, *stands):
        message_ids[channel_id].update(points)
        codes[channel_id].update(named)
    _settle(connection, version, codes, message_ids, at)
    return len(kept)


def enqueue_unread(connection: Connection, params: Mapping[str, object]) -> int:
    """Make jobs of `version` for what was stored after the raw id `after`, and for edits it has not read."""
    return _value(connection, "enqueue_unread", params)


def _take_over_all(connection: Connection, version: str, at: datetime) -> None:
    while take_over(connection, version, limit=_PAGE, at=at).more:
        pass


def _settle(
    connection: Connection,
    version: str,
    codes: Mapping[int, Iterable[str]],
    message_ids: Mapping[int, Iterable[int]],
    at: datetime,
) -> None:
    for channel_id, ids in message_ids.items():
        changed = Unsettled(
            projection=version,
            channel_id=channel_id,
            codes=sorted(codes.get(channel_id, ())),
            message_ids=sorted(ids),
        )
        settle(connection, changed, at)


def _rows(connection: Connection, name: str, params: Mapping[str, object]) -> list[tuple[Any, ...]]:
    query: LiteralString = _SQL[name]
    return connection.execute(query, params).fetchall()


def _value(connection: Connection, name: str, params: Mapping[str, object]) -> int:
    ((value,),) = _rows(connection, name, params)
    return int(value)
