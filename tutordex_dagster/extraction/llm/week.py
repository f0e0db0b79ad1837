"""The days and clock times that words about availability name, in whatever way they are written.

No reading of them: which time belongs to which day is the model's to say. What is named is taken widely, so
that no slot that stands there is doubted for its spelling.
"""

import re
from collections.abc import Iterator

from tutordex_dagster.extraction.contract import DAYS
from tutordex_dagster.extraction.rules.clock import (
    CHINESE_DAYS,
    DAY_NAMES,
    GROUPS,
    LAST_MINUTE,
    MALAY_DAYS,
    NOON,
)

_HOURS_ON_A_CLOCK, _HOURS, _MINUTES = 12, 24, 60

_ENGLISH, _MALAY = (tuple(name[:2] for name in names) for names in (DAY_NAMES, MALAY_DAYS))
"""Two letters tell the days apart, and stand for them in some posts."""

_NAME = (
    r"(?:(?:(?<![a-z])|(?<=[ap]m))(?:(?:mon|tue|wed|thu|thr|fri|sat|sun)(?:[a-z]{0,7}day|nes|us|rs?|s)?s?"
    r"|(?<!\d)(?<!\d )(?:mo|tu|th|fr|sa|su)|isnin|selasa|rabu|khamis|jumaat|sabtu|ahad)(?![a-z])"
    r"|(?:星期|礼拜|[周週])[一二三四五六日天])"
)
_ONE = re.compile(_NAME, re.IGNORECASE)
_RANGE = re.compile(
    rf"({_NAME})\.? {{0,2}}(?:-|–|—|~|to|till?|until|thru|through|至|到)(?= {{0,2}}({_NAME}))", re.IGNORECASE
)
_LETTERS = re.compile(
    r"(?<![a-z/])(?:m|tu?|w|th|f|s(?:at?|un?)?)(?:/(?:m|tu?|w|th|f|s(?:at?|un?)?)){1,6}(?![a-z/])"
    r"|(?<![a-z])mwf(?![a-z])",
    re.IGNORECASE,
)
_ANY_WEEKDAY = re.compile(
    r"(?<![a-z])w(?:ee)?k[ -]?d(?:a?y)?s?(?![a-z])|\b(?:school|work(?:ing)?)[ -]?days?\b"
    r"|\bm ?(?:-|–|to) ?f\b|平日",
    re.IGNORECASE,
)
_ANY_WEEKEND = re.compile(r"(?<![a-z])w(?:ee)?k[ -]?e?nds?(?![a-z])|[周週]末", re.IGNORECASE)
_ANY_DAY = re.compile(
    r"\bdaily\b|\b(?:any|every|each|other|most|remaining|7|seven)[ -]?(?:\w{1,9} )?days?\b|\ball days\b"
    r"|\b(?:rest of (?:the )?|whole |entire |throughout (?:the )?)week\b|\b24/7\b|每天",
    re.IGNORECASE,
)
_UNBOUND = re.compile(r"flexi|\bany ?times?\b", re.IGNORECASE)
_EXCEPT = re.compile(
    r"\bexc(?:ept|l|lud\w+)?\b|\bbesides\b|\b(?:other than|apart from|but not)\b"
    rf"|\b(?:not?|avoid|cannot|can['’]?t|unavailable)\b(?: \w{{1,9}}){{0,2}} {_NAME}",
    re.IGNORECASE,
)

_CLOCK = re.compile(
    r"(?<![\d$])(?<!\$ )(\d+(?:[.:;h]\d+)*)(?:([ap])(?![a-z.])|\s{0,2}([ap])\.?\s?m(?![a-z]))?", re.IGNORECASE
)
_HOUR_AND_MINUTE = re.compile(r"(\d{1,2})(?:[.:;h]?(\d\d))?", re.IGNORECASE)
_NOON = re.compile(r"(?<!after)noon|\bmid-?day|\blunch", re.IGNORECASE)
_MIDNIGHT = re.compile(r"\bmid-?night", re.IGNORECASE)


def days_named(words: str) -> frozenset[str]:
    """Return the days of the week these words name: one by one, as a range, or in a group of days.

    Where none is named, words without bounds ("flexible") name every day, and so do those of an exception.
    """
    days = {_day(match[0]) for match in _ONE.finditer(words)}
    for match in _RANGE.finditer(words):
        first, last = _day(match[1]), _day(match[2])
        days |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    days |= {day for match in _LETTERS.finditer(words) for day in _lettered(match[0].lower())}
    days.update(GROUPS["weekday"] if _ANY_WEEKDAY.search(words) else ())
    days.update(GROUPS["weekend"] if _ANY_WEEKEND.search(words) else ())
    if _ANY_DAY.search(words) or (not days and _UNBOUND.search(words)):
        return frozenset(DAYS)
    exception = _EXCEPT.search(words)
    if exception and not days_named(words[: exception.start()]):
        return frozenset(DAYS)
    return frozenset(DAYS[day] for day in days)


def times_named(words: str) -> frozenset[int]:
    """Return the clock times these words name, in minutes since midnight.

    A time on the face of a clock is both of the day's, unless am or pm stands behind it.
    """
    times = {time for match in _CLOCK.finditer(words) for time in _times(match[1], match[2] or match[3])}
    times |= {NOON} if _NOON.search(words) else set()
    times |= {0, LAST_MINUTE} if _MIDNIGHT.search(words) else set()
    return frozenset(times)


def _day(word: str) -> int:
    if not word.isascii():
        return CHINESE_DAYS.index(word[-1].replace("天", "日"))
    start = word[:2].lower()
    return (_ENGLISH if start in _ENGLISH else _MALAY).index(start)


def _lettered(word: str) -> Iterator[int]:
    """Yield the days of "m/w/f"; a letter that two days begin with is both."""
    for letters in word.split("/") if "/" in word else word:
        yield from (day for day, name in enumerate(_ENGLISH) if name.startswith(letters[:2]))


def _times(clock: str, half: str | None) -> set[int]:
    """Return the minutes of the day a clock may show; none for a length ("1.5"), a date or a long number."""
    found = _HOUR_AND_MINUTE.fullmatch(clock)
    if found is None:
        return set()
    hour, minute = int(found[1]), int(found[2] or 0)
    if hour > _HOURS or minute >= _MINUTES:
        return set()
    if hour > _HOURS_ON_A_CLOCK:
        return {hour % _HOURS * 60 + minute}
    morning = hour % _HOURS_ON_A_CLOCK * 60 + minute
    if half is None or hour == _HOURS_ON_A_CLOCK:
        return {morning, morning + NOON}
    return {morning + NOON if half.lower() == "p" else morning}
