"""The findings in plain words: what may be concluded, and what may not."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tutordex_dagster.comparison.statistics import ALPHA, MANY_CLUSTERS

if TYPE_CHECKING:
    from tutordex_dagster.comparison.findings import FieldRow, FieldTest

_HITS = {
    "labelled": "is right more often",
    "adjudicated": "is right more often where the two differ",
    "coverage": "fills it more often, which is not the same as being right",
}


def points(share: float) -> str:
    """Write a difference in percentage points with its sign."""
    return f"{share * 100:+.1f}" if round(share * 100, 1) else "0.0"


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{share * 100:.1f} %"


def sentence(test: "FieldTest | None", *, differ: int, filled: int) -> str:
    """Say what one field shows; at least one of the two fills it on `filled` posts."""
    if test is None:
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
    why = "be the doing of a few channels" if test.p <= ALPHA else "be chance"
    return f"Not decisive: {points(test.difference)} points on {test.n} posts may {why}. {_missed(test)}"


def verdict(rows: "Sequence[FieldRow]", a: str, b: str) -> str:
    """Say in one or two sentences what the whole page shows."""
    tested = [row for row in rows if row.test]
    if not tested:
        return "Nothing to compare: there is no post on which both versions found an assignment."
    bases = {row.test.basis for row in tested if row.test}
    head = (
        "No labels, so this page shows where the versions differ, not which of them is right. "
        if bases == {"coverage"}
        else ""
    )
    better = {
        version: [
            f"{row.field} (by {abs(row.test.difference) * 100:.1f} points)"
            for row in tested
            if row.test and row.test.decisive and _favours(row.test) == arm
        ]
        for version, arm in ((a, "A"), (b, "B"))
    }
    verb = "fills more often" if bases == {"coverage"} else "is right more often on"
    parts = [f"{version} {verb}: {', '.join(fields)}." for version, fields in better.items() if fields]
    rest = len(tested) - sum(map(len, better.values()))
    if not parts:
        return (
            f"{head}Not decisive: on none of {_fields(rest)} is the difference more than chance could make."
            " What each of them could have shown stands beside it."
        )
    if rest:
        parts.append(f"Not decisive on the other {_fields(rest) if rest > 1 else 'field'}.")
    return head + " ".join(parts)


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


def _fields(number: int) -> str:
    return f"{number} field{'s' if number != 1 else ''}"


def _favours(test: "FieldTest") -> str:
    return "B" if test.difference > 0 else "A"


def _missed(test: "FieldTest") -> str:
    if test.detectable is None:
        return "So few posts could not have shown any difference."
    return f"A true difference of {test.detectable * 100:.1f} points would have shown four times in five."
