"""Extraction of a file of posts, line by line, without a database: what `tutordex extract` prints."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import assert_never

import orjson

from tutordex_dagster.extraction.contract import (
    Answer,
    Assignment,
    AsyncExtractor,
    Extracted,
    Extractor,
    Outcome,
    Skipped,
)
from tutordex_dagster.extraction.failures import AnswerRejected
from tutordex_dagster.extraction.llm.accounts import Savings, savings

SCHEMA_VERSION = "1.0.0"
"""Version of the output lines' format; it changes when a reader of these files would have to."""

TIMEZONE = "UTC"
"""Zone of any time stamp in the file; slots are Singapore local times whatever it says."""

_NO_ASSIGNMENT: dict[str, object] = {
    "extraction": Assignment().model_dump(mode="json"),
    "kind": None,
    "segments": [],
}


@dataclass(slots=True, kw_only=True)
class LineCounts:
    """What became of the lines so far, for a summary at the end: by kind, by skip reason, and bad ones."""

    kinds: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    savings: Savings = field(default_factory=Savings)


def extract_lines(
    lines: Iterable[bytes],
    extractor: Extractor,
    *,
    pipeline_version: str,
    counts: LineCounts | None = None,
) -> Iterator[bytes]:
    """Yield one JSON line, newline included, for every input line, in order and lazily.

    An input line is a JSON object with the post's text under `raw`. An output line holds `extraction` (the
    first segment, or nulls), `kind`, `segments`, `skipped` (the reason or null), `closes` (the codes and
    links that a status post says are taken, else null), `schema_version`, `timezone` and `pipeline_version`.
    A line that is no such object gives an `error` field and the same nulls, so line numbers of input and
    output always agree. Pass `counts` to have the lines counted.
    """
    counts = counts or LineCounts()
    for line in lines:
        raw = _raw_text(line)
        found = raw if isinstance(raw, _Bad) else extractor.extract(raw)
        yield _written(found, pipeline_version, counts)


async def answer_lines(
    lines: Iterable[bytes],
    extractor: AsyncExtractor,
    *,
    pipeline_version: str,
    at_once: int,
    counts: LineCounts | None = None,
) -> AsyncIterator[bytes]:
    """Yield what `extract_lines` yields, with so many lines answered at once.

    An answer that is of no use gives an `error` field; raises LaneUnavailable and LaneStopped.
    """
    counts = counts or LineCounts()
    iterator = iter(lines)
    while batch := list(islice(iterator, at_once)):
        for found in await asyncio.gather(*(_answered(_raw_text(line), extractor) for line in batch)):
            if isinstance(found, Answer):
                counts.savings += savings([found.meta])
                yield _written(found.outcome, pipeline_version, counts)
            else:
                yield _written(found, pipeline_version, counts)


@dataclass(frozen=True, slots=True)
class _Bad:
    reason: str


async def _answered(raw: str | _Bad, extractor: AsyncExtractor) -> Answer | _Bad:
    if isinstance(raw, _Bad):
        return raw
    try:
        return await extractor.answer(raw)
    except AnswerRejected as error:
        return _Bad(str(error))


def _written(found: Outcome | _Bad, pipeline_version: str, counts: LineCounts) -> bytes:
    if isinstance(found, _Bad):
        counts.errors += 1
        content = {**_content(None), "error": found.reason}
    else:
        _count(found, counts)
        content = _content(found)
    stamp = {"schema_version": SCHEMA_VERSION, "timezone": TIMEZONE, "pipeline_version": pipeline_version}
    return orjson.dumps({**content, **stamp}, option=orjson.OPT_APPEND_NEWLINE)


def _raw_text(line: bytes) -> str | _Bad:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _Bad(f"not JSON: {error}")
    if not isinstance(record, dict) or not isinstance(record.get("raw"), str):
        return _Bad("not an object with a text under 'raw'")
    raw: str = record["raw"]
    return raw


def _content(outcome: Outcome | None) -> dict[str, object]:
    match outcome:
        case Extracted(kind=kind, segments=segments):
            listed = [segment.model_dump(mode="json") for segment in segments]
            found = {"extraction": listed[0], "kind": kind, "segments": listed}
            return {**found, "skipped": None, "closes": None}
        case Skipped(reason=reason, closes=closes):
            closed = closes.model_dump(mode="json") if reason == "status" else None
            return {**_NO_ASSIGNMENT, "skipped": reason, "closes": closed}
        case None:
            return {**_NO_ASSIGNMENT, "skipped": None, "closes": None}
        case unknown:
            assert_never(unknown)


def _count(outcome: Outcome, counts: LineCounts) -> None:
    match outcome:
        case Extracted(kind=kind):
            counts.kinds[kind] += 1
        case Skipped(reason=reason):
            counts.skipped[reason] += 1
        case unknown:
            assert_never(unknown)
