"""`report.html`: one file that needs nothing else, and lets nothing else in.

Its policy allows this style and this script, named by their hashes, and no address at all: a post that
smuggled in markup (every value is escaped) could still neither run nor load anything.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tutordex_dagster.comparison import plots
from tutordex_dagster.comparison.cells import shown
from tutordex_dagster.comparison.findings import Comparison
from tutordex_dagster.comparison.samples import Disagreement
from tutordex_dagster.comparison.words import percent, points

_FOLDER = Path(__file__).parent / "page"
_NO_MORE = "base-uri 'none'; form-action 'none'"
_STATUSES = ("ok", "skipped", "dead", "failed", "processing", "pending", "missing")


def html(comparison: Comparison, disagreements: Iterable[Disagreement], texts: Mapping[int, str]) -> str:
    """Return the page; `texts` are the posts of the disagreements by raw id."""
    style, script = _part("page.css"), _part("page.js")
    plot = plots.differences(comparison.fields, a=comparison.a.version, b=comparison.b.version)
    return (
        _environment()
        .get_template("page.html")
        .render(
            comparison=comparison,
            disagreements=list(disagreements),
            texts=texts,
            tested=[row for row in comparison.fields if row.test],
            labelled=any(row.test and row.test.basis != "coverage" for row in comparison.fields),
            statuses=_seen(comparison),
            plot=Markup(plot),  # noqa: S704 - drawn by us, its texts escaped
            style=Markup(style),  # noqa: S704 - a file of ours
            script=Markup(script),  # noqa: S704 - as above
            policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; {_NO_MORE}",
        )
    )


def _seen(comparison: Comparison) -> list[str]:
    seen = {end for ends in comparison.outcomes for end in ends}
    return [status for status in _STATUSES if status in seen]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, points=points, shown=shown, number=_number, p=_p)
    return environment


@cache
def _part(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"  # noqa: PLR2004 - as written


def _number(value: float) -> str:
    """Write a number for reading: thousands apart, no needless digits."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"  # noqa: PLR2004
