"""The stores in memory hold what the ones in Postgres hold."""

import pytest

from tests.unit.resilience.contracts import BreakerStoreContract, PaceStoreContract
from tutordex_dagster.resilience.memory import MemoryBreakers, MemoryPaces


class TestMemoryBreakers(BreakerStoreContract):
    """Breakers in memory."""

    @pytest.fixture
    def store(self) -> MemoryBreakers:
        return MemoryBreakers()


class TestMemoryPaces(PaceStoreContract):
    """Paces in memory."""

    @pytest.fixture
    def store(self) -> MemoryPaces:
        return MemoryPaces()
