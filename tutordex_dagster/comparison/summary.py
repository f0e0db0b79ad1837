"""The findings for programs (`summary.json`) and for Dagster's page (Markdown)."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson

from tutordex_dagster.comparison.findings import ArmRow, Comparison, FieldRow
from tutordex_dagster.comparison.words import percent, points

TIMEZONE = "UTC"


def summary_json(comparison: Comparison, *, schema_version: str) -> bytes:
    """Return everything that was found as JSON; shares are fractions, differences are B minus A."""
    content: dict[str, Any] = {
        "schema_version": schema_version,
        "timezone": TIMEZONE,
        **asdict(comparison),
        "outcomes": [
            {"a": a, "b": b, "posts": posts} for (a, b), posts in sorted(comparison.outcomes.items())
        ],
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    return orjson.dumps(content, option=options)


def markdown(comparison: Comparison) -> str:
    """Return the verdict, the versions and the fields as Markdown; it holds no text of any post."""
    return "\n".join(
        [
            f"**{comparison.verdict}**",
            "",
            *(f"- {note}" for note in comparison.notes),
            "",
            "| | version | found | skipped | dead | failed | p50 ms | p95 ms |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            _arm("A", comparison.a),
            _arm("B", comparison.b),
            "",
            "| field | A filled | B filled | agree where filled | B - A, points | p (Holm) | finding |",
            "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
            *map(_row, comparison.by_weight),
        ]
    )


def _arm(letter: str, arm: ArmRow) -> str:
    ends = (str(arm.ends.get(end, 0)) for end in ("ok", "skipped", "dead", "failed"))
    times = ("-" if each is None else f"{each:.0f}" for each in (arm.latency_p50_ms, arm.latency_p95_ms))
    return f"| {letter} | {arm.version} | {' | '.join(ends)} | {' | '.join(times)} |"


def _row(row: FieldRow) -> str:
    return f"| {' | '.join([row.field, *_numbers(row), row.sentence])} |"


def _numbers(row: FieldRow) -> Iterator[str]:
    for part, whole in (
        (row.filled_a, row.pairs),
        (row.filled_b, row.pairs),
        (row.agree_filled, row.either_filled),
    ):
        yield percent(part / whole) if whole else "-"
    yield points(row.test.difference) if row.test else "-"
    yield f"{row.test.p:.3g}" if row.test else "-"
