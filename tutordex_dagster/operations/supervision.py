"""Programs that are started again when they die, until they die too often."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tutordex_dagster.errors import PermanentError
from tutordex_dagster.operations.processes import Child, Program

_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 300.0
_LONGEST_PROGRAM_PAUSE_SECONDS = 30.0
"""Of a program on this machine, which nobody else can overload: nothing happens while it is away."""
_SOUND_AFTER_SECONDS = 60.0
"""A program that lived so long is no longer failing at its start: counting begins anew."""


@dataclass(slots=True, kw_only=True)
class Restarts:
    """How often in a row something was started again, of at most `limit` times; pauses in seconds."""

    limit: int
    longest_pause: float = _LONGEST_PAUSE_SECONDS
    in_a_row: int = 0

    def pause_after(self, lived_seconds: float) -> float | None:
        """Count an end and return the seconds until the next start: 5, 10, 20 … longest; None: no more."""
        if lived_seconds >= _SOUND_AFTER_SECONDS:
            self.in_a_row = 0
        if self.in_a_row >= self.limit:
            return None
        doubled: float = _FIRST_PAUSE_SECONDS * 2**self.in_a_row
        self.in_a_row += 1
        return min(doubled, self.longest_pause)


class Supervised:
    """A program and the process that runs it now, if one does."""

    def __init__(
        self,
        program: Program,
        environment: Mapping[str, str],
        *,
        max_restarts: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.program = program
        self._environment = environment
        self._restarts = Restarts(limit=max_restarts, longest_pause=_LONGEST_PROGRAM_PAUSE_SECONDS)
        self._monotonic = monotonic
        self._began = monotonic()
        self._again_at: float | None = None
        self._children = [Child(program, environment)]

    @property
    def children(self) -> Sequence[Child]:
        """Return every process that may have left something behind, the present one last.

        What a dead program started goes on: a run need not end because its code server did.
        """
        return self._children

    def look(self) -> str | None:
        """Start the program again when it is time; return a line about what changed since the last look.

        Raises PermanentError when it died more often than it may.
        """
        now = self._monotonic()
        if self._again_at is None:
            return self._note_end(now) if self._children[-1].exit_code() is not None else None
        if now < self._again_at:
            return None
        self._children = [child for child in self._children if not child.group_is_gone()]
        self._children.append(Child(self.program, self._environment))
        self._began, self._again_at = now, None
        return f"{self.program.name}: started again"

    def _note_end(self, now: float) -> str:
        reason = ended(self._children[-1])
        pause = self._restarts.pause_after(now - self._began)
        if pause is None:
            raise PermanentError(f"{reason}, then start again")
        self._again_at = now + pause
        return f"{reason}. It starts again in {pause:.0f} s."


def ended(child: Child) -> str:
    """Say how a program ended, with its last words and where the others are."""
    name, log = child.program.name, child.program.log
    return f"{name}: ended with exit code {child.exit_code()} ({child.last_line()}); read {log}"
