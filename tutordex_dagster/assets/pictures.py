"""What a person sees when opening a materialization: a sample as a table, and a small plot."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

import dagster as dg

from tutordex_dagster.windows import HOUR

_CELL_CHARACTERS = 160
_WIDTH, _HEIGHT, _TOP, _ROW, _NAMES = 640, 90, 22, 20, 150
"""Pixels: a plot's width and height, where it begins, a bar's row, and the room for its name."""
_COLOURS = ("#4f43dd", "#a0a7b8", "#e5a823", "#d24141")


def table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue | dg.MarkdownMetadataValue:
    """Return rows as a table, long texts cut; a sentence when there are none."""
    if not rows:
        return dg.MetadataValue.md("_nothing to show_")
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows]
    columns = [dg.TableColumn(name, _column_type(records, name)) for name in rows[0]]
    return dg.MetadataValue.table(records=records, schema=dg.TableSchema(columns=columns))


def per_hour(
    title: str, hours: Sequence[datetime], series: Mapping[str, Sequence[int]]
) -> dg.MarkdownMetadataValue:
    """Plot counts per hour, the series stacked on each other; `hours` ascend and may leave gaps."""
    first, span = hours[0], int((hours[-1] - hours[0]) / HOUR) + 1
    tops = [sum(values) for values in zip(*series.values(), strict=True)]
    step, unit = _WIDTH / span, _HEIGHT / max([*tops, 1])
    shapes = [_text(0, 12, title), _text(0, _TOP + _HEIGHT + 14, f"{first:%d %b %H:%M}")]
    shapes += [_text(_WIDTH, _TOP + _HEIGHT + 14, f"{hours[-1] + HOUR:%d %b %H:%M} UTC", anchor="end")]
    shapes += [_text(_WIDTH, 12, _legend(series, max(tops)), anchor="end")]
    floor = [0] * len(hours)
    for values, colour in zip(series.values(), _COLOURS, strict=False):
        bars = ""
        for index, (hour, value) in enumerate(zip(hours, values, strict=True)):
            if value:
                x, base = (hour - first) / HOUR * step, _TOP + _HEIGHT - floor[index] * unit
                bars += f"M{x:.1f} {base:.1f}h{step * 0.9:.1f}v{-value * unit:.1f}h{-step * 0.9:.1f}z"
            floor[index] += value
        shapes.append(f'<path fill="{colour}" d="{bars}"/>')
    return _image(title, shapes, height=_TOP + _HEIGHT + 20)


def bars(title: str, counts: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    """Plot one horizontal bar for each name, in the given order from the top."""
    longest = max(counts.values(), default=1)
    shapes = [_text(0, 12, title)]
    for row, (name, count) in enumerate(counts.items()):
        y, length = _TOP + row * _ROW, count / longest * (_WIDTH - _NAMES - 60)
        shapes.append(_text(_NAMES - 6, y + 12, name, anchor="end"))
        shapes.append(
            f'<path fill="{_COLOURS[0]}" d="M{_NAMES} {y + 2}h{length:.1f}v{_ROW - 6}h{-length:.1f}z"/>'
        )
        shapes.append(_text(_NAMES + length + 6, y + 12, str(count)))
    return _image(title, shapes, height=_TOP + len(counts) * _ROW)


def _legend(series: Mapping[str, Sequence[int]], peak: int) -> str:
    totals = ", ".join(f"{sum(values)} {name}" for name, values in series.items() if sum(values))
    return f"{totals or 0}; at most {peak} an hour"


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _image(alternative: str, shapes: Sequence[str], *, height: float) -> dg.MarkdownMetadataValue:
    """Return the shapes as an SVG in Markdown: a plot library would add 0.4 s to every run that plots."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}"'
        f' font-family="sans-serif" font-size="11" fill="#888">{"".join(shapes)}</svg>'
    )
    return dg.MetadataValue.md(
        f"![{alternative}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode('ascii')})"
    )


def _cell(value: object) -> str | int | float | bool:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _CELL_CHARACTERS else text[: _CELL_CHARACTERS - 1] + "…"


def _column_type(records: Sequence[dg.TableRecord], name: str) -> str:
    values = [record.data[name] for record in records]
    if all(isinstance(value, int) for value in values):
        return "int"
    return "float" if all(isinstance(value, int | float) for value in values) else "string"
