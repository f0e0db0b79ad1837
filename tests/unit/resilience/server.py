"""A server that counts calls when they arrive and answers with a flood wait beyond its limit."""

import asyncio
import math
from collections import deque
from random import Random

from tests.unit.resilience.virtual_time import seconds


class LimitedServer:
    """Takes `calls` in any `window` seconds. A call takes less than a second, arriving somewhere in it.

    `floods` holds when a call beyond the limit arrived, `arrivals` when any other did.
    """

    def __init__(self, calls: int, window: float, seed: int) -> None:
        self.calls = calls
        self.window = window
        self.random = Random(seed)  # noqa: S311 - delays, no secrets
        self.arrivals: list[float] = []
        self.floods: list[float] = []
        self._counted: deque[float] = deque()

    async def call(self) -> int | None:
        """Make a call; return the seconds to wait if it was one too many.

        What was sent arrives, even if the caller dies before it gets the answer.
        """
        latency = self.random.uniform(0, 0.999)
        way = self.random.uniform(0, latency)
        loop = asyncio.get_running_loop()
        answer: list[int | None] = []
        loop.call_later(way, lambda: answer.append(self._arrive()))
        await asyncio.sleep(latency + 1e-6)
        return answer[0]

    def _arrive(self) -> int | None:
        now = seconds()
        while self._counted and self._counted[0] <= now - self.window:
            self._counted.popleft()
        if len(self._counted) >= self.calls:
            self.floods.append(now)
            return math.ceil(self._counted[0] + self.window - now)
        self._counted.append(now)
        self.arrivals.append(now)
        return None
