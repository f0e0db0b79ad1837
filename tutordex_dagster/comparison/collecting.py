"""One pass over all posts: counted, written side by side, and sampled for people."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tutordex_dagster.comparison.contract import Pair
from tutordex_dagster.comparison.judging import judge
from tutordex_dagster.comparison.samples import Sample
from tutordex_dagster.comparison.side_by_side import SideBySide
from tutordex_dagster.comparison.tally import Tally

SHOWN = 25
"""Disagreements of each field on the page."""

TO_JUDGE = 10
"""Disagreements of each field that nobody has judged yet on the sheet for a person."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What is left of the posts after they went by."""

    tally: Tally = field(default_factory=Tally)
    shown: Sample = field(default_factory=lambda: Sample(SHOWN))
    to_judge: Sample = field(default_factory=lambda: Sample(TO_JUDGE, unjudged=True))

    @property
    def raw_ids(self) -> list[int]:
        """Return the posts whose texts are needed."""
        return sorted({each.raw_id for sample in (self.shown, self.to_judge) for each in sample})


def collect(pairs: Iterable[Pair], rows: SideBySide) -> Collected:
    """Judge every pair once. Memory does not grow with their number, so hand in a generator."""
    collected = Collected()
    for pair in pairs:
        judged = judge(pair)
        collected.tally.add(judged)
        collected.shown.add(judged)
        collected.to_judge.add(judged)
        rows.write(judged)
    return collected
