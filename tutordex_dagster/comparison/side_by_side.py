"""`side_by_side.csv`: a row a post, every field as A has it, as B has it, and whether that is the same."""

from collections.abc import Iterator
from typing import TextIO

from tutordex_dagster.comparison.cells import safe, sheet, shown
from tutordex_dagster.comparison.contract import Arm, End
from tutordex_dagster.comparison.fields import FIELDS
from tutordex_dagster.comparison.judging import FieldJudged, Judged
from tutordex_dagster.comparison.tally import prompt_of

_POST = ("raw_id", "channel", "message_id", "posted_at")
_ARM = ("version", "fingerprint", "prompt", "outcome", "reason")


class SideBySide:
    """Writes the rows one by one; `eq` is 1, 0, or empty where one of the two found no assignment."""

    def __init__(self, file: TextIO, a: Arm, b: Arm) -> None:
        self._writer = sheet(file)
        self._arms = a, b
        self._writer.writerow(
            [
                *_POST,
                *(f"{name}_{side}" for side in "ab" for name in _ARM),
                *(f"{field.name}_{part}" for field in FIELDS for part in ("a", "b", "eq")),
            ]
        )

    def write(self, judged: Judged) -> None:
        """Write one post."""
        pair = judged.pair
        a, b = self._arms
        self._writer.writerow(
            [
                pair.raw_id,
                pair.channel,
                pair.message_id,
                pair.posted_at.isoformat(),
                *_end(a, pair.a),
                *_end(b, pair.b),
                *(cell for each in judged.fields for cell in _field(each)),
            ]
        )


def _end(arm: Arm, end: End) -> Iterator[str]:
    yield arm.version
    yield arm.fingerprint
    yield prompt_of(end.meta) or ""
    yield end.status
    yield end.reason or end.error_class or ""


def _field(each: FieldJudged) -> Iterator[str]:
    left = safe(shown(each.a))
    yield left
    yield left if each.a == each.b else safe(shown(each.b))
    yield "" if each.equal is None else str(int(each.equal))
