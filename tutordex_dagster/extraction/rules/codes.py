"""Assignment codes: behind a label, as a hashtag or in brackets in a headline, or alone on a line."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tutordex_dagster.extraction.rules import academics, patterns
from tutordex_dagster.extraction.rules.entries import Entry
from tutordex_dagster.extraction.rules.text import CACHE

_LABELLED = re.compile(
    r"[#(\[ ]{0,4}((?=[A-Za-z0-9/_.-]{0,24}\d)[A-Za-z0-9]{1,16}(?:[-/_.][A-Za-z0-9]{1,12}){0,4})"
    r"(?![A-Za-z0-9])"
)
_SPACED = re.compile(r"[#(\[ ]{0,4}([A-Z]{1,5} \d{2,8}[A-Z]{0,2})(?=$|[)\], ])")
_TAGGED = re.compile(r"#([A-Za-z]{0,6}-?\d{3,10}[A-Za-z0-9]{0,6})\b")
_BRACKETED = re.compile(r"[(\[]#?([A-Z]{1,6}-?\d{2,8}[A-Z0-9]{0,4})[)\]]")
_NAMED = re.compile(
    r"\b(?:assignment|job|case|code|ref|id)(?: (?:no|id|code"
    r"|ref)\b)?[ :#.]{1,3}"
    r"((?:[A-Za-z]{1,6}[-/]\d|[A-Za-z]{0,6}\d{2})\d{0,9}[A-Za-z0-9]{0,4}(?:[-/](?:\d{1,8}|[A-Z]\d{0,3}))?)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"\bquot(?:e|ing) (?:code |ref )?([A-Za-z]{1,6}[-/]?\d{1,8}[A-Za-z]{0,2})\b", re.IGNORECASE
)
_TOLD = re.compile(
    r"\b(?:code|ref|reference)(?: (?:no|id|number)\b)?[ :#.]{1,3}"
    r"([A-Za-z]{0,6}[-/]?\d{1,10}[A-Za-z0-9]{0,4}(?:[-/]\d{1,8})?)\b",
    re.IGNORECASE,
)
_REQUESTED = re.compile(
    r"\b(?:request|lead|order|listing|vacancy|tuition|assignment)(?: (?:no|id|code|ref|number)\b)?"
    r"[ :#.»-]{1,3}"
    r"([A-Za-z]{0,6}[-/]?\d{3,10}(?:[-/]?[A-Za-z0-9]{1,6})?)\b",
    re.IGNORECASE,
)
_ALONE = re.compile(r"#?([A-Z]{1,6}[-_/]?\d{3,10}[A-Z0-9]{0,6})")
_LEADING = re.compile(r"[#\[(]{0,2}([A-Z]{0,6}[-_/]?\d{3,8}[A-Z]{0,3})[\])]? ?[-–—|:~]{1,2} (?=\D)")
_SHOWN = re.compile(r"(?<![\w/#$.-])(?!BLK|UNIT|PSLE)([A-Z]{1,6}(?:-\d{2,8}|\d{3,8})[A-Z]{0,3})(?![\w/-])")
_NUMBER = re.compile(r"\d{3,8}")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"20(?:[12]\d|3[0-5])")


def labelled_code(entry: Entry) -> str | None:
    """Return the code behind a label; None if the value does not look like one."""
    if entry.field != "code":
        return None
    match = _SPACED.match(entry.value) or _LABELLED.match(entry.value)
    return match[1] if match else None


def free_code(entry: Entry) -> str | None:
    """Return the code a free line shows: `#A1234`, `(AB123)`, or a line that is nothing else."""
    if entry.field not in {None, "headline", "other"}:
        return None
    if entry.line.bullet.endswith("#") and _NUMBER.fullmatch(entry.value):
        return entry.value
    return _code_in(entry.value)


def _told_code(entry: Entry) -> str | None:
    """Return the code that the value of another field tells of by the word: "(Code TC88)"."""
    told = _TOLD.search(entry.value) if _DIGIT.search(entry.value) else None
    return told[1] if told and _may_be_code(told[1]) else None


@lru_cache(maxsize=CACHE)
def _code_in(text: str) -> str | None:
    return (
        next((code for code in _candidates(text) if _may_be_code(code)), None)
        if _DIGIT.search(text)
        else None
    )


def find_code(entries: Iterable[Entry], *, labelled_only: bool) -> str | None:
    """Return the first code, labelled ones before others."""
    known = tuple(entries)
    labelled = next((code for entry in known if (code := labelled_code(entry))), None)
    if labelled or labelled_only:
        return labelled
    free = next((code for entry in known if (code := free_code(entry))), None)
    return free or next((code for entry in known if (code := _told_code(entry))), None)


def _candidates(text: str) -> Iterator[str]:
    named = _NAMED.search(text)
    if named:
        yield named[1]
    quoted = _QUOTED.search(text)
    if quoted:
        yield quoted[1]
    requested = _REQUESTED.search(text)
    if requested:
        yield requested[1]
    alone = _ALONE.fullmatch(text)
    if alone:
        yield alone[1]
    yield from (match[1] for match in _TAGGED.finditer(text))
    yield from (match[1] for match in _BRACKETED.finditer(text))
    leading = _LEADING.match(text)
    if leading:
        yield leading[1]
    yield from (match[1] for match in _SHOWN.finditer(text))


def _may_be_code(word: str) -> bool:
    """Levels, years and postal codes look like codes and are none."""
    is_postal = patterns.POSTAL_WORD.fullmatch(word) is not None
    return not is_postal and not _YEAR.fullmatch(word) and not academics.levels(word)
