"""The fields that are compared, and when two values of a field say the same.

One rule for both questions, "do A and B agree" and "is A right": codes, modes, amounts, sets and slots have
to be equal, case and spaces aside; free text agrees when the F1 of its words is at least 0.8. What is not
stated agrees only with what is not stated.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

SAME_TEXT = 0.8
"""F1 over words from which two free texts say the same."""

Kind = Literal["code", "text", "amount", "set", "slots", "tiers"]
Value = Any
"""A field's value as the stored JSON has it."""

Key: TypeAlias = str | float | tuple[str, ...] | frozenset[Any] | None
"""What is left of a value for comparing; None when it holds nothing."""

_WORD = re.compile(r"[\w$%.]+")
_NOT_OF_A_CODE = re.compile(r"[#\s]")
_STATION_WORDS = frozenset({"mrt", "lrt", "station", "near", "nearest", "nearby"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name is its path in the stored assignment."""

    name: str
    kind: Kind

    def of(self, segment: Mapping[str, Any]) -> Value:
        """Return the field's value in one stored assignment, None where it is absent."""
        value: Any = segment
        for part in self.name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def key(self, value: Value) -> Key:
        """Return what of the value is compared."""
        key = None if value in (None, "", [], {}) else _KEYS[self.kind](value)
        if self.name == "nearest_mrt" and isinstance(key, tuple):
            key = tuple(word for word in key if word not in _STATION_WORDS)
        return None if key in ("", (), frozenset()) else key

    def agrees(self, left: Key, right: Key) -> bool:
        """Tell whether two keys say the same."""
        if left == right:
            return True
        return isinstance(left, tuple) and isinstance(right, tuple) and _overlap(left, right) >= SAME_TEXT

    def all_agree(self, left: tuple[Key, ...], right: tuple[Key, ...]) -> bool:
        """Tell whether two posts' keys, one for each assignment in it, say the same."""
        if left == right or not any(key is not None for key in (*left, *right)):
            return True
        return len(left) == len(right) and all(map(self.agrees, left, right))


FIELDS = (
    Field("assignment_code", "code"),
    Field("academic_display_text", "text"),
    Field("learning_mode.mode", "code"),
    Field("address", "text"),
    Field("postal_code", "set"),
    Field("nearest_mrt", "text"),
    Field("lesson_schedule", "text"),
    Field("start_date", "text"),
    Field("rate.min", "amount"),
    Field("rate.max", "amount"),
    Field("rate.raw_text", "text"),
    Field("rate_breakdown", "tiers"),
    Field("additional_remarks", "text"),
    Field("time_availability", "slots"),
    Field("subjects", "set"),
    Field("levels", "set"),
    Field("streams", "set"),
    Field("tutor_types", "set"),
    Field("status", "code"),
)
"""What is compared, in the order of the reports. Districts and region follow from the postal code."""

BY_NAME = {field.name: field for field in FIELDS}


def _overlap(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    common = sum((Counter(left) & Counter(right)).values())
    return 2 * common / (len(left) + len(right))


def _text(value: Value) -> Key:
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    words = (word.strip(".") for word in _WORD.findall(text.casefold()))
    return tuple(word for word in words if word)


def _code(value: Value) -> Key:
    return _NOT_OF_A_CODE.sub("", str(value)).casefold()


def _amount(value: Value) -> Key:
    return float(value) if isinstance(value, int | float) else _code(value)


def _set(value: Value) -> Key:
    return frozenset(map(_code, value if isinstance(value, list | tuple) else [value]))


def _slots(value: Value) -> Key:
    return frozenset(
        (source, day, slot)
        for source in ("explicit", "estimated")
        for day, slots in (value.get(source) or {}).items()
        for slot in slots or ()
    )


def _tiers(value: Value) -> Key:
    return frozenset((_code(tier["tutor_type"]), tier.get("min"), tier.get("max")) for tier in value)


_KEYS: Mapping[Kind, Callable[[Value], Key]] = {
    "code": _code,
    "text": _text,
    "amount": _amount,
    "set": _set,
    "slots": _slots,
    "tiers": _tiers,
}
