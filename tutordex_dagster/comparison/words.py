"""The findings in plain words: what may be concluded, and what may not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tutordex_dagster.comparison.statistics import MANY_CLUSTERS

if TYPE_CHECKING:
    from tutordex_dagster.comparison.findings import FieldRow, FieldTest

_HITS = {
    "labelled": "is right more often",
    "adjudicated": "is right more often where the two differ",
    "coverage": "fills it more often, which is not the same as being right",
}
_CLAIMS = {
    "labelled": "is right more often on",
    "adjudicated": "is right more often, where the two differ, on",
    "coverage": "fills more often",
}


def points(share: float) -> str:
    """Write a difference in percentage points with its sign."""
    return f"{share * 100:+.1f}" if round(share * 100, 1) else "0.0"


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{share * 100:.1f} %"


def sentence(test: "FieldTest | None", *, alpha: float, labelled: int, differ: int, filled: int) -> str:
    """Say what one field shows; `labelled` posts have a label, at least one of the two fills it on `filled`.

    `alpha` is what a test of this page has to reach.
    """
    if test is None:
        if labelled:
            return f"Not tested: neither version is right on the {_count(labelled, 'post')} with a label."
        if not filled:
            return "Neither version ever fills it."
        return f"Not tested: no label. The versions differ on {differ} of {filled} posts where one fills it."
    if test.decisive:
        low, high = sorted(abs(end) * 100 for end in test.spread.interval)
        return (
            f"{_favours(test)} {_HITS[test.basis]}: by {abs(test.difference) * 100:.1f} points"
            f" ({low:.1f} to {high:.1f}) on {test.n} posts."
        )
    if not test.only_a + test.only_b:
        return f"Not decisive: no difference seen on {test.n} posts. {_missed(test)}"
    few_channels = test.p_channels is not None and test.p <= alpha
    why = "be the doing of a few channels" if few_channels else "be chance"
    return f"Not decisive: {points(test.difference)} points on {test.n} posts may {why}. {_missed(test)}"


def verdict(rows: "Sequence[FieldRow]", a: str, b: str, *, both: int) -> str:
    """Say in one or two sentences what the whole page shows; both found an assignment on `both` posts."""
    tests = [row.test for row in rows if row.test]
    if not tests:
        return _untested(rows, both)
    head = (
        "No labels, so this page shows where the versions differ, not which of them is right. "
        if {test.basis for test in tests} == {"coverage"}
        else ""
    )
    rest = sum(not test.decisive for test in tests)
    claims = [*_claims(rows, "A", a), *_claims(rows, "B", b)]
    if not claims:
        return (
            f"{head}Not decisive: on none of {_count(rest, 'field')} is the difference more than chance could"
            " make. What each of them could have shown stands beside it."
        )
    if rest:
        claims.append(f"Not decisive on the other {_count(rest, 'field') if rest > 1 else 'field'}.")
    return head + " ".join(claims)


def notes(
    rows: "Sequence[FieldRow]", outcomes: Mapping[tuple[str, str], int], *, unfinished: int
) -> list[str]:
    """Say what a reader has to keep in mind, the most important first."""
    tests = [row.test for row in rows if row.test]
    one_sided = sum(n for ends, n in outcomes.items() if ends.count("ok") == 1)
    found = []
    if unfinished:
        found.append(
            f"{unfinished} posts are not finished by both versions; they count for nothing yet. Drain them"
            " and compare again."
        )
    missing = sum(n for ends, n in outcomes.items() if "missing" in ends)
    if missing:
        found.append(
            f"{missing} of them were never read by one of the versions: not queued for it, or edited or"
            " deleted before their turn came. They take no part."
        )
    if one_sided:
        found.append(
            f"On {one_sided} posts only one version found an assignment. They are in the table of outcomes,"
            " and never count as agreement."
        )
    if any(test.basis == "adjudicated" for test in tests):
        found.append(
            "Some fields are judged only on posts chosen because the versions differ: that tells which one is"
            " right there, not how often each is right over all posts."
        )
    few = [test.spread.clusters for test in tests if test.spread.clusters < MANY_CLUSTERS]
    if few:
        found.append(
            f"Posts come from as few as {min(few)} channel{'s' if min(few) > 1 else ''}: what is said holds"
            " for these channels; an interval over so few would be unreliable, and others may differ."
        )
    return found


def _untested(rows: "Sequence[FieldRow]", both: int) -> str:
    if not both:
        return "Nothing to compare: there is no post on which both versions found an assignment."
    if any(row.either_filled for row in rows):
        return (
            "Nothing to test: neither version is right about any labelled field. More labels are needed to"
            " tell which of them is right elsewhere."
        )
    posts = _count(both, "post")
    return (
        f"Nothing to test: neither version fills any field of the {posts} on which both found an assignment."
    )


def _claims(rows: "Sequence[FieldRow]", arm: str, version: str) -> Iterator[str]:
    for basis, claim in _CLAIMS.items():
        fields = [
            f"{row.field} ({_by(row.test)})"
            for row in rows
            if row.test and row.test.decisive and row.test.basis == basis and _favours(row.test) == arm
        ]
        if fields:
            yield f"{version} {claim}: {', '.join(fields)}."


def _by(test: "FieldTest") -> str:
    """Write how much better one is; on posts chosen for differing, points would say too much."""
    if test.basis == "adjudicated":
        fewer, more = sorted((test.hits_a, test.hits_b))
        return f"{more} against {fewer} of {_count(test.n, 'judged post')}"
    return f"by {abs(test.difference) * 100:.1f} points"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number != 1 else ''}"


def _favours(test: "FieldTest") -> str:
    return "B" if test.difference > 0 else "A"


def _missed(test: "FieldTest") -> str:
    if test.detectable is None:
        return "So few posts could not have shown any difference."
    return f"A true difference of {test.detectable * 100:.1f} points would have shown four times in five."
