"""What every store of breakers and paces has to hold; run on memory and on Postgres."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tutordex_dagster.resilience.breaker import Breaker, BreakerStore
from tutordex_dagster.resilience.pacing import Pace, PaceStore

NOW = datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC)

HALF_OPEN = Breaker(
    state="half_open",
    failures=(NOW - timedelta(seconds=2), NOW),
    opened_at=NOW,
    reason="no answer",
    probe_token=uuid4(),
    probe_expires_at=NOW + timedelta(seconds=60),
)

FLOODED = Pace(
    recent=(NOW, NOW + timedelta(seconds=1)),
    allowed=6.4,
    flooded_until=NOW + timedelta(seconds=30),
    changed_at=NOW,
)


def _writes(new: Breaker) -> Callable[[Breaker], tuple[Breaker, str]]:
    return lambda _: (new, "told")


class BreakerStoreContract:
    """Inherited by the tests of one store, whose module gives the fixture `store`."""

    def test_a_breaker_nobody_wrote_is_closed(self, store: BreakerStore) -> None:
        assert store.read("telegram") == Breaker()
        assert store.update("telegram", lambda breaker: (breaker, breaker)) == Breaker()

    def test_a_breaker_comes_back_as_it_was_written(self, store: BreakerStore) -> None:
        for written in (HALF_OPEN, Breaker(failures=(NOW,), reason="reset by peer"), Breaker()):
            assert store.update("telegram", _writes(written)) == "told"
            assert store.read("telegram") == written
            assert store.update("telegram", lambda breaker: (breaker, breaker)) == written

    def test_breakers_of_other_components_are_left_alone(self, store: BreakerStore) -> None:
        store.update("telegram", lambda _: (HALF_OPEN, None))
        assert store.read("other") == Breaker()
        store.update("other", lambda _: (Breaker(), None))
        assert store.read("telegram") == HALF_OPEN


class PaceStoreContract:
    """Inherited by the tests of one store, whose module gives the fixture `store`."""

    def test_a_pace_nobody_saved_is_none(self, store: PaceStore) -> None:
        assert store.load("abc", "GetHistoryRequest") is None

    def test_a_pace_comes_back_as_it_was_saved(self, store: PaceStore) -> None:
        for saved in (FLOODED, Pace(allowed=math.inf, changed_at=NOW), FLOODED):
            store.save("abc", "GetHistoryRequest", saved)
            assert store.load("abc", "GetHistoryRequest") == saved

    def test_every_method_of_every_session_has_its_own_pace(self, store: PaceStore) -> None:
        store.save("abc", "GetHistoryRequest", FLOODED)
        assert store.load("abc", "ResolveUsernameRequest") is None
        assert store.load("def", "GetHistoryRequest") is None
