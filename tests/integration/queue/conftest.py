"""The store's small world, for tests of workers on it."""

from tests.integration.store.conftest import world

__all__ = ["world"]
