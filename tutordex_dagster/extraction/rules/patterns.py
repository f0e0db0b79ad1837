"""Small patterns that several rules share. Quantifiers are bounded: every search is linear."""

import re
from functools import lru_cache

from tutordex_dagster.extraction.rules.text import CACHE

CODE = re.compile(
    r"#? ?(?=[A-Za-z0-9/_.#-]{0,20}\d)(?![0-9]{1,2}\b(?![-/]\d{3}))[A-Za-z0-9]{1,14}"
    r"(?:[-/_.#][A-Za-z0-9]{1,10}){0,3}\.?"
)
"""One word with a digit, as codes are; a bare number needs three digits."""

DAY = re.compile(
    r"\b(?:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)(?:day|nesday|sday|rsday|urday)?s?\b"
    r"|\bw(?:ee)?k ?(?:day|end)s?\b|\b(?:any|every) ?day\b|\bdaily\b"
    r"|\b(?:isnin|selasa|rabu|khamis|jumaat|sabtu|ahad)\b|(?:星期|礼拜|[周週])[一二三四五六日天]",
    re.IGNORECASE,
)

DAYS_ONLY = re.compile(
    rf"(?:(?:{DAY.pattern}|\b(?:flexi(?:ble)?|and|or|only|prefer(?:red|ably)?|on|either|both|except)\b)"
    r"[ ,/&.()-]{0,3}){1,12}",
    re.IGNORECASE,
)
"""A line that names days and nothing else."""

CLOCK = re.compile(
    r"(?<![\d$.])\d{1,2}(?:[:.]?[0-5]\d)? ?[ap]\.?m\b|(?<![\d$:.])[0-2]?\d:[0-5]\d(?![\d:])"
    r"|(?<!\d)[0-2]\d[0-5]\d ?-? ?(?:hrs?\b|[0-2]\d[0-5]\d(?!\d))",
    re.IGNORECASE,
)

_UNIT = r"(?:x|times?|lessons?|sessions?|class(?:es)?|days?)"
_COUNT = r"(?:\d{1,2}(?:\.\d)? ?(?:-|–|to|or|/)? ?(?:\d{1,2}(?:\.\d)?)?|once|twice|thrice|one|two|three|four)"
HOURS = re.compile(
    r"(?<![\d.$])\d{1,2}(?:\.\d{1,2})? ?(?:(?:-|–|to|or|/) ?\d{1,2}(?:\.\d{1,2})?)? ?-?(?:h|hrs?|hours?"
    r"|mins?|minutes?)\b|\b(?:an|one|two|half an) hours?\b",
    re.IGNORECASE,
)
"""A length of time such as "1.5 hrs" or "1-2h"."""

FREQUENCY = re.compile(
    rf"\b{_COUNT} ?(?:{_UNIT}|\(s\)|\({_UNIT}\)){{0,2}}(?:\(s\))? ?"
    r"(?:per|a|an|/|every|each|in a) ?(?:week|wk|month|mth|fortnight)"
    r"|\b\d{1,2} ?(?:(?:-|to|or) ?\d)? ?x ?(?:/ ?|per )?(?:week|wk|\d)"
    r"|\b(?:twice|once|thrice) ?(?:weekly|monthly)|\b(?:bi-?)?weekly (?:lessons?|sessions?|class)"
    r"|\b\d ?x? (?:bi-?)?weekly\b|\b\d(?:\.\d{1,2})? ?(?:h|hrs?|hours?) ?(?:x|×|\*) ?\d"
    r"|\b\d(?:\.\d{1,2})? ?(?:h|hrs?|hours?) ?(?:(?:per|a|/|each) ?(?:week|wk|lesson|session)"
    r"|(?:(?:once|twice|thrice) )?(?:a )?(?:week|month)ly\b)"
    r"|\b\d{1,2} ?(?:lessons?|sessions?) ?(?:x|×|\*|of) ?\d"
    r"|\b(?:one|two|three|\d) (?:lesson|session)s? of (?:an|one|two|\d) ?\w{1,7} (?:weekly|every week|a week)"
    r"|\b\d{1,3}(?:\.\d{1,2})? ?(?:h|hrs?|hours?|mins?|minutes?),? ?(?:weekly|fortnightly)\b"
    r"|\b(?:bi-?|fort)?(?:weekly|nightly)\b,? ?(?:x ?)?\d(?:\.\d{1,2})? ?-?(?:h|hrs?|hours?)\b"
    r"|每[周週]\S{0,3}[次小]|一[周週][一二两兩三四五\d]次",
    re.IGNORECASE,
)
"""How often, or how long each time."""

