"""Which status post closes which assignment, kept right as either of them comes, changes or goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tutordex_dagster.store.database import Connection
from tutordex_dagster.store.queries import load

_SQL = load("closings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Rows that status posts closed, and rows that are open because no status post closes them any more."""

    closed: int
    reopened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """What changed in a channel of a projection: codes (as compared) and message ids to look at again."""

    projection: str
    channel_id: int
    codes: Sequence[str]
    message_ids: Sequence[int]


def settle(connection: Connection, changed: Unsettled, at: datetime) -> Settled:
    """Decide again for the rows with these codes or of these messages; the channel's lock has to be held."""
    return _settle(connection, changed, at, every=False)


def settle_channel(connection: Connection, projection: str, channel_id: int, at: datetime) -> Settled:
    """Decide for every row of a channel, in time that grows with their number."""
    whole = Unsettled(projection=projection, channel_id=channel_id, codes=(), message_ids=())
    return _settle(connection, whole, at, every=True)


def delete_messages(
    connection: Connection, channel_id: int, message_ids: Sequence[int], at: datetime
) -> None:
    """Close what these messages showed, and open what only they had closed, in every projection."""
    params = {"channel_id": channel_id, "message_ids": list(message_ids), "at": at}
    for projection, codes, ids in connection.execute(_SQL["delete_messages"], params).fetchall():
        changed = Unsettled(projection=projection, channel_id=channel_id, codes=codes, message_ids=ids)
        settle(connection, changed, at)


def _settle(connection: Connection, changed: Unsettled, at: datetime, *, every: bool) -> Settled:
    params = {
        "version": changed.projection,
        "channel_id": changed.channel_id,
        "codes": list(changed.codes),
        "message_ids": list(changed.message_ids),
        "every": every,
        "at": at,
    }
    # Planned for these values: a plan for any would read all rows of a channel to find three.
    ((closed, reopened),) = connection.execute(_SQL["settle"], params, prepare=False).fetchall()
    return Settled(closed=closed, reopened=reopened)
