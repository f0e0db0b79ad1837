"""Every SQL statement of the project, read once from `queries/*.sql`."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import LiteralString, cast

_FOLDER = Path(__file__).parent / "queries"
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def load(group: str) -> Mapping[str, LiteralString]:
    """Return the statements of `queries/<group>.sql` by name.

    A statement starts at its line `-- name: the_name`. The texts ship with the package and hold no value
    from outside, hence LiteralString: psycopg then refuses any query that was built from data.
    """
    parts = _NAME.split((_FOLDER / f"{group}.sql").read_text(encoding="utf-8"))
    return {
        name: cast("LiteralString", body.strip()) for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