_OF_FREQUENCY = re.compile(
    r"w(?:ee)?k|weekly|month|mth|fortnight|\d ?[x×*]|[hsr] ?[x×*] ?\d"
    r"|(?:lesson|session)s? ?of|(?:per|an?|/|each) ?(?:lesson|session)|[周週]",
)


_OF_DAYS = re.compile(r"mon|t[uh][eu]|wed|fri|s[au][tn]|da[yi]|end|isn|sel|rab|kha|jum|sab|aha|[星礼周週]")
"""What every word of DAY has in it, in lower case: without word boundaries it is several times faster."""


@lru_cache(maxsize=CACHE)
def tells_frequency(text: str) -> bool:
    """Does the text say how often, or how long each time? Several fields ask this of the same line."""
    return _OF_FREQUENCY.search(text.lower()) is not None and FREQUENCY.search(text) is not None


@lru_cache(maxsize=CACHE)
def names_day(text: str) -> bool:
    """Does the text name a day of the week or a group of days?"""
    return _OF_DAYS.search(text.lower()) is not None and DAY.search(text) is not None


MRT = re.compile(r"\b(?:MRT|LRT)\b", re.IGNORECASE)

BLANK = re.compile(
    r"(?:nil|na|n\.a\.?|n/a|none|no|-{1,3}|tbc|tba|tbd|to be (?:confirmed|advised|discussed|arranged|decided)"
    r"|not applicable|not stated|\?)[.!*]?",
    re.IGNORECASE,
)
"""Values that say nothing is stated."""
MAX_BLANK = 20
"""No such value is longer."""


def stated(value: str) -> str | None:
    """Return the value, or None if it is empty or says that nothing is stated."""
    value = value.strip()
    return None if not value or (len(value) <= MAX_BLANK and BLANK.fullmatch(value)) else value


SENTENCE = re.compile(r"(?<=[.!?])\s{1,4}(?=[A-Z\"“(\[$])|\n")
"""Where one sentence ends and the next begins."""

POSTAL_WORD = re.compile(r"(?:S|SG|Singapore)?\d{6}", re.IGNORECASE)
"""A postal code, glued to its country or not."""

TIME_WORD = re.compile(
    rf"{CLOCK.pattern}|\b(?:(?:morning|afternoon|evening|night|eve)s?|flexible|any ?time|onwards?|aft"
    rf"|[ap]m)\b",
    re.IGNORECASE,
)
"""A clock time or a part of the day."""

DAY_SPAN = re.compile(
    rf"(?:{DAY.pattern}),? ?(?<!\d)\d{{1,2}}(?:[.:]\d\d)? ?[-–—] ?\d{{1,2}}(?:[.:]?\d\d)?\b", re.IGNORECASE
)
"""A day with a bare span, as "sat 2-3.30"."""

BRACKETED_SCHEDULE = re.compile(r"\[[^\[\]]{0,80}(?:lesson|week|hr|hour)[^\[\]]{0,80}\]", re.IGNORECASE)
"""A frequency in square brackets behind the times of a headline."""

_PIECE = re.compile(r"\n| ?[-–—]{1,2} | [-–—]{1,2}")


_COLUMN = re.compile(rf"{SENTENCE.pattern}| [|•] ")


def columns(text: str) -> list[str]:
    """Cut a text into its sentences and, where it is laid out in columns, those."""
    return _COLUMN.split(text)


def pieces(text: str) -> list[str]:
    """Cut a text into its lines and the parts between dashes."""
    return _PIECE.split(text)
