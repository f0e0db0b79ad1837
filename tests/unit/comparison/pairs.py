"""Pairs for the tests, each said in one line."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from tutordex_dagster.comparison.collecting import Collected, collect
from tutordex_dagster.comparison.contract import Arm, End, Label, LabelSource, Pair
from tutordex_dagster.comparison.findings import Comparison, find
from tutordex_dagster.comparison.side_by_side import SideBySide
from tutordex_dagster.comparison.statistics import ALPHA
from tutordex_dagster.extraction.contract import Assignment

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARMS = Arm(version="rules", fingerprint="f" * 64), Arm(version="rules-strict", fingerprint="0" * 64)
FAILED = End(status="failed", error_class="AnswerRejected")
DEAD = End(status="dead", error_class="AnswerRejected")
SKIPPED = End(status="skipped", reason="promo")
MISSING = End(status="missing")


def ok(*segments: Mapping[str, Any], **fields: Any) -> End:  # noqa: ANN401
    """End well with these assignments, or with one of these fields; the rest is as the contract has it."""
    full = [Assignment(**segment).model_dump(mode="json") for segment in (segments or [fields])]
    return End(status="ok", result={"kind": "assignment", "segments": full})


def pair(
    raw_id: int,
    a: End,
    b: End,
    *,
    channel: str = "t.me/one",
    labels: Mapping[str, Any] | None = None,
    source: LabelSource = "labelled",
) -> Pair:
    """Make a pair; a label is the right value of a single assignment."""
    return Pair(
        raw_id=raw_id,
        channel=channel,
        message_id=1000 + raw_id,
        posted_at=NOW + timedelta(minutes=raw_id),
        a=a,
        b=b,
        labels={name: Label(values=[value], source=source) for name, value in (labels or {}).items()},
    )


def collected(pairs: Iterable[Pair]) -> tuple[Collected, str]:
    """Collect pairs and return that with the text of side_by_side.csv."""
    file = StringIO(newline="")
    return collect(pairs, SideBySide(file, *ARMS)), file.getvalue()


def compared(pairs: Iterable[Pair], *, alpha: float = ALPHA) -> Comparison:
    """Return the findings over pairs."""
    tally = collected(pairs)[0].tally
    title = "rules against rules-strict"
    return find(tally, title=title, scope="all posts", arms=ARMS, compared_at=NOW, alpha=alpha)
