"""What a person writes for a field, read and held against the shape the contract gives it.

A label stays and is compared with every version to come, so nothing that has another shape becomes one.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import orjson
from pydantic import AfterValidator, FiniteFloat, TypeAdapter, ValidationError

from tutordex_dagster.comparison.fields import Field, Kind
from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.contract import Mode, Status, TierRate, TimeAvailability

NOTHING = "none"
"""What a person writes when the post does not state the field."""

_SLOT = re.compile(r"\d\d:\d\d-\d\d:\d\d")
_ONE_OF = {"learning_mode.mode": get_args(Mode), "status": get_args(Status)}
"""Fields with few values: another one could never be right."""


@dataclass(frozen=True, slots=True)
class _Shape:
    values: TypeAdapter[Any]
    name: str
    example: str


def _adapter(form: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a union is no `type` to a type checker
    return TypeAdapter(form)


class _Tier(TierRate):
    """A rate as a person writes it: the post's words for it take no part in a comparison."""

    min: FiniteFloat | None = None
    max: FiniteFloat | None = None
    raw_text: str = ""


def _on_the_clock(value: TimeAvailability) -> TimeAvailability:
    for week in (value.explicit, value.estimated):
        for day, slots in week:
            for slot in slots:
                if not _SLOT.fullmatch(slot):
                    raise ValueError(f"{day} has {slot!r} for a slot HH:MM-HH:MM")
    return value


_SHAPES: Mapping[Kind, _Shape] = {
    "code": _Shape(_adapter(str), "text", "the words of the post"),
    "text": _Shape(_adapter(str | tuple[str, ...]), "text", "the words of the post"),
    "amount": _Shape(_adapter(FiniteFloat), "amount", "35"),
    "set": _Shape(_adapter(tuple[str, ...]), "list", "Maths; Science"),
    "slots": _Shape(
        _adapter(Annotated[TimeAvailability, AfterValidator(_on_the_clock)]),
        "availability",
        '{"explicit": {"monday": ["16:00-18:00"]}}',
    ),
    "tiers": _Shape(
        _adapter(tuple[_Tier, ...]),
        "list of rates",
        '[{"tutor_type": "Part-time", "min": 30, "max": 35}]',
    ),
}


def read_all(field: Field, text: str, *, found: Collection[int]) -> tuple[Any, ...]:
    """Read the values of a post in which the versions found so many assignments, one value for each.

    In a post with several it is a JSON list, as long as that of one of the versions, or `none` for all of
    them. Raises UsageError for anything else.
    """
    if max(found, default=1) <= 1 or _is_nothing(text):
        return (read(field, text),)
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list) or len(values) not in found:
        raise UsageError(
            f"{field.name}: {text!r}",
            f"is no JSON list of {' or '.join(map(str, sorted(found)))} values, one for each assignment",
            f"write such a list, with null where nothing is stated, or {NOTHING}",
        )
    return tuple(shaped(field, value) for value in values)


def read(field: Field, text: str) -> Any:  # noqa: ANN401 - as the field's JSON has it
    """Read one value as a person writes it: `none`, a number, lists with `;` between, slots as JSON.

    Raises UsageError for text that is no value of this field.
    """
    text = text.strip().removeprefix("'")
    if _is_nothing(text):
        return None
    value: Any = text
    match field.kind:
        case "amount":
            value = text.removeprefix("$")
        case "set":
            value = [part.strip() for part in text.split(";") if part.strip()]
        case "slots" | "tiers":
            value = _json(field, text)
        case "code" | "text":
            pass
    return shaped(field, value)


def shaped(field: Field, value: Any) -> Any:  # noqa: ANN401
    """Return a value as the field's JSON has it; UsageError for one that has another shape."""
    if value is None:
        return None
    shape = _SHAPES[field.kind]
    try:
        found = shape.values.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        raise UsageError(
            f"{field.name}: {value!r}",
            f"is no {shape.name} ({place}{first['msg']})",
            f"write {shape.example}, or {NOTHING}",
        ) from None
    known = _ONE_OF.get(field.name, ())
    if known and field.key(found) not in map(field.key, known):
        raise UsageError(
            f"{field.name}: {value!r}", "is no value of this field", f"write {', '.join(known)}, or {NOTHING}"
        )
    return shape.values.dump_python(found, mode="json", exclude_unset=True)


def _is_nothing(text: str) -> bool:
    return text.strip().casefold() == NOTHING


def _json(field: Field, text: str) -> Any:  # noqa: ANN401
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if value is None:
        raise UsageError(
            f"{field.name}: {text!r}", "is no JSON", "copy the better side into the cell and correct it there"
        )
    return value
