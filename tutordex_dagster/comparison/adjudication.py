"""`adjudicate.csv`: disagreements for a person to judge, and what the person wrote as labels.

Which side is A changes from row to row, so nobody judges a name. In `label` goes `left`, `right`, the right
value itself, or `none` when the post does not state it; an empty cell is no label.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import orjson

from tutordex_dagster.comparison.cells import read, safe, shown
from tutordex_dagster.comparison.fields import BY_NAME, Field
from tutordex_dagster.comparison.samples import Disagreement
from tutordex_dagster.errors import UsageError

COLUMNS = ("raw_id", "channel", "message_id", "field", "left", "right", "label", "text")
_JSON = ("left_json", "right_json")
"""The two sides exactly, for reading `left` and `right` back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What a person says is right: the values of one field, one for each assignment in the post."""

    raw_id: int
    field: str
    values: tuple[Any, ...]


def write_sheet(file: TextIO, sample: Iterable[Disagreement], texts: Mapping[int, str]) -> int:
    """Write the sheet and return its number of rows."""
    writer = csv.writer(file, lineterminator="\n")
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

    Raises UsageError, with the line, for a file without the columns, an unknown field and an unusable label.
    """
    rows = csv.DictReader(file)
    missing = {"raw_id", "field", "label", *_JSON} - set(rows.fieldnames or ())
    if missing:
        raise UsageError(
            ", ".join(sorted(missing)),
            "are missing columns",
            "fill in an adjudicate.csv and keep its columns",
        )
    for row in rows:
        if (row["label"] or "").strip():
            try:
                yield _label(row)
            except UsageError as error:
                raise UsageError(
                    f"line {rows.line_num}: {error.value}", error.reason, error.next_step
                ) from error


def _label(row: Mapping[str, str]) -> Labelled:
    field = BY_NAME.get(row["field"])
    if field is None:
        raise UsageError(repr(row["field"]), "is no field", f"known fields: {', '.join(BY_NAME)}")
    if not row["raw_id"].isdecimal():
        raise UsageError(f"raw_id {row['raw_id']!r}", "is no number", "leave the column as it was written")
    return Labelled(raw_id=int(row["raw_id"]), field=field.name, values=_values(row, field))


def _values(row: Mapping[str, str], field: Field) -> tuple[Any, ...]:
    label = row["label"].strip()
    side = label.casefold()
    if side not in ("left", "right"):
        return (read(field, label),)
    try:
        values = orjson.loads(row[f"{side}_json"] or "")
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list):
        raise UsageError(f"{side}_json", "is no JSON list", "leave the column as it was written")
    return tuple(values)
