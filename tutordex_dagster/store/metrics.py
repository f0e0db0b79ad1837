"""Metrics in Postgres: every process adds to the same rows."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from typing_extensions import override

from tutordex_dagster.errors import TutorDexError
from tutordex_dagster.resilience.metrics import Metrics, Sample, observation
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.queries import load
from tutordex_dagster.windows import Clock, utc_now

log = logging.getLogger(__name__)

_SQL = load("metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric as it stands."""

    name: str
    labels: Mapping[str, str]
    value: float
    updated_at: datetime


class PostgresMetrics(Metrics):
    """The table of metrics. A write that fails is only logged: work goes on and shows its own errors."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    @override
    def count(self, name: str, by: float = 1, **labels: str) -> None:
        self._add([Sample(name=name, labels=labels, value=by)])

    @override
    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._write(_SQL["set"], name, {"name": name, "labels": Jsonb(labels), "value": value})

    @override
    def observe(self, name: str, value: float, **labels: str) -> None:
        self._add(observation(name, value, labels))

    def all(self) -> list[MetricRow]:
        """Return every metric, by name and labels."""
        return self._db.fetch(_SQL["all"], {}, class_row(MetricRow))

    def _add(self, samples: Sequence[Sample]) -> None:
        params = {
            "names": [sample.name for sample in samples],
            "labels": [Jsonb(sample.labels) for sample in samples],
            "values": [float(sample.value) for sample in samples],
        }
        self._write(_SQL["add"], samples[0].name, params)

    def _write(self, query: LiteralString, name: str, params: Mapping[str, object]) -> None:
        try:
            self._db.execute(query, {**params, "at": self._clock()})
        except TutorDexError as error:
            log.warning("event=metric_not_written name=%s error=%s", name, error)
