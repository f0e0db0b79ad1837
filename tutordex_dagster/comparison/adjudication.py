"""`adjudicate.csv`: disagreements for a person to judge, and what the person wrote as labels.

Which side is A changes from row to row, so nobody judges a name. In `label` goes `left`, `right`, the right
value itself, or `none` when the post does not state it; an empty cell is no label. Where a version found
several assignments, the value is a JSON list with one for each.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import orjson

from tutordex_dagster.comparison.cells import safe, sheet, shown
from tutordex_dagster.comparison.fields import BY_NAME, Field
from tutordex_dagster.comparison.handwritten import read_all, shaped
from tutordex_dagster.comparison.samples import Disagreement
from tutordex_dagster.errors import UsageError

COLUMNS = ("raw_id", "channel", "message_id", "field", "left", "right", "label", "text")
_JSON = ("left_json", "right_json")
"""The two sides exactly, for reading `left` and `right` back."""
_LEAVE = "leave the column as it was written"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What a person says is right: the values of one field, one for each assignment in the post."""

    raw_id: int
    field: str
    values: tuple[Any, ...]


def write_sheet(file: TextIO, sample: Iterable[Disagreement], texts: Mapping[int, str]) -> int:
    """Write the sheet and return its number of rows."""
    writer = sheet(file)
    writer.writerow([*COLUMNS, *_JSON])
    rows = 0
    for each in sample:
        left, right = (each.b, each.a) if each.swapped else (each.a, each.b)
        sides = [safe(shown(left)), safe(shown(right))]
        text = safe(texts.get(each.raw_id, ""))
        exact = [orjson.dumps(left).decode(), orjson.dumps(right).decode()]
        writer.writerow([each.raw_id, each.channel, each.message_id, each.field, *sides, "", text, *exact])
        rows += 1
    return rows


def read_sheet(file: TextIO) -> Iterator[Labelled]:
    """Yield the labels of a filled sheet.

    Raises UsageError for a file that is no CSV in UTF-8 or lacks the columns; with the row, as a spreadsheet
    numbers it, for an unknown field, an unusable label, and a second one for the same.
    """
    try:
        yield from _labels(csv.DictReader(file, restval=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError("the sheet", f"cannot be read ({error})", "save it as CSV UTF-8") from error


def _labels(rows: "csv.DictReader[str]") -> Iterator[Labelled]:
    missing = {"raw_id", "field", "label", *_JSON} - set(rows.fieldnames or ())
    if missing:
        raise UsageError(
            ", ".join(sorted(missing)),
            "are missing columns",
            "fill in an adjudicate.csv and keep its columns",
        )
    labelled: dict[tuple[int, str], int] = {}
    for number, row in enumerate(rows, start=2):
        if row["label"].strip():
            try:
                label = _label(row)
            except UsageError as error:
                raise UsageError(f"row {number}: {error.value}", error.reason, error.next_step) from error
            first = labelled.setdefault((label.raw_id, label.field), number)
            if first != number:
                raise UsageError(f"row {number}", f"labels the same as row {first}", "keep one of them")
            yield label


def _label(row: Mapping[str, str]) -> Labelled:
    field = BY_NAME.get(row["field"])
    if field is None:
        raise UsageError(repr(row["field"]), "is no field", f"known fields: {', '.join(BY_NAME)}")
    if not row["raw_id"].isdecimal():
        raise UsageError(f"raw_id {row['raw_id']!r}", "is no number", _LEAVE)
    return Labelled(raw_id=int(row["raw_id"]), field=field.name, values=_values(row, field))


def _values(row: Mapping[str, str], field: Field) -> tuple[Any, ...]:
    label = row["label"].strip()
    side = label.casefold()
    if side not in ("left", "right"):
        found = {len(_side(row, column)) for column in _JSON if row[column]}
        return read_all(field, label, found=found)
    column = f"{side}_json"
    values = _side(row, column)
    try:
        return tuple(shaped(field, value) for value in values)
    except UsageError as error:
        raise UsageError(f"{column}: {error.value}", error.reason, _LEAVE) from error


def _side(row: Mapping[str, str], column: str) -> list[Any]:
    try:
        values = orjson.loads(row[column])
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list):
        raise UsageError(column, "is no JSON list", _LEAVE)
    return values
