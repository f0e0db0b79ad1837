"""Faults the loopback server commits on request: by call, and flood limits."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telethon.tl import TLRequest

from tests.mtproto.wire import RpcFail, encode

if TYPE_CHECKING:
    from tests.mtproto.connection import Connection

# Acts on a request (connection, message id, request); True lets the ordinary handler answer it.
Action = Callable[["Connection", int, TLRequest], Awaitable[bool]]
When = Callable[[TLRequest], bool]


def fault(
    *,
    error: tuple[int, str] | None = None,
    close: bool = False,
    cut: int | None = None,
    stall: bool = False,
    delay: float = 0.0,
    result: object = None,
) -> Action:
    """Return what to do with a request instead of, or before, answering it.

    Args:
        error: Answer with this error: code and text.
        close: Close the TCP connection.
        cut: Close it after so many bytes of the answer.
        stall: Never answer, while pings still are.
        delay: Wait so many seconds first.
        result: Answer with this object, or with what this function makes of the request.
    """

    async def act(connection: "Connection", msg_id: int, request: TLRequest) -> bool:
        await asyncio.sleep(delay)
        if error:
            raise RpcFail(*error)
        if close:
            connection.close()
        if result is not None:
            connection.result(msg_id, encode(result(request) if callable(result) else result))
        connection.cut_next = cut
        return not (close or stall or result is not None)

    return act


@dataclass(kw_only=True)
class _Rule:
    request: type
    action: Action
    when: When | None
    left: float


@dataclass(kw_only=True)
class _Limit:
    calls: int
    seconds: float
    served: deque[float] = field(default_factory=deque)


class Faults:
    """The faults waiting for their calls."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._limits: dict[type, _Limit] = {}

    def on(self, request: type, action: Action, *, times: float = 1, when: When | None = None) -> None:
        """Let the next `times` such requests (that `when` holds for) meet this action; `math.inf`: all."""
        self._rules.append(_Rule(request=request, action=action, when=when, left=times))

    def clear(self) -> None:
        """Forget every fault and limit."""
        self._rules.clear()
        self._limits.clear()

    def take(self, request: TLRequest) -> Action | None:
        """Return the action this request meets, and count it as used."""
        for rule in self._rules:
            if rule.left and isinstance(request, rule.request) and (rule.when is None or rule.when(request)):
                rule.left -= 1
                return rule.action
        return None

    def flood(self, request: type, calls: int, seconds: float) -> None:
        """Serve at most `calls` per any `seconds`; refuse others until the oldest leaves the window."""
        self._limits[request] = _Limit(calls=calls, seconds=seconds)

    def no_flood(self, request: type) -> None:
        """Lift the limit of this request."""
        self._limits.pop(request, None)

    def check_flood(self, request: TLRequest) -> None:
        """Count a call; raises RpcFail FLOOD_WAIT_n when it is one too many, which is not counted."""
        if not (limit := self._limits.get(type(request))):
            return
        now = time.monotonic()
        while limit.served and limit.served[0] <= now - limit.seconds:
            limit.served.popleft()
        if len(limit.served) >= limit.calls:
            oldest = limit.served[0] if limit.served else now
            raise RpcFail(420, f"FLOOD_WAIT_{math.ceil(oldest + limit.seconds - now)}")
        limit.served.append(now)
