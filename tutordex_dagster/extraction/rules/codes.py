"""Assignment codes: behind a label, as a hashtag or in brackets in a headline, or alone on a line."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tutordex_dagster.extraction.rules import academics, patterns
from tutordex_dagster.extraction.rules.entries import Entry
from tutordex_dagster.extraction.rules.text import CACHE

_LABELLED = re.compile(
    r"[#(\[ ]{0,4}((?=[A-Za-z0-9/_.#-]{0,24}\d)[A-Za-z0-9]{1,16}(?:[-/_.#][A-Za-z0-9]{1,12}){0,4})"
    r"(?![A-Za-z0-9])"
)
_SPACED = re.compile(r"[#(\[ ]{0,4}([A-Z]{1,5} \d{2,8}[A-Z]{0,2})(?=$|[)\], ])")
_TAGGED = re.compile(
    r"#((?:[A-Za-z]{0,6}-?\d{3,10}|[A-Za-z]{1,6}[-_]?\d{2,10})[A-Za-z0-9]{0,6}(?:[-_/]\d{1,8})?)\b"
)
_BRACKETED = re.compile(r"[(\[]#?([A-Z]{1,6}[-/]?\d{2,8}[A-Z0-9]{0,4})[)\]]")
_BRACKETED_FIRST = re.compile(r"[(\[]#?([A-Z]{1,5} \d{2,6}|\d{2,8}[-/]?[A-Z]{0,3}\d{0,6})[)\]]")
_WORDS = (
    r"assignment|job|case|code|ref|reference|id|request|lead|order|listing|vacancy|opening|post(?:ing)?"
    r"|gig|tuition"
)
_AFTER_WORD = r"(?:[ .]{1,2}(?:no|id|code|ref|number|is)\b){0,2}[ :#.»-]{1,3}"
_LETTERED = (  # letters and digits, in up to four parts
    r"(?=[A-Za-z0-9/_.#-]{0,24}\d)(?=[A-Za-z0-9/_.#-]{0,24}[A-Za-z])"
    r"[A-Za-z]{1,6}(?:[-/_.#]?[A-Za-z]{0,3}\d{1,10}|[-/_.][A-Za-z]{1,3}[-/_.]\d{1,8})[A-Za-z0-9]{0,6}"
    r"(?:[-/_.][A-Za-z0-9]{1,8}){0,2}"
)
_NUMBERED = r"\d{2,10}(?:[A-Za-z]{1,3}\d{0,6})?(?:[-/_][A-Za-z0-9]{1,8}){0,2}|\d[-/]\d{3,8}"
_NAMED = re.compile(
    rf"\b({_WORDS}|[A-Z][a-z]{{1,8}}ID){_AFTER_WORD}((?:{_LETTERED}|{_NUMBERED}))"
    r"(?![\w%])(?!(?:,| ?-) ?\d|[ /-]?(?:h|hrs?|hours?|mins?|minutes?|lessons?|sessions?|students?|x)\b)",
    re.IGNORECASE,
)
_SHORT_CODES = frozenset({"assignment", "job", "case", "code", "ref", "reference", "id"})
"""Words behind which a number of two digits is a code, too."""
_QUOTED = re.compile(
    rf"\bquot(?:e|ing)(?: (?:the )?(?:code|ref|id|job|case))?[ :#.]{{1,3}}({_LETTERED})(?!\w)",
    re.IGNORECASE,
)
_TOLD = re.compile(
    rf"\b(?:code|ref|reference)(?: (?:no|id|number)\b)?[ :#.]{{1,3}}"
    rf"((?:{_LETTERED}|\d{{1,10}}(?:[-/]\d{{1,8}})?))(?!\w)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"#?([A-Z]{1,6}(?:[-_/.#]?[A-Z]{0,3})?[-_/.]?\d{2,10}[A-Z0-9]{0,6}(?:[-_/.][A-Z0-9]{1,8}){0,2})"
)
_LEADING = re.compile(
    r"[#\[(]{0,2}([A-Z]{0,6}(?:[-_/.][A-Z]{0,3})?\d{3,8}[A-Z]{0,3}(?:[-/_]\d{1,8})?)[\])]?"
    r" ?[-–—|:~]{1,2} (?=\D)"
)
_SHOWN = re.compile(
    r"(?<![\w/#$.-])(?!BLK|UNIT|PSLE)"
    r"([A-Z]{1,6}(?:[-_]\d{2,8}|#?\d{3,8}|[-_.][A-Z]{1,3}[-_.]?\d{2,8}|[/.]\d{3,8})[A-Z]{0,3}"
    r"(?:[-/_]\d{1,8})?)(?![\w/-])"
)
_STATION = re.compile(r"(?:NS|EW|CG|NE|CC|CE|DT|TE|BP|SE|SW|PE|PW|STC|PTC|JS|JE|JW|CR|CP)[1-9]\d?")
"""How the Land Transport Authority numbers stations: "Tampines (EW2)"."""
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


def is_code(text: str) -> bool:
    """Is the text a code and nothing else?"""
    return _ALONE.fullmatch(text) is not None and _may_be_code(text)


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
    first = _BRACKETED_FIRST.match(text)
    if first:
        yield first[1]
    for named in _NAMED.finditer(text):
        if len(named[2]) > 2 or named[1].lower() in _SHORT_CODES:  # noqa: PLR2004
            yield named[2]
    yield from (match[1] for match in _QUOTED.finditer(text))
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
    is_number = _YEAR.fullmatch(word) or _STATION.fullmatch(word)
    return not is_postal and not is_number and not academics.levels(word)
