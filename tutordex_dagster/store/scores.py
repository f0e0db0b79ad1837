"""What the pipeline versions scored on labelled posts, and when."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from tutordex_dagster.comparison.scoring import FieldScore, ScoreCard
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load

_SQL = load("scores")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """That a version, as this fingerprint, was scored on the gold set of this digest."""

    version: str
    fingerprint: str
    gold: str


class Scores:
    """The table of scores; rows are only added."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, card: ScoreCard) -> None:
        """Keep what a version scored."""
        params = {
            "version": card.version,
            "fingerprint": card.fingerprint,
            "gold": card.gold,
            "scored_at": card.scored_at,
            "posts": card.posts,
            "fields": Jsonb([asdict(each) for each in card.fields]),
        }
        self._db.execute(_SQL["add"], params)

    def cards(self, versions: Collection[str], *, gold: str) -> list[ScoreCard]:
        """Return everything these versions ever scored on one gold set, oldest first."""
        params = {"versions": list(versions), "gold": gold}
        return [_card(row) for row in self._db.fetch(_SQL["cards"], params, dict_row)]

    def scored(self) -> set[Scored]:
        """Return what was scored at all."""
        return set(self._db.fetch(_SQL["scored"], {}, class_row(Scored)))


def _card(row: dict[str, Any]) -> ScoreCard:
    fields = tuple(FieldScore(**each) for each in row.pop("fields"))
    return ScoreCard(**row, fields=fields)
