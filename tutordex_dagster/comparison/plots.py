"""Plots as SVG, drawn here: a plot library would weigh more than the rest of the report."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from tutordex_dagster.comparison.findings import FieldRow, FieldTest

_ROW, _NAMES, _PLOT, _RIGHT, _TOP = 24, 190, 520, 110, 34
"""Pixels: a field's height, the room for its name, the plot, the numbers at its right, and the axis."""
_LINES = 4
_INK, _GRID, _A, _B, _OPEN = "#7a8194", "#7a819455", "#d0652a", "#5572ea", "#8b93a7"


def differences(rows: Sequence[FieldRow], *, a: str, b: str) -> str:
    """Draw B minus A of every tested field with its interval; decisive ones have the colour of the better."""
    tested = [(row.field, row.test) for row in rows if row.test]
    reach = max([0.02, *(abs(end) for _, test in tested for end in test.spread.interval)])
    height, width = _TOP + _ROW * len(tested) + 8, _NAMES + _PLOT + _RIGHT
    shapes = [*_axis(reach, height, a, b)]
    for index, (name, test) in enumerate(tested):
        shapes += _row(name, test, reach, _TOP + _ROW * index + _ROW / 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="Difference of every field with its 95 % interval"'
        f' font-family="system-ui, sans-serif" font-size="12" fill="{_INK}">{"".join(shapes)}</svg>'
    )


def _axis(reach: float, height: int, a: str, b: str) -> list[str]:
    shapes = [
        _text(_NAMES, 12, f"◀ {a} (A)", colour=_A),
        _text(_NAMES + _PLOT, 12, f"{b} (B) ▶", anchor="end", colour=_B),
    ]
    step = _step(reach)
    for number in range(-int(reach / step), int(reach / step) + 1):
        x = _x(number * step, reach)
        colour = _INK if number == 0 else _GRID
        shapes.append(f'<path d="M{x:.1f} {_TOP - 4}V{height - 4}" stroke="{colour}"/>')
        shapes.append(_text(x, _TOP - 8, f"{number * step * 100:+g}" if number else "0", anchor="middle"))
    return shapes


def _row(name: str, test: FieldTest, reach: float, y: float) -> list[str]:
    low, high = (_x(end, reach) for end in test.spread.interval)
    colour = (_B if test.difference > 0 else _A) if test.decisive else _OPEN
    dot = f'<circle cx="{_x(test.difference, reach):.1f}" cy="{y}" r="{5 if test.decisive else 3.5}"'
    return [
        _text(_NAMES - 10, y + 4, name, anchor="end", bold=test.decisive),
        f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{colour}" stroke-width="{3 if test.decisive else 2}"/>',
        f'{dot} fill="{colour}"/>',
        _text(_NAMES + _PLOT + 12, y + 4, f"{test.difference * 100:+.1f}", bold=test.decisive),
        _text(_NAMES + _PLOT + 56, y + 4, "decisive" if test.decisive else "", colour=colour),
    ]


def _x(share: float, reach: float) -> float:
    return _NAMES + _PLOT / 2 + share / reach * (_PLOT / 2 - 6)


def _step(reach: float) -> float:
    """Return the round distance between two lines that gives few of them on each side."""
    return next((step for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if reach <= _LINES * step), 0.5)


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, colour: str = ""
) -> str:
    more = (' font-weight="600"' if bold else "") + (f' fill="{colour}"' if colour else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'
