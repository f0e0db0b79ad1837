"""Metrics in Postgres: counted together by many, and never in the way of work."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tutordex_dagster.resilience.metrics import FETCH_BOUNDS, FETCH_DURATION
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.metrics import MetricRow, PostgresMetrics

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


def values(metrics: PostgresMetrics) -> dict[str, float]:
    """Return the metrics as `name{label=value}` → value."""
    return {
        f"{row.name}{{{','.join(f'{key}={row.labels[key]}' for key in sorted(row.labels))}}}": row.value
        for row in metrics.all()
    }


def test_counters_add_up_for_each_set_of_labels(world: "World") -> None:
    metrics = PostgresMetrics(world.db, clock=world.clock)
    metrics.count("retries_total", target="telegram", reason="timeout")
    metrics.count("retries_total", by=3, reason="timeout", target="telegram")
    metrics.count("retries_total", target="telegram", reason="reset")
    metrics.count("plain_total")
    assert values(metrics) == {
        "retries_total{reason=timeout,target=telegram}": 4,
        "retries_total{reason=reset,target=telegram}": 1,
        "plain_total{}": 1,
    }


def test_a_gauge_shows_the_latest_value_and_when_it_was_written(world: "World") -> None:
    metrics = PostgresMetrics(world.db, clock=world.clock)
    metrics.gauge("breaker_state", 1, component="telegram")
    world.clock.forward(seconds=5)
    metrics.gauge("breaker_state", 0, component="telegram")
    newest = MetricRow(
        name="breaker_state", labels={"component": "telegram"}, value=0, updated_at=world.clock()
    )
    assert metrics.all() == [newest]
    world.clock.forward(seconds=-3)
    metrics.gauge("breaker_state", 2, component="telegram")
    assert metrics.all() == [newest]


def test_an_observation_is_counted_in_every_bucket_up_to_infinity(world: "World") -> None:
    metrics = PostgresMetrics(world.db, clock=world.clock)
    metrics.observe(FETCH_DURATION, 0.4, chat="t.me/a")
    metrics.observe(FETCH_DURATION, 45, chat="t.me/a")
    found = values(metrics)
    buckets = [found[f"fetch_duration_seconds_bucket{{chat=t.me/a,le={bound:g}}}"] for bound in FETCH_BOUNDS]
    assert buckets == [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2]
    assert found["fetch_duration_seconds_bucket{chat=t.me/a,le=+Inf}"] == 2
    assert found["fetch_duration_seconds_count{chat=t.me/a}"] == 2
    assert found["fetch_duration_seconds_sum{chat=t.me/a}"] == pytest.approx(45.4)


def test_writers_at_the_same_time_lose_nothing(database: Database) -> None:
    metrics = PostgresMetrics(database)

    def write(number: int) -> None:
        metrics.count("retries_total", target="telegram")
        metrics.observe(FETCH_DURATION, number % 3, chat="t.me/a")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(80)))
    found = values(metrics)
    assert found["retries_total{target=telegram}"] == 80
    assert found["fetch_duration_seconds_count{chat=t.me/a}"] == 80
    assert found["fetch_duration_seconds_bucket{chat=t.me/a,le=+Inf}"] == 80


def test_a_database_that_is_away_is_logged_and_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none")
    metrics = PostgresMetrics(nowhere)
    metrics.count("retries_total", target="telegram")
    metrics.gauge("breaker_state", 1, component="telegram")
    metrics.observe(FETCH_DURATION, 1, chat="t.me/a")
    names = [line.partition("event=metric_not_written name=")[2].split()[0] for line in caplog.messages]
    assert names == ["retries_total", "breaker_state", "fetch_duration_seconds_bucket"]
