"""What the service behind `tutordex tail` is made of: its feed, its options, its tools."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from tutordex_dagster.capture.contract import EnqueueFor, FollowedLog, LiveSource
from tutordex_dagster.capture.tail import Followed, Pushed
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.resilience.metrics import DEDUPLICATED, FETCH_LAG, Metrics
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import Clock

State = Literal["following", "waiting", "retrying"]
"""following: all is well; waiting: another process has the session; retrying: something is away."""


class Feed(Protocol):
    """The channels to follow and the connection to their sources."""

    @property
    def live(self) -> bool:
        """Tell whether updates are pushed at all."""
        ...

    def channels(self) -> Sequence[Channel]:
        """Return the channels to follow now."""
        ...

    def source_for(self, channel: Channel) -> LiveSource:
        """Return the source of a channel; raises PermanentError or TransientError."""
        ...

    def sync(self) -> None:
        """Register channels that were newly listed; raises TransientError or UsageError."""
        ...

    def connected(self) -> bool:
        """Tell whether the connection stands."""
        ...

    def check(self, every: timedelta) -> None:
        """See whether the source answers unless it did within that time; raises as `reconnect` does."""
        ...

    def generation(self) -> int:
        """Return a number that grows with every new link; what happened between two links is never pushed."""
        ...

    def renewed(self) -> bool:
        """Tell whether the session is still ours."""
        ...

    def reconnect(self) -> None:
        """Connect anew; raises TransientError or PermanentError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TailOptions:
    """How often to look at what; `newest` posts of every channel are stored once at the start (0: none).

    `rescan` and `parallel` are as in `tail_round`.
    """

    check_every: timedelta
    connection_check_every: timedelta
    heartbeat_every: timedelta
    rescan: timedelta
    parallel: int
    newest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TailTools:
    """What the service works with.

    `take` waits up to so many seconds for a pushed update; `beat` tells others that the service lives, and
    raises TransientError when it cannot; `on_problem` is as in `tail_round`; `on_followed` hears of every
    success.
    """

    raw_log: FollowedLog
    enqueue: Sequence[EnqueueFor]
    clock: Clock
    take: Callable[[float], Pushed | None]
    beat: Callable[[State, Mapping[str, int]], None]
    on_problem: Callable[[Channel, PermanentError | None], None]
    on_followed: Callable[[Channel, Followed], None]
    stopping: Callable[[], bool]


@dataclass(slots=True, kw_only=True)
class Progress:
    """What the service did since its start, through all reconnects; `newest` are channels already read so."""

    counts: Counter[str] = field(default_factory=Counter)
    newest: set[int] = field(default_factory=set)


class Timer:
    """Tells when something is due that is done every so often; the first time at once."""

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._next: datetime | None = None

    def due(self, now: datetime) -> bool:
        """Tell whether it is due; then it is due again after its time."""
        if self._next is not None and now < self._next:
            return False
        self._next = now + self._every
        return True


def measure(metrics: Metrics, channel: Channel, followed: Followed, now: datetime) -> None:
    """Record how far behind its channel the latest message was when stored, and what was known already."""
    if followed.stored.known:
        metrics.count(DEDUPLICATED, followed.stored.known, source=channel.source_kind)
    if followed.newest_at:
        metrics.gauge(FETCH_LAG, (now - followed.newest_at).total_seconds(), chat=channel.reference)
