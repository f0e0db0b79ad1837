"""Folders in settings: relative ones start at the project."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

PROJECT = Path(__file__).resolve().parents[2]
"""The folder that holds `pipelines/` and `examples/`; relative paths in settings start here."""


def in_project(path: Path) -> Path:
    """Return an absolute path: this one, or where it leads from the project."""
    return path if path.is_absolute() else PROJECT / path


ProjectPath = Annotated[Path, AfterValidator(in_project)]
