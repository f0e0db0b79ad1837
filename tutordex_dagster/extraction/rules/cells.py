"""Lines that hold several fields: "P5 Maths | Bishan | Mon 5pm | $30/hr", or the same in sentences."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Literal, get_args

from tutordex_dagster.extraction.rules import academics, codes, patterns, rates, schedule
from tutordex_dagster.extraction.rules.entries import LABELLED_POST
from tutordex_dagster.extraction.rules.labels import label_of_line
from tutordex_dagster.extraction.rules.text import CACHE, Line

Kind = Literal["", "academic", "code", "start", "rate", "schedule", "time"]
_KINDS: frozenset[Kind] = frozenset(get_args(Kind))
_LISTS: frozenset[Kind] = frozenset({"academic", "schedule", "time"})
"""What columns list one by one, as in "P5 | Maths"; two places or wishes are each their own."""

_EDGES = " ,|¦/•·;-–—"
_BAR = re.compile(r" ?[|¦] ?| // | [•·] |; ")
_BARS = frozenset("|¦/•·;")
_DASH = re.compile(r"(?<!\d) [-–—] | [-–—] (?=\D)")
_SLASH = re.compile(r" / ")
_PAUSE = re.compile(r", ?|(?<![. ][a-z])[.!?] ")


def cut_cells(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Cut each line that holds several fields into a line for each; all of them keep its index."""
    known = tuple(lines)
    labels = (line for line in known if label_of_line(line.text))
    sentences = sum(1 for _ in islice(labels, LABELLED_POST)) < LABELLED_POST
    return tuple(cell for line in known for cell in _cells(line, sentences=sentences))


def _cells(line: Line, *, sentences: bool) -> Iterator[Line]:
    cells = _columns(line.text) or (_phrases(line.text) if sentences else ())
    if not cells:
        yield line
        return
    yield line._replace(text=cells[0])
    yield from (line._replace(text=cell, bullet="") for cell in cells[1:])


def _columns(text: str) -> Sequence[str]:
    """Cut a line with bars, if it then speaks of two things or more."""
    if _BARS.isdisjoint(text):
        return ()
    pauses = list(_BAR.finditer(text))
    if len(pauses) < 2:  # noqa: PLR2004
        return ()
    cells = list(_cut(text, pauses, lists=_LISTS))
    return cells if len(_facts(cells) - {"academic"}) > 1 or _is_row(cells) else ()


def _is_row(cells: Sequence[str]) -> bool:
    """Is this a row of a table, which begins with its code?"""
    return codes.is_code(cells[0]) and len(_facts(cells)) > 1


def _phrases(text: str) -> Sequence[str]:
    """Cut running text at dashes, slashes or commas, if it then speaks of three things or more."""
    if label_of_line(text) not in {None, "code", "headline"}:
        return ()
    for pause, signs in ((_DASH, "-–—"), (_SLASH, "/"), (_PAUSE, ",.!?")):
        if sum(map(text.count, signs)) < 2:  # noqa: PLR2004
            continue
        pauses = list(pause.finditer(text))
        phrases = list(_cut(text, pauses, lists=_KINDS)) if len(pauses) > 1 else []
        if len(_facts(phrases)) > 2:  # noqa: PLR2004
            return phrases
    return ()


def _cut(text: str, pauses: Iterable[re.Match[str]], *, lists: frozenset[Kind]) -> Iterator[str]:
    """Yield the text between pauses. One between two of a kind in `lists` is no cut; a full stop is."""
    start = place = 0
    before: Kind | None = None
    for pause in (*pauses, None):
        end = pause.start() if pause else len(text)
        kind = _kind(text[place:end])
        if before is not None and (kind != before or kind not in lists):
            yield text[start:place].strip(_EDGES)
            start = place
        before = None if pause is None or pause[0][0] in ".!?" else kind
        place = pause.end() if pause else end
        if before is None:
            yield text[start:end].strip(_EDGES)
            start = place


def _facts(cells: Iterable[str]) -> set[Kind]:
    return {kind for cell in cells if (kind := _kind(cell)) not in {"", "code"}}


@lru_cache(maxsize=CACHE)
def _kind(text: str) -> Kind:
    """Return what one cell speaks of; "" for a place or anything else."""
    if codes.is_code(text):
        return "code"
    if schedule.start_date(text) or schedule.is_start_line(text):
        return "start"
    if rates.free_rate(text) or rates.asks_for_quote(text):
        return "rate"
    if patterns.tells_frequency(text) or (patterns.HOURS.search(text) and not patterns.CLOCK.search(text)):
        return "schedule"
    if patterns.names_day(text) or patterns.CLOCK.search(text):
        return "time"
    return "academic" if academics.is_academic(text) else ""
