"""What a model says about a post is a fact only if it stands there: what does not is dropped and counted.

Verbatim text has to occur, white space, letter case and markup aside; codes and postal codes have to occur
exactly and whole; amounts, and the hours of slots, have to occur in the words they are read from.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tutordex_dagster.extraction.contract import DAYS
from tutordex_dagster.extraction.llm.words import Words

_POSTAL_CODE = re.compile(r"\d{6}")
_SLOT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_HALF_DAY = 12
_NOON = re.compile(r"noon|midday|midnight|lunch", re.IGNORECASE)

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
        return _POSTAL_CODE.fullmatch(code) is not None and words.has_number(code)

    return _kept(values or (), stands, name, dropped) or None


def _learning_mode(value: Mapping[str, Any], words: Words, name: str, dropped: Dropped) -> dict[str, Any]:
    """Keep a mode only with the words that say so."""
    said = _text(value["raw_text"], words, name, dropped)
    if said is None and value["mode"] is not None and value["raw_text"] is None:
        dropped[name] += 1
    return {"mode": value["mode"] if said else None, "raw_text": said}


def _rate(value: Mapping[str, Any], words: Words, name: str, dropped: Dropped) -> dict[str, Any]:
    said = _text(value["raw_text"], words, name, dropped)
    if said is None and value["raw_text"] is None and (value["min"], value["max"]) != (None, None):
        dropped[name] += 1
    return {**_amounts(value, said or "", name, dropped), "raw_text": said}


def _tiers(
    values: tuple[Mapping[str, Any], ...], words: Words, name: str, dropped: Dropped
) -> tuple[dict[str, Any], ...]:
    stand = _kept(values, lambda tier: words.has(tier["raw_text"]), name, dropped)
    return tuple({**tier, **_amounts(tier, tier["raw_text"], name, dropped)} for tier in stand)


def _amounts(value: Mapping[str, Any], said: str, name: str, dropped: Dropped) -> dict[str, float | None]:
    stated = {float(number) for number in _NUMBER.findall(said)}
    amounts = {bound: value[bound] for bound in ("min", "max") if value[bound] is not None}
    wrong = [bound for bound, amount in amounts.items() if amount not in stated]
    if said:
        dropped.update({name: len(wrong)} if wrong else {})
    return {bound: None if bound in wrong else value[bound] for bound in ("min", "max")}


def _availability(value: Mapping[str, Any], words: Words, name: str, dropped: Dropped) -> dict[str, Any]:
    """Keep slots only with the words they are read from, explicit ones only with their hours in them."""
    note = _lines(value["note"], words, name, dropped)
    hours = {int(float(number)) for number in _NUMBER.findall(note or "")}
    hours |= {0, _HALF_DAY} if _NOON.search(note or "") else set()

    def explicit(slot: str) -> bool:
        found = _SLOT.fullmatch(slot)
        return bool(found and note and all(_told(int(found[i]), hours) for i in (1, 3)))

    def estimated(slot: str) -> bool:
        return bool(note and _SLOT.fullmatch(slot))

    return {
        "explicit": _slots(value["explicit"], explicit, name, dropped),
        "estimated": _slots(value["estimated"], estimated, name, dropped),
        "note": note,
    }


def _told(hour: int, hours: set[int]) -> bool:
    """Is the hour among these, on either clock, alone (18) or with its minutes (1800, 630)?"""
    shown = {hour, hour % _HALF_DAY or _HALF_DAY}
    return any(each in shown or each // 100 in shown for each in hours)


def _slots(
    week: Mapping[str, tuple[str, ...]], stands: Callable[[str], bool], name: str, dropped: Dropped
) -> dict[str, tuple[str, ...]]:
    return {day: _kept(week[day], stands, name, dropped) for day in DAYS}


def _as_said(value: str, words: Words, name: str, dropped: Dropped) -> str:
    del words, name, dropped
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
    "status": _as_said,
}
