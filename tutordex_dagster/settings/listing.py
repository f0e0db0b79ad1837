"""The settings as people see them: their values, their reference, and names that are none."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tutordex_dagster.settings.paths import PROJECT, in_project
from tutordex_dagster.settings.reading import Settings

OUR_PREFIXES = (
    "TUTORDEX_",
    "EXTRACTION_",
    "LLM_",
    "RECOVERY_CATCHUP_",
    "TELEGRAM_",
    "TG_SESSION",
    "SESSION_STRING",
    "TAIL_",
    "RESILIENCE_",
)
"""A variable with one of these prefixes that no setting knows is most likely a slip of the pen."""


def unknown_variables(environment: Iterable[str]) -> tuple[str, ...]:
    """Return variables that carry one of our prefixes but that no setting knows, sorted."""
    known = {name.upper() for name in Settings.model_fields}
    return tuple(sorted(n for n in environment if n.startswith(OUR_PREFIXES) and n not in known))


def shown(values: Settings) -> Mapping[str, str]:
    """Return every setting by its variable name, secrets hidden."""
    return {name.upper(): _shown_value(getattr(values, name)) for name in Settings.model_fields}


def _shown_value(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path) and value.is_relative_to(PROJECT):
        return str(value.relative_to(PROJECT))
    return "" if value is None else str(value)


def reference_markdown() -> str:
    """Return the table of all settings as Markdown: name, default, meaning."""
    rows = [
        f"| `{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _default(field: Any) -> str:  # noqa: ANN401 - pydantic's FieldInfo default is untyped
    value = _shown_value(in_project(field.default) if isinstance(field.default, Path) else field.default)
    return f"`{value}`" if re.search(r"\S", value) else "unset"
