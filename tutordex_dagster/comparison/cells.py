"""Field values as text: in a spreadsheet's cell and on a page."""

import csv
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import orjson

if TYPE_CHECKING:
    from _csv import Writer

_FORMULA = ("=", "+", "-", "@")


def sheet(file: TextIO) -> "Writer":
    """Return the writer of a spreadsheet's rows.

    They end in CRLF (RFC 4180): only then does csv quote a carriage return that stands alone in a cell, which
    a spreadsheet takes for the end of a row.
    """
    return csv.writer(file, lineterminator="\r\n")


def shown(values: Sequence[Any]) -> str:
    """Write the values of a post's assignments for people: one a line when there are several."""
    return "\n".join(_one(value) for value in values)


def safe(text: str) -> str:
    """Keep a spreadsheet from running a cell as a formula: posts are written by strangers."""
    runs = text.startswith(("\t", "\r")) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if runs else text


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
