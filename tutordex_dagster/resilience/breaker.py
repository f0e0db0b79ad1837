"""The circuit breaker: after too many failures nobody calls for a while, then one probe finds out.

One that was stopped lets no probe through: calling again cannot help until a person has changed something.

The record is shared by all processes; its transitions are pure functions, applied under a lock of the store.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar
from uuid import UUID, uuid4

from tutordex_dagster.resilience.errors import BreakerOpen, BreakerStopped
from tutordex_dagster.resilience.metrics import BREAKER_OPENED, BREAKER_STATE, Metrics, NoMetrics
from tutordex_dagster.windows import Clock, utc_now

log = logging.getLogger(__name__)

T = TypeVar("T")

BreakerState = Literal["closed", "open", "half_open", "stopped"]

STATE_VALUE: Mapping[BreakerState, float] = {"closed": 0, "open": 1, "half_open": 2, "stopped": 3}
"""The states as values of the gauge BREAKER_STATE."""

_READ_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A breaker as it stands. `failures` are those within the window, or the ones that opened it.

    While it is half open, the holder of `probe_token` may make a call until `probe_expires_at`. The service
    asked for no call before `not_before`.
    """

    state: BreakerState = "closed"
    failures: tuple[datetime, ...] = ()
    opened_at: datetime | None = None
    reason: str | None = None
    probe_token: UUID | None = None
    probe_expires_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """Opens at `threshold` failures within `window`; lets a probe through after `open_timeout`.

    A probe that has not reported after `probe_timeout` is given up and another may be made: it has to be
    longer than one call can take.
    """

    window: timedelta
    threshold: int
    open_timeout: timedelta
    probe_timeout: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether a call may be made: as the probe `token`, if any, not before `refused_until`, if set.

    None is made as long as it is `stopped`.
    """

    token: UUID | None = None
    refused_until: datetime | None = None
    stopped: bool = False


def admitted(
    breaker: Breaker, policy: BreakerPolicy, now: datetime, new_token: Callable[[], UUID]
) -> tuple[Breaker, Admission]:
    """Return the breaker after somebody asked to call, and whether it may."""
    if breaker.state == "stopped":
        return breaker, Admission(stopped=True)
    until = next_probe_at(breaker, policy)
    if until is None:
        return breaker, Admission()
    if now < until:
        return breaker, Admission(refused_until=until)
    token = new_token()
    probed = replace(
        breaker, state="half_open", probe_token=token, probe_expires_at=now + policy.probe_timeout
    )
    return probed, Admission(token=token)


def succeeded(breaker: Breaker, token: UUID) -> Breaker:
    """Return the breaker after this probe was answered: closed, unless another probe took its place."""
    return Breaker() if breaker.probe_token == token else breaker


def returned(breaker: Breaker, token: UUID) -> Breaker:
    """Return the breaker after this probe was not made: open as before, and anybody may probe at once."""
    if breaker.probe_token != token:
        return breaker
    return replace(breaker, state="open", probe_token=None, probe_expires_at=None)


def failed(
    breaker: Breaker,
    policy: BreakerPolicy,
    now: datetime,
    *,
    reason: str,
    token: UUID | None,
    not_before: datetime | None = None,
) -> Breaker:
    """Return the breaker after a call failed; `not_before` is what the service asked for.

    A closed one opens when that makes too many or when the service asked for a pause, a half-open one when
    this was its probe. Calls that began before it opened can only make its pause longer.
    """
    if breaker.state == "closed":
        failures = (*(at for at in breaker.failures if at > now - policy.window), now)
        if len(failures) < policy.threshold and not_before is None:
            return Breaker(failures=failures, reason=reason)
        return Breaker(state="open", failures=failures, opened_at=now, reason=reason, not_before=not_before)
    if token is not None and breaker.probe_token == token:
        return Breaker(
            state="open", failures=breaker.failures, opened_at=now, reason=reason, not_before=not_before
        )
    if breaker.state == "open" and not_before and (breaker.not_before or now) < not_before:
        return replace(breaker, not_before=not_before)
    return breaker


def stopped(now: datetime, *, reason: str) -> Breaker:
    """Return the breaker after a call proved that none can succeed until a person changes something."""
    return Breaker(state="stopped", opened_at=now, reason=reason)


def obstacle(component: str, breaker: Breaker, policy: BreakerPolicy, now: datetime) -> str | None:
    """Say in plain words why no call may be made now, or None; a probe that is due is no obstacle."""
    if breaker.state == "stopped":
        return (
            f"{component} is stopped ({breaker.reason}); once put right: tutordex breaker reset {component}"
        )
    until = next_probe_at(breaker, policy)
    if until is None or now >= until:
        return None
    return f"{component} is paused until {until:%Y-%m-%d %H:%M:%S} UTC ({breaker.reason})"


def next_probe_at(breaker: Breaker, policy: BreakerPolicy) -> datetime | None:
    """Return when the next probe may be made; None when calls pass freely."""
    if breaker.state == "half_open" and breaker.probe_expires_at is not None:
        return breaker.probe_expires_at
    if breaker.opened_at is None:
        return None
    after = breaker.opened_at + policy.open_timeout
    return max(after, breaker.not_before or after)


class BreakerStore(Protocol):
    """Where breakers are kept, by the name of the component they guard."""

    def update(self, component: str, change: Callable[[Breaker], tuple[Breaker, T]]) -> T:
        """Replace the breaker by the first thing `change` makes of it, and return the second.

        No other change of this breaker comes between. One that is not kept yet is closed.
        """
        ...

    def read(self, component: str) -> Breaker:
        """Return the breaker, a closed one if none is kept."""
        ...


class CircuitBreaker:
    """The breaker of one component as its callers use it: ask to be admitted, call, report how it went.

    Safe between threads. Every method may raise what its store raises.
    """

    def __init__(
        self,
        component: str,
        *,
        store: BreakerStore,
        policy: BreakerPolicy,
        clock: Clock = utc_now,
        metrics: Metrics | None = None,
        new_token: Callable[[], UUID] = uuid4,
    ) -> None:
        self.component = component
        self._store = store
        self._policy = policy
        self._clock = clock
        self._metrics = metrics or NoMetrics()
        self._new_token = new_token
        self._read: tuple[datetime, Breaker] | None = None

    @property
    def window(self) -> timedelta:
        """Return within what time failures count together."""
        return self._policy.window

    def admit(self) -> UUID | None:
        """Return None for an ordinary call, the token of a probe.

        What was read less than a second ago is not read again. Raises BreakerOpen when no call may be made
        for a while, BreakerStopped when none may be made until a person did something.
        """
        now = self._clock()
        known = self._known(now)
        after, admission = admitted(known, self._policy, now, self._new_token)
        if after != known:  # a probe is due; the store decides whose it is
            admission = self._change(lambda b: admitted(b, self._policy, now, self._new_token))
        if admission.stopped:
            raise BreakerStopped(
                f"{self.component} is stopped ({known.reason}); once put right:"
                f" tutordex breaker reset {self.component}"
            )
        if admission.refused_until is not None:
            raise BreakerOpen(
                f"{self.component}: no calls after repeated failures ({known.reason});"
                f" they go on by themselves after {admission.refused_until:%Y-%m-%d %H:%M:%S} UTC",
                until=admission.refused_until,
            )
        return admission.token

    def succeeded(self, token: UUID | None) -> None:
        """Report that the call was answered. Costs nothing unless it was a probe."""
        if token is not None:
            self._change(lambda b: (succeeded(b, token), None))

    def returned(self, token: UUID) -> None:
        """Give the token of a probe back that was not made: anybody may make one at once."""
        self._change(lambda b: (returned(b, token), None))

    def failed(self, reason: str, token: UUID | None, *, retry_after: timedelta | None = None) -> None:
        """Report that the call was not answered, why, and the pause the service asked for."""
        now = self._clock()
        until = None if retry_after is None else now + retry_after
        self._change(
            lambda b: (failed(b, self._policy, now, reason=reason, token=token, not_before=until), None)
        )

    def stop(self, reason: str) -> None:
        """Report that no call can succeed until a person changes something, and what."""
        now = self._clock()
        self._change(lambda _: (stopped(now, reason=reason), None))

    def obstacle(self) -> str | None:
        """Say in plain words why no call may be made now, or None; nothing is changed and no probe taken."""
        now = self._clock()
        return obstacle(self.component, self._known(now), self._policy, now)

    def _known(self, now: datetime) -> Breaker:
        if self._read is None or not now - _READ_EVERY <= self._read[0] <= now:
            self._read = (now, self._store.read(self.component))
        return self._read[1]

    def _change(self, change: Callable[[Breaker], tuple[Breaker, T]]) -> T:
        def keeping_both(before: Breaker) -> tuple[Breaker, tuple[Breaker, Breaker, T]]:
            after, answer = change(before)
            return after, (before, after, answer)

        before, after, answer = self._store.update(self.component, keeping_both)
        self._read = (self._clock(), after)
        if after.state != before.state:
            self._tell(after)
        return answer

    def _tell(self, breaker: Breaker) -> None:
        level = logging.WARNING if breaker.state in {"open", "stopped"} else logging.INFO
        log.log(
            level,
            "event=breaker_state component=%s state=%s reason=%s",
            self.component,
            breaker.state,
            breaker.reason or "-",
        )
        self._metrics.gauge(BREAKER_STATE, STATE_VALUE[breaker.state], component=self.component)
        if breaker.state == "open":
            self._metrics.count(BREAKER_OPENED, component=self.component)
