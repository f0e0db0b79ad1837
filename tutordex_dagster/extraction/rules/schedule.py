"""How often and how long lessons are, and when they begin; as written."""

import re
from collections.abc import Iterable

from tutordex_dagster.extraction.rules import patterns
from tutordex_dagster.extraction.rules.clock import DATE, MONTH
from tutordex_dagster.extraction.rules.entries import Entry, written

_BRACKETS = re.compile(r"[(\[][^()\[\]]{1,80}[)\]]")
_PIECE = re.compile(r" ?[,;|•·] ?")

_HELD = re.compile(
    r"^(?:(?:lessons?|class(?:es)?|sessions?|tuition|which|are|is|will|would|can|to|be|held|should) ){2,8}",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    rf"(?:about |around )?(?:{patterns.HOURS.pattern})(?: (?:each|per lesson|per session))?", re.IGNORECASE
)
_OFTEN = re.compile(r"\b(?:(?:bi-?)?weekly|fortnightly|monthly|once|twice|thrice)\b", re.IGNORECASE)
_SOON = r"(?:a\.?s\.?a\.?p\b|immediate(?:ly)?|as soon as possible|right away|straight ?away)"
_RELATIVE = (
    r"(?:(?:this|next|coming|the coming|following)\b(?: (?:week|month|year|term|semester|school year|mon"
    r"|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)?"
    r"|after (?:the )?(?:cny|chinese new year|exams?|holidays?|school holidays?|mye|eoy|prelims?)|now"
    r"|today|tomorrow)"
)
_STARTING = r"\b(?:start(?:s|ing)?|commenc(?:e|es|ing)|begin(?:s|ning)?)(?: date)?\b"
_STARTS = re.compile(r"start|commenc|begin", re.IGNORECASE)
_LEAD = r"(?: ?[:\-] ?| )(?:(?:is|on|from|in|by|before|the|week of|around|lessons?|class(?:es)?) ){0,3}"
_PART = r"(?:early|mid|late|(?:the )?(?:first|second|last|1st|2nd) week of|(?:the )?end(?: of)?)[ -]"
_WHEN = rf"(?:{_PART})?(?:{DATE}|{MONTH}\b)"
_START_VALUE = re.compile(rf"{_STARTING}{_LEAD}(?P<value>{_SOON}|{_WHEN})", re.IGNORECASE)
_START_DATED = re.compile(rf"{_STARTING}{_LEAD}{_WHEN}", re.IGNORECASE)
_START_RELATIVE = re.compile(rf"{_STARTING}{_LEAD}{_RELATIVE}[^.;,\n]{{0,40}}", re.IGNORECASE)
_WHOLE = re.compile(
    rf"{_STARTING}{_LEAD}(?:{_SOON}|{_WHEN}|{_RELATIVE})|(?:immediate|asap) (?:start|commencement)",
    re.IGNORECASE,
)
_DATE_IN_BRACKETS = re.compile(rf"\(({DATE})\)", re.IGNORECASE)
_ONLY_DATE = re.compile(rf"(?:{DATE}|{_SOON})", re.IGNORECASE)
_BARE_START = re.compile(
    rf"(?:from |start(?:ing)? )?(?P<when>{_SOON}|(?:{_PART})?{MONTH})(?: start)?", re.IGNORECASE
)
_EDGE = re.compile(r"^(?:from|on)\b ?|,? ?\b(?:onwards?)\b$", re.IGNORECASE)


def labelled_schedule(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return what labels say about frequency and length; with the labels if several share it."""
    filled = [entry for entry in entries if entry.field == "schedule" and patterns.stated(entry.value)]
    if len(filled) == 1 and (_says_how_often(filled[0].value) or not filled[0].label):
        return (filled[0].value,)
    return tuple(written(entry) for entry in filled)


def _says_how_often(text: str) -> bool:
    return patterns.tells_frequency(text) or _OFTEN.search(text) is not None


def free_schedule(text: str) -> str | None:
    """Return the words of a sentence that say how often, and with them how long."""
    if not patterns.tells_frequency(text):
        return None
    for bracket in _BRACKETS.finditer(text):
        if patterns.tells_frequency(bracket[0]):
            return bracket[0]
    return next((found for sentence in patterns.SENTENCE.split(text) if (found := _clause(sentence))), None)


def length_alone(text: str) -> bool:
    """Is the text nothing but the length of a lesson, as "2h"?"""
    return _LENGTH.fullmatch(text.strip(" .")) is not None


def bare_start(text: str) -> str | None:
    """Return the month or the "ASAP" of a text that says no more: "Jan", "jan start", "From March"."""
    match = _BARE_START.fullmatch(text.strip(" .!"))
    return match["when"] if match else None


def start_date(text: str) -> str | None:
    """Return when lessons begin: the date, or the words if they need their "start" to be understood."""
    if not _STARTS.search(text):  # most texts say nothing of it, and this is quick to see
        return None
    for piece in patterns.pieces(text):
        whole = piece.strip(" .!")
        if _WHOLE.fullmatch(whole) and not _START_DATED.fullmatch(whole):
            return whole
    stated = _START_VALUE.search(text)
    if stated:
        return stated["value"]
    relative = _START_RELATIVE.search(text)
    if relative is None:
        return None
    dated = _DATE_IN_BRACKETS.search(text, relative.start())
    return dated[1] if dated else relative[0].strip()


def labelled_start(value: str) -> str | None:
    """Return the value of a start label without the words around a date."""
    trimmed = _EDGE.sub("", value.strip(" .")).strip(" .")
    return value if patterns.stated(value) and not trimmed else patterns.stated(trimmed)


def is_start_line(text: str) -> bool:
    """Does the line say nothing but when lessons begin?"""
    return (
        _WHOLE.fullmatch(text.strip(" .!")) is not None or _ONLY_DATE.fullmatch(text.strip(" .!")) is not None
    )


def _clause(sentence: str) -> str | None:
    """Return the run of comma-separated pieces that speak of frequency or length."""
    start = end = None
    place = 0
    for piece in _PIECE.split(sentence):
        at = sentence.index(piece, place)
        place = at + len(piece)
        if patterns.tells_frequency(piece) or (patterns.HOURS.search(piece) and "$" not in piece):
            start, end = (at if start is None else start), place
        elif start is not None:
            break
    if start is None or end is None:
        return None
    clause = _HELD.sub("", sentence[start:end].strip(" ."))
    return clause if patterns.tells_frequency(clause) and len(clause) <= 120 else None  # noqa: PLR2004
