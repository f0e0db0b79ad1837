"""Field values as text: in a spreadsheet's cell, on a page, and read back from what a person wrote."""

from collections.abc import Sequence
from typing import Any

import orjson

from tutordex_dagster.comparison.fields import Field
from tutordex_dagster.errors import UsageError

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
NOTHING = "none"
"""What a person writes when the post does not state the field."""


def shown(values: Sequence[Any]) -> str:
    """Write the values of a post's assignments for people: one a line when there are several."""
    return "\n".join(_one(value) for value in values)


def safe(text: str) -> str:
    """Keep a spreadsheet from running a cell as a formula: posts are written by strangers."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def read(field: Field, text: str) -> Any:  # noqa: ANN401 - as the field's JSON has it
    """Read one value as a person writes it: `none`, a number, lists with `;` between, slots as JSON.

    Raises UsageError for text that is no value of this field.
    """
    text = text.strip().removeprefix("'")
    if text.casefold() == NOTHING:
        return None
    match field.kind:
        case "amount":
            return _number(field, text)
        case "set":
            return [part.strip() for part in text.split(";")]
        case "slots" | "tiers":
            return _json(field, text)
        case "code" | "text":
            return text


def _one(value: Any) -> str:  # noqa: ANN401
    if value in (None, [], {}):
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "; ".join(value)
    if isinstance(value, dict | list):
        stated = _without_empty(value)
        return orjson.dumps(stated).decode() if stated else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _without_empty(value: Any) -> Any:  # noqa: ANN401
    """Leave out the days without slots: they are most of an availability."""
    if isinstance(value, dict):
        kept = {name: _without_empty(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part not in (None, [], {})}
    return value


def _number(field: Field, text: str) -> float:
    try:
        return float(text.removeprefix("$"))
    except ValueError:
        raise UsageError(f"{field.name}: {text!r}", "is no amount", "write 35, or none") from None


def _json(field: Field, text: str) -> Any:  # noqa: ANN401
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise UsageError(
            f"{field.name}: {text!r}", "is no JSON", "copy the better side into the cell and correct it there"
        ) from None
