"""Pay: the words as written, and hourly amounts where one rate for everybody is stated."""

import re
from functools import lru_cache
from typing import NamedTuple

from tutordex_dagster.extraction.contract import Rate
from tutordex_dagster.extraction.rules import patterns
from tutordex_dagster.extraction.rules.text import CACHE

LOWEST, HIGHEST = 5.0, 500.0
"""Hourly amounts outside this range (Singapore dollars) are something else: a monthly fee, a typing slip."""

_MONEY = r"(?:(?:(?<![A-Za-z])(?:S|SG|SGD) ?)?\$|SGD) ?"
_NUMBER = r"\d{1,4}(?:\.\d{1,2})?"
_PER_HOUR = r"(?: ?(?:/|per|an?|p/) ?h(?:(?:ou)?rs?)?\b\.?| ?ph\b| ?hr\b)"
_COUNTED = (
    r"(?:x(?![a-z])|(?:h|hrs?|hours?|lessons?|sessions?|times?|pax|weeks?|months?|years?|yrs?|students?)\b)"
)
_MINUTES = r"min(?:s|utes?)?\b"
_NO_LENGTH = (
    rf"(?!\d{{1,3}} ?-?{_MINUTES}|\d(?:\.\d{{1,2}})? ?-?{_COUNTED})(?(own)(?!{_NUMBER} ?-?{_COUNTED}))"
)
"""What stands behind a dash is no length or count, as in "$35/hr - 90 mins" and "$40/h - 2x a week"."""
_RANGE = re.compile(
    rf"(?P<sign>{_MONEY})?(?<![\d.])(?P<low>{_NUMBER})(?P<own>{_PER_HOUR})? ?(?:-|–|—|~"
    rf"|to) ?{_NO_LENGTH}(?:{_MONEY})?(?P<high>{_NUMBER})(?P<unit>{_PER_HOUR})?(?![\d%])"
    rf"|(?P<sign1>{_MONEY})?(?<![\d.])(?P<one>{_NUMBER})(?P<unit1>{_PER_HOUR})?(?![\d%])",
    re.IGNORECASE,
)
_NOT_HOURLY = re.compile(
    r" ?(?:/|per|a|every) ?(?:month|mth|lesson|session|week|class|day|annum|year)| ?(?:/|per|for) ?\d",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    rf"[ (,-]{{0,3}}(?:(?:nett?|each|flat) )?(?:{_NOT_HOURLY.pattern}|(?:month|mth)ly\b)", re.IGNORECASE
)
_BEFORE = re.compile(
    r"(?:/|per|an?|every) ?(?:month|mth|lesson|session|week|class|day|annum|year)[ :=-]{0,3}$", re.IGNORECASE
)
_NOT_MONEY = re.compile(rf" ?-?(?:{_COUNTED}|{_MINUTES}|(?:st|nd|rd|th)\b)", re.IGNORECASE)
_QUOTE = re.compile(
    r"\b(?:quote|propose|market|mkt|negotiable|state|discuss|experienced? based|advise)\b", re.IGNORECASE
)
_UP_TO = re.compile(r"\b(?:up ?to|max(?:imum)?|below|under|capped?(?: at)?|not more than) ?$", re.IGNORECASE)
_FROM = re.compile(r"\b(?:from|at least|min(?:imum)?|starting(?: from| at)?|above) ?$", re.IGNORECASE)
_OR_MORE = re.compile(r" ?(?:\+|onwards?|(?:and|or|&) (?:above|up|more)|minimum|min\b)", re.IGNORECASE)
_SCHEDULE = re.compile(r" ?[(\[][^()\[\]]{0,80}[)\]]")
# For whom an amount is, as in "$50/hr (full-time)"; brackets with numbers tell other things.
_ASIDE = re.compile(
    r" ?\([^()\d]{2,60}\)|,? depending on [a-z ]{3,40}|,? (?:negotiable|nego)\b"
    r"| (?:for (?:both|all|each)\b(?: [a-z]{3,12})?|combined|in total)\b",
    re.IGNORECASE,
)
_OF_MONEY = re.compile(r"[$/]|[pP][eE][rR]|[sS][gG][dD]")
"""What every amount of money has in it; looking for it is quick."""
_NO_AMOUNT = re.compile(
    r"(?:(?:the |your |expected |proposed |hourly |tuition |tutor'?s? )*(?:rates?|fees?|budget|pay)\b.{0,12}"
    r"\b(?:quoted?|propose[ds]?|negotiable|nego?|up to (?:you|tutor)|not fixed|market|discuss(?:ed)?|open)\b"
    r"|(?:please |pls |kindly |tutors? |u |you |to )*"
    r"(?:quote|propose|state)(?: (?:your|yours|ur|the|expected|hourly|rates?|fees?))*"
    r"|(?:rates? )?nego(?:tiable)?|market rates?)(?: by (?:the )?tutors?)?[.!]?",
    re.IGNORECASE,
)
_FREE = re.compile(
    rf"(?:\b(?:up ?to|from|at least|not more than|max(?:imum)?|min(?:imum)?) )?{_MONEY}"
    rf"{_NUMBER}(?P<own>{_PER_HOUR})?(?: ?(?:-|–|—|~|to) ?{_NO_LENGTH}(?:{_MONEY})?{_NUMBER}{_PER_HOUR}?)?\+?"
    rf"|(?<![\d.]){_NUMBER}(?: ?(?:-|–|to) ?{_NUMBER})? ?(?:/ ?|per )h(?:(?:ou)?r)?\b",
    re.IGNORECASE,
)


