"""Every setting, read from the environment (and `.env`) once, validated, with its name and default.

`docs/configuration.md` is generated from the fields, so a description there is what an operator reads.
"""

from tutordex_dagster.settings.listing import reference_markdown, shown, unknown_variables
from tutordex_dagster.settings.paths import PROJECT
from tutordex_dagster.settings.reading import Settings, load_settings, settings

__all__ = [
    "PROJECT",
    "Settings",
    "load_settings",
    "reference_markdown",
    "settings",
    "shown",
    "unknown_variables",
]
