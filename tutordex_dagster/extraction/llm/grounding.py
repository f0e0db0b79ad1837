"""What a model says about a post is a fact only if it stands there: what does not is dropped and counted.

Verbatim text has to occur, white space, letter case and markup aside, and cuts no number of the post; codes
and postal codes have to occur exactly and whole; amounts, and the days and times of slots, have to occur in
the words they are read from. A mode, a kind of tutor and a closed status need words that can mean it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from tutordex_dagster.extraction.contract import DAYS
from tutordex_dagster.extraction.llm.absence import provably_absent
from tutordex_dagster.extraction.llm.week import days_named, times_named
from tutordex_dagster.extraction.llm.words import Words
from tutordex_dagster.extraction.rules import people

_POSTAL_CODE = re.compile(r"\d{6}")
_SLOT = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

Dropped = Counter[str]
"""By field name, how many values were not found in the post."""


def ground(segment: Mapping[str, Any], words: Words, dropped: Dropped) -> dict[str, Any]:
    """Return the segment with only what stands in the post; what is dropped is added to `dropped`."""
    return {name: _GROUND[name](value, words, name, dropped) for name, value in segment.items()}


def ground_exact(values: Iterable[str], words: Words, name: str, dropped: Dropped) -> tuple[str, ...]:
    """Return those of the values that occur in the post exactly, as whole words."""
    return _kept(values, words.has_word, name, dropped)


def _text(value: str | None, words: Words, name: str, dropped: Dropped) -> str | None:
    return next(iter(_kept(() if value is None else (value,), words.has, name, dropped)), None)


def _texts(
    values: tuple[str, ...] | None, words: Words, name: str, dropped: Dropped
) -> tuple[str, ...] | None:
    return _kept(values or (), words.has, name, dropped) or None


def _lines(value: str | None, words: Words, name: str, dropped: Dropped) -> str | None:
    """Ground every line by itself: remarks and times are gathered from all over a post."""
    lines = (line for line in (value or "").splitlines() if line.strip())
    return "\n".join(_kept(lines, words.has, name, dropped)) or None


def _code(value: str | None, words: Words, name: str, dropped: Dropped) -> str | None:
    return next(iter(ground_exact(() if value is None else (value,), words, name, dropped)), None)


def _postal_codes(
    values: tuple[str, ...] | None, words: Words, name: str, dropped: Dropped
) -> tuple[str, ...] | None:
    def stands(code: str) -> bool:
        return _POSTAL_CODE.fullmatch(code) is not None and words.has_postal_code(code)

    return _kept(values or (), stands, name, dropped) or None


def _learning_mode(value: Mapping[str, Any], words: Words, name: str, dropped: Dropped) -> dict[str, Any]:
    """Keep a mode only with the words that say so."""
    said = _text(value["raw_text"], words, name, dropped)
    if value["mode"] is not None and (said or value["raw_text"] is None):
        said = next(iter(_kept((said,), _says_a_mode, name, dropped)), None)
    return {"mode": value["mode"] if said else None, "raw_text": said}


def _says_a_mode(said: str | None) -> bool:
    return said is not None and not provably_absent("learning_mode", said)


def _rate(value: Mapping[str, Any], words: Words, name: str, dropped: Dropped) -> dict[str, Any]:
    said = _text(value["raw_text"], words, name, dropped)
    if said is None and value["raw_text"] is None and (value["min"], value["max"]) != (None, None):
        dropped[name] += 1
    return {**_amounts(value, said or "", name, dropped), "raw_text": said}


def _tiers(
    values: tuple[Mapping[str, Any], ...], words: Words, name: str, dropped: Dropped
) -> tuple[dict[str, Any], ...]:
    def stands(tier: Mapping[str, Any]) -> bool:
        return words.has(tier["raw_text"]) and _is_kind_of(tier["tutor_type"], tier["raw_text"], words)

    stand = _kept(values, stands, name, dropped)
    return tuple({**tier, **_amounts(tier, tier["raw_text"], name, dropped)} for tier in stand)


def _is_kind_of(tutor_type: str, said: str, words: Words) -> bool:
    """Is the kind of tutor in the post, or another name of one that is in these words of it?"""
    told = people.tutor_types((said,))
    return (
        words.has_opening(tutor_type)
        or tutor_type in told
        or not set(told).isdisjoint(people.tutor_types((tutor_type,)))
    )


def _amounts(value: Mapping[str, Any], said: str, name: str, dropped: Dropped) -> dict[str, float | None]:
    stated = {float(number) for number in _NUMBER.findall(said)}
    amounts = {bound: value[bound] for bound in ("min", "max") if value[bound] is not None}
    wrong = [bound for bound, amount in amounts.items() if amount not in stated]
    if said:
        dropped.update({name: len(wrong)} if wrong else {})
    return {bound: None if bound in wrong else value[bound] for bound in ("min", "max")}


def _availability(value: Mapping[str, Any], words: Words, name: str, dropped: Dropped) -> dict[str, Any]:
    """Keep slots only with their day in the words they are read from, explicit ones only with their times."""
    note = _lines(value["note"], words, name, dropped)
    days, times = days_named(note or ""), times_named(note or "")

    def slots(kind: str, stands: Callable[[re.Match[str]], bool]) -> dict[str, tuple[str, ...]]:
        def kept(day: str, slot: str) -> bool:
            found = _SLOT.fullmatch(slot)
            return day in days and found is not None and stands(found)

        week = value[kind]
        return {day: _kept(week[day], partial(kept, day), name, dropped) for day in DAYS}

    return {
        "explicit": slots("explicit", lambda slot: times.issuperset(map(_minutes, (slot[1], slot[2])))),
        "estimated": slots("estimated", lambda _: True),
        "note": note,
    }


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _status(value: str, words: Words, name: str, dropped: Dropped) -> str:
    """Keep a closed status only in a post with a word or sign for one."""
    if value == "closed" and provably_absent("status", words.plain):
        dropped[name] += 1
        return "open"
    return value


def _kept(
    values: Iterable[Any], stands: Callable[[Any], bool], name: str, dropped: Dropped
) -> tuple[Any, ...]:
    values = tuple(values)
    standing = tuple(value for value in values if stands(value))
    if lost := len(values) - len(standing):
        dropped[name] += lost
    return standing


_GROUND: Mapping[str, Callable[[Any, Words, str, Dropped], Any]] = {
    "assignment_code": _code,
    "academic_display_text": _text,
    "learning_mode": _learning_mode,
    "address": _texts,
    "postal_code": _postal_codes,
    "nearest_mrt": _texts,
    "lesson_schedule": _texts,
    "start_date": _text,
    "rate": _rate,
    "rate_breakdown": _tiers,
    "additional_remarks": _lines,
    "time_availability": _availability,
    "status": _status,
}
