"""How fast calls may follow each other: a sliding window per kind of call, and the gate of a flood wait.

A window counts from the END of each call: whenever the server counted it on its way, it has left the server's
window by then. A flood wait shrinks the window, quiet time lets it grow back.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

SLOWER = 0.8
"""What is left of the allowed calls after a flood wait."""

QUIET = timedelta(minutes=10)
"""Time without a flood wait after which one more call is allowed."""

SAVE_EVERY = timedelta(seconds=1)
CLAIM = 2 * SAVE_EVERY
"""A saved claim covers the calls made until the next save, and a second for their way to the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacePolicy:
    """At most `calls` within `window`; what a method is allowed before any flood wait."""

    calls: float
    window: timedelta


UNLIMITED = PacePolicy(calls=math.inf, window=timedelta(0))
"""Only the gate of a flood wait applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one method stands: ends of its latest calls, calls allowed per window, and its flood wait.

    `changed_at` is when `allowed` last changed.
    """

    recent: tuple[datetime, ...] = ()
    allowed: float
    flooded_until: datetime | None = None
    changed_at: datetime


def recovered(pace: Pace, policy: PacePolicy, now: datetime) -> Pace:
    """Return the pace with one more call allowed for every ten minutes without change or flood wait."""
    quiet_since = max(pace.changed_at, pace.flooded_until or pace.changed_at)
    steps = max(0, (now - quiet_since) // QUIET)
    if pace.allowed + steps >= policy.calls:
        return replace(pace, allowed=policy.calls)
    return (
        replace(pace, allowed=pace.allowed + steps, changed_at=quiet_since + steps * QUIET) if steps else pace
    )


def next_call_at(pace: Pace, policy: PacePolicy, now: datetime) -> datetime:
    """Return when the next call may begin, not before now.

    Ends more than a claim ahead of now were written before the clock was set back: they do not count.
    """
    pace = recovered(pace, policy, now)
    at = max(now, pace.flooded_until or now)
    counted = sorted(end for end in pace.recent if now - policy.window < end <= now + CLAIM)
    if len(counted) + 1 <= pace.allowed:
        return at
    return max(at, counted[len(counted) - int(pace.allowed)] + policy.window)


def after_call(pace: Pace, policy: PacePolicy, now: datetime) -> Pace:
    """Return the pace after a call that ended now."""
    ends = (*pace.recent, now)
    return replace(
        recovered(pace, policy, now), recent=tuple(end for end in ends if end > now - policy.window)
    )


def after_flood(pace: Pace, policy: PacePolicy, now: datetime, seconds: float) -> Pace:
    """Return the pace after an answer that asked to wait: fewer calls from now on, and none before."""
    until = now + timedelta(seconds=max(1.0, seconds))
    return replace(
        pace,
        allowed=max(1.0, recovered(pace, policy, now).allowed * SLOWER),
        flooded_until=max(until, pace.flooded_until or until),
        changed_at=now,
    )


def claimed(pace: Pace, policy: PacePolicy, now: datetime) -> Pace:
    """Return the pace as if every allowed call would still be made: what is stored while calls are made.

    A process that dies leaves this behind, so its successor waits for calls whose ends nobody wrote down.
    """
    if math.isinf(policy.calls):
        return pace
    return replace(pace, recent=(now + CLAIM,) * int(recovered(pace, policy, now).allowed))


class PaceStore(Protocol):
    """Where paces outlive a process."""

    def load(self, session: str, method: str) -> Pace | None:
        """Return the pace of a method of a session; None when none was saved."""
        ...

    def save(self, session: str, method: str, pace: Pace) -> None:
        """Keep the pace in place of an earlier one."""
        ...
