"""Which of many disagreements a person is shown: a fair sample, the same one however often it is drawn."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from tutordex_dagster.comparison.judging import FieldJudged, Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two versions that say different things about one field of one post."""

    raw_id: int
    channel: str
    message_id: int
    field: str
    a: tuple[Any, ...]
    b: tuple[Any, ...]

    @property
    def swapped(self) -> bool:
        """Tell whether B stands on the left: who judges does not know which is which."""
        return _draw("side", self.raw_id, self.field) % 2 == 1


class Sample:
    """Keeps at most `size` disagreements of every field: those whose hashes are the smallest."""

    def __init__(self, size: int, *, unjudged: bool = False) -> None:
        """Keep so many of a field; with `unjudged`, only those nobody has labelled yet."""
        self._size = size
        self._unjudged = unjudged
        self._kept: dict[str, list[tuple[int, int, Disagreement]]] = {}

    def add(self, judged: Judged) -> None:
        """Offer the disagreements of one post."""
        for each in judged.fields:
            if each.equal is False and not (self._unjudged and each.verdict):
                self._offer(judged, each)

    def __iter__(self) -> Iterator[Disagreement]:
        """Yield what was kept, field by field, by raw id."""
        for kept in self._kept.values():
            yield from sorted((entry[2] for entry in kept), key=lambda each: each.raw_id)

    def _offer(self, judged: Judged, each: FieldJudged) -> None:
        pair, name = judged.pair, each.field.name
        kept = self._kept.setdefault(name, [])
        place = -_draw("sample", pair.raw_id, name)
        if len(kept) == self._size and place <= kept[0][0]:
            return
        found = Disagreement(
            raw_id=pair.raw_id,
            channel=pair.channel,
            message_id=pair.message_id,
            field=name,
            a=each.a,
            b=each.b,
        )
        entry = (place, pair.raw_id, found)
        if len(kept) < self._size:
            heapq.heappush(kept, entry)
        else:
            heapq.heapreplace(kept, entry)


def _draw(purpose: str, raw_id: int, field: str) -> int:
    digest = blake2b(f"{purpose}:{raw_id}:{field}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