class Amount(NamedTuple):
    """Money per hour at `start` up to `end` (exclusive) of a text; a bound that is not stated is None."""

    low: float | None
    high: float | None
    start: int
    end: int


def labelled_rate(label: str, value: str) -> tuple[Rate, str]:
    """Read a labelled rate; also return what the value says in brackets about the schedule, or nothing.

    The raw text is the sentences about money. It keeps its label where only that states the unit.
    """
    schedule = ""
    for bracket in _SCHEDULE.finditer(value):
        if patterns.tells_frequency(bracket[0]) and "$" not in bracket[0]:
            schedule = bracket[0].strip()
            value = value.replace(bracket[0], "", 1).strip()
            break
    raw = patterns.stated(_money_sentences(value))
    if raw is None:
        return Rate(), schedule
    low, high = amounts(raw)
    unit_in_label = (
        "hour" in label.lower() and "per" in label.lower() and not re.search(_PER_HOUR, raw, re.IGNORECASE)
    )
    return Rate(min=low, max=high, raw_text=f"{label.rstrip()} {raw}" if unit_in_label else raw), schedule


@lru_cache(maxsize=CACHE)
def free_rate(text: str) -> Rate | None:
    """Read the first amount of money in a text that is not labelled as pay."""
    match = _FREE.search(text) if _OF_MONEY.search(text) else None
    if match is None:
        return None
    unit = _NOT_HOURLY.match(text, match.end())
    if unit:
        raw = text[match.start() : unit.end()]
        return Rate(raw_text=raw) if raw[-1].isalpha() and "$" in raw else None
    low, high = amounts(match[0])
    aside = _ASIDE.match(text, match.end())
    raw = match[0] + (aside[0] if aside else "")
    return Rate(min=low, max=high, raw_text=raw.strip(" .")) if low or high else None


def asks_for_quote(text: str) -> bool:
    """Is the text a word about pay without an amount, such as "rate to be quoted" or "negotiable"?"""
    return _NO_AMOUNT.fullmatch(text) is not None


def amounts(text: str) -> tuple[float | None, float | None]:
    """Return lowest and highest hourly amount; nulls if none is stated, or several for different tutors."""
    stated = {(amount.low, amount.high) for amount in hourly_amounts(text)}
    return stated.pop() if len(stated) == 1 else (None, None)


@lru_cache(maxsize=CACHE)
def hourly_amounts(text: str) -> tuple[Amount, ...]:
    """Return the hourly amounts in the text's order; pay by lesson or month is none."""
    matches = [match for match in _RANGE.finditer(text) if not _is_other_number(match)]
    first = next((at for at, match in enumerate(matches) if _is_signed(match)), 0)
    stated = matches[first:]
    hourly = [match for match in stated if _is_hourly(match)]
    if len(hourly) < len(stated):  # beside pay by lesson, a bare number is something else
        hourly = [match for match in hourly if _is_signed(match)]
    return tuple(amount for match in hourly if (amount := _amount(text, match)))


def _is_signed(match: re.Match[str]) -> bool:
    return bool(match["sign"] or match["sign1"] or match["unit"] or match["unit1"])


def _is_hourly(match: re.Match[str]) -> bool:
    """Is the amount by the hour? It may leave that unsaid, but says no other unit."""
    if match["own"] or match["unit"] or match["unit1"]:
        return True
    before = _BEFORE.search(match.string, max(0, match.start() - 20), match.start())
    return before is None and _BEHIND.match(match.string, match.end()) is None


def _is_other_number(match: re.Match[str]) -> bool:
    return not _is_signed(match) and _NOT_MONEY.match(match.string, match.end()) is not None


def _amount(text: str, match: re.Match[str]) -> Amount | None:
    low, high = (float(match["low"]), float(match["high"])) if match["low"] else (float(match["one"]),) * 2
    if not (LOWEST <= low <= HIGHEST and LOWEST <= high <= HIGHEST) or low > high:
        return None
    up_to = match["one"] and _UP_TO.search(text, max(0, match.start() - 20), match.start())
    or_more = match["one"] and (
        _FROM.search(text, max(0, match.start() - 20), match.start()) or _OR_MORE.match(text, match.end())
    )
    return Amount(
        low=None if up_to else low,
        high=None if or_more and not up_to else high,
        start=match.start(),
        end=match.end(),
    )


def _money_sentences(value: str) -> str:
    """Keep the opening sentences that speak of money or quoting; advice behind them is not the rate."""
    end = 0
    for cut in patterns.SENTENCE.finditer(f"{value}\nX"):
        sentence = value[end : cut.start()]
        if end and not (_FREE.search(sentence) or _QUOTE.search(sentence)):
            return value[:end].strip()
        end = min(cut.end(), len(value))
    return value.strip()
