"""How well outcomes agree with a gold set: a verdict for every field of every post, and sums of them.

It takes outcomes however they were come by; None stands for a post that got no usable answer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from statistics import fmean
from typing import Any, Literal, TypeAlias

from tutordex_dagster.comparison.fields import BY_NAME, FIELDS, Field
from tutordex_dagster.extraction.contract import Extracted, Outcome, Skipped
from tutordex_dagster.extraction.gold import GoldPost

Ruling = Literal["right", "wrong", "missing", "invented"]
"""Agreed; both say something else; labelled but not found; found but not labelled."""

Judged: TypeAlias = Sequence[tuple[GoldPost, Outcome | None]]
"""Posts with the outcome to be judged."""

OUTCOME, CLOSES, MEAN = Field("outcome", "code"), Field("closes", "set"), "mean"
SCORED = (OUTCOME, *FIELDS, CLOSES)
"""What is scored, in the order of the reports: is it an assignment at all, its fields, what it closes."""

_CODE = BY_NAME["assignment_code"]
_Segment: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One answer to one question; `labelled` is false where nothing was to be found."""

    post: GoldPost
    field: str
    ruling: Ruling
    labelled: bool
    expected: Any
    given: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldScore:
    """The sum over one field: `score` is 0 to 1, the rest are counts.

    `found` of the `labelled` were read right; the others were `wrong` or `missing`. The score is the share
    of right answers, an empty one where nothing is labelled among them; that of slots is F1.
    """

    field: str
    score: float
    labelled: int
    found: int
    wrong: int
    missing: int
    invented: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCard:
    """What one version scored on one gold set (`gold` is its digest), at an aware instant."""

    version: str
    fingerprint: str
    gold: str
    scored_at: datetime
    posts: int
    fields: tuple[FieldScore, ...]

    @property
    def mean(self) -> float:
        """The mean over the fields, each counting the same."""
        return fmean(each.score for each in self.fields)

    @property
    def scores(self) -> dict[str, float]:
        """The mean first, then every field by name."""
        return {MEAN: self.mean, **{each.field: each.score for each in self.fields}}


def score(judged: Judged) -> tuple[FieldScore, ...]:
    """Return the score of every field, in the order of `SCORED`."""
    by_field: dict[str, list[Verdict]] = {field.name: [] for field in SCORED}
    for verdict in verdicts(judged):
        by_field[verdict.field].append(verdict)
    return tuple(_sum(field, by_field[field.name]) for field in SCORED)


def score_by_agency(judged: Judged) -> dict[str, tuple[int, float]]:
    """Return the number of posts and the mean score of each agency, the worst first."""
    groups: dict[str, list[tuple[GoldPost, Outcome | None]]] = {}
    for post, outcome in judged:
        groups.setdefault(post.agency, []).append((post, outcome))
    means = {
        agency: (len(each), fmean(field.score for field in score(each))) for agency, each in groups.items()
    }
    return dict(sorted(means.items(), key=lambda item: (item[1][1], item[0])))


def disagreements(judged: Judged, field: str) -> list[Verdict]:
    """Return the verdicts on one field that are not right, in the order of the posts."""
    return [each for each in verdicts(judged) if each.field == field and each.ruling != "right"]


def verdicts(judged: Judged) -> Iterator[Verdict]:
    """Judge every field of every assignment: one verdict each, of slots one for each slot.

    Assignments are paired by code, then in order. Each one too many or too few is judged against nothing.
    """
    for post, outcome in judged:
        yield _judge(post, OUTCOME, _what(post.expected), _what(outcome))
        for expected, given in _pairs(_segments(post.expected), _segments(outcome)):
            for field in FIELDS:
                judge = _judge_slots if field.kind == "slots" else _judge_once
                yield from judge(post, field, field.of(expected), field.of(given))
        closed, read = _closed(post.expected), _closed(outcome)
        if closed or read or _what(post.expected) == "status":
            yield _judge(post, CLOSES, closed, read)


def _judge_once(post: GoldPost, field: Field, expected: Any, given: Any) -> Iterator[Verdict]:  # noqa: ANN401 - JSON
    yield _judge(post, field, expected, given)


def _judge_slots(post: GoldPost, field: Field, expected: Any, given: Any) -> Iterator[Verdict]:  # noqa: ANN401 - JSON
    """Judge slot by slot: half a week read right is worth half."""
    labelled, read = _slots(field, expected), _slots(field, given)
    for slot in sorted(labelled | read):
        ruling: Ruling = "invented" if slot not in labelled else "right" if slot in read else "missing"
        yield Verdict(
            post=post,
            field=field.name,
            ruling=ruling,
            labelled=slot in labelled,
            expected=" ".join(slot) if slot in labelled else None,
            given=" ".join(slot) if slot in read else None,
        )


def _slots(field: Field, value: Any) -> frozenset[tuple[str, str, str]]:  # noqa: ANN401 - JSON
    key = field.key(value)
    return key if isinstance(key, frozenset) else frozenset()


def _judge(post: GoldPost, field: Field, expected: Any, given: Any) -> Verdict:  # noqa: ANN401 - JSON
    left, right = field.key(expected), field.key(given)
    ruling: Ruling
    if left is None or right is None:
        ruling = "right" if left is right else "invented" if left is None else "missing"
    else:
        ruling = "right" if field.agrees(left, right) else "wrong"
    return Verdict(
        post=post,
        field=field.name,
        ruling=ruling,
        labelled=left is not None,
        expected=expected,
        given=given,
    )


def _what(outcome: Outcome | None) -> str | None:
    match outcome:
        case Extracted(kind=kind):
            return kind
        case Skipped(reason=reason):
            return reason
    return None


def _segments(outcome: Outcome | None) -> list[_Segment]:
    segments = outcome.segments if isinstance(outcome, Extracted) else ()
    return [segment.model_dump(mode="json") for segment in segments]


def _closed(outcome: Outcome | None) -> list[str]:
    return [*outcome.closes.codes, *outcome.closes.links] if isinstance(outcome, Skipped) else []


def _pairs(expected: list[_Segment], given: list[_Segment]) -> Iterator[tuple[_Segment, _Segment]]:
    left = list(given)
    alone: list[_Segment] = []
    for segment in expected:
        code = _CODE.key(_CODE.of(segment))
        twin = next((each for each in left if code is not None and _CODE.key(_CODE.of(each)) == code), None)
        if twin is None:
            alone.append(segment)
        else:
            left.remove(twin)
            yield segment, twin
    yield from zip_longest(alone, left, fillvalue={})


def _sum(field: Field, judged: Iterable[Verdict]) -> FieldScore:
    listed = list(judged)
    counts = Counter(each.ruling for each in listed)
    labelled = sum(each.labelled for each in listed)
    found = sum(each.labelled and each.ruling == "right" for each in listed)
    wrong, missing, invented = counts["wrong"], counts["missing"], counts["invented"]
    if field.kind == "slots":
        right, all_of_them = 2 * found, 2 * found + missing + invented
    else:
        right, all_of_them = counts["right"], len(listed)
    return FieldScore(
        field=field.name,
        score=right / all_of_them if all_of_them else 1.0,
        labelled=labelled,
        found=found,
        wrong=wrong,
        missing=missing,
        invented=invented,
    )
