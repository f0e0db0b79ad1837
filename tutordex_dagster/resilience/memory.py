"""The stores of breakers, paces and metrics in memory: for one process that keeps nothing, and for tests."""

from collections import defaultdict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from typing_extensions import override

from tutordex_dagster.resilience.breaker import Breaker, BreakerStore
from tutordex_dagster.resilience.metrics import Metrics, observation
from tutordex_dagster.resilience.pacing import Pace, PaceStore

T = TypeVar("T")

Labels = tuple[tuple[str, str], ...]
"""Label names and values, sorted."""


class MemoryBreakers(BreakerStore):
    """Breakers by component. Safe between threads."""

    def __init__(self) -> None:
        self._breakers: dict[str, Breaker] = {}
        self._lock = Lock()

    @override
    def update(self, component: str, change: Callable[[Breaker], tuple[Breaker, T]]) -> T:
        with self._lock:
            self._breakers[component], answer = change(self._breakers.get(component, Breaker()))
        return answer

    @override
    def read(self, component: str) -> Breaker:
        return self._breakers.get(component, Breaker())


class MemoryPaces(PaceStore):
    """Paces by session and method."""

    def __init__(self) -> None:
        self._paces: dict[tuple[str, str], Pace] = {}

    @override
    def load(self, session: str, method: str) -> Pace | None:
        return self._paces.get((session, method))

    @override
    def save(self, session: str, method: str, pace: Pace) -> None:
        self._paces[session, method] = pace


class MemoryMetrics(Metrics):
    """Values by name and labels. Safe between threads."""

    def __init__(self) -> None:
        self.values: defaultdict[tuple[str, Labels], float] = defaultdict(float)
        self._lock = Lock()

    @override
    def count(self, name: str, by: float = 1, **labels: str) -> None:
        with self._lock:
            self.values[name, tuple(sorted(labels.items()))] += by

    @override
    def gauge(self, name: str, value: float, **labels: str) -> None:
        with self._lock:
            self.values[name, tuple(sorted(labels.items()))] = value

    @override
    def observe(self, name: str, value: float, **labels: str) -> None:
        for sample in observation(name, value, labels):
            self.count(sample.name, sample.value, **dict(sample.labels))

    def value(self, name: str, **labels: str) -> float:
        """Return the value of these very labels; 0 if none was written."""
        return self.values[name, tuple(sorted(labels.items()))]
