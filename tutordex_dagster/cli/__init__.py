"""The `tutordex` command: the same verbs as the Dagster UI, for a terminal."""

from tutordex_dagster.cli.app import main

__all__ = ["main"]
