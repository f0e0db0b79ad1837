"""What one observation adds to its histogram."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.resilience.memory import MemoryMetrics
from tutordex_dagster.resilience.metrics import FETCH_BOUNDS, observation


def test_an_observation_counts_in_every_bucket_that_reaches_it() -> None:
    samples = observation("took", 2.0, {"chat": "t.me/a"}, bounds=(0.5, 2, 10))
    assert [(sample.name, sample.labels, sample.value) for sample in samples] == [
        ("took_bucket", {"chat": "t.me/a", "le": "0.5"}, 0),
        ("took_bucket", {"chat": "t.me/a", "le": "2"}, 1),
        ("took_bucket", {"chat": "t.me/a", "le": "10"}, 1),
        ("took_bucket", {"chat": "t.me/a", "le": "+Inf"}, 1),
        ("took_sum", {"chat": "t.me/a"}, 2.0),
        ("took_count", {"chat": "t.me/a"}, 1),
    ]


@given(values=st.lists(st.floats(0, 2000), max_size=20))
def test_buckets_hold_how_many_observations_lie_up_to_their_bound(values: list[float]) -> None:
    metrics = MemoryMetrics()
    for value in values:
        metrics.observe("took", value, chat="a")
    for bound in FETCH_BOUNDS:
        within = sum(value <= bound for value in values)
        assert metrics.value("took_bucket", chat="a", le=f"{bound:g}") == within
    assert metrics.value("took_bucket", chat="a", le="+Inf") == len(values)
    assert metrics.value("took_count", chat="a") == len(values)
    assert metrics.value("took_sum", chat="a") == pytest.approx(math.fsum(values))
