"""Experiments: `experiments/*.yaml` names the versions, the window and the channels of an A/B test."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tutordex_dagster.errors import UsageError
from tutordex_dagster.windows import Window

_NOT_AN_ASSET_NAME = re.compile(r"[^A-Za-z0-9_]")


class ExperimentSpec(BaseModel):
    """One experiment as its file describes it. Every version is compared with the first one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    description: str
    versions: Annotated[tuple[str, ...], Field(min_length=2)]
    since: datetime
    until: datetime
    channels: tuple[str, ...] | None = None
    """References as in CHANNEL_LIST; without them every registered channel takes part."""
    sample: Annotated[int, Field(ge=1)] | None = None
    """So many posts of the window, chosen at random once; without it all of them."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if len(set(self.versions)) < len(self.versions):
            raise ValueError("names a version twice; a version always agrees with itself")
        try:
            self.window  # noqa: B018 - building it checks it
        except UsageError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def window(self) -> Window:
        """Return the span of `posted_at`, half-open."""
        return Window(_utc(self.since), _utc(self.until))

    @property
    def asset_name(self) -> str:
        """The name as an asset key allows it: letters, digits and underscores."""
        return _NOT_AN_ASSET_NAME.sub("_", self.name)


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC) if instant.tzinfo else instant


def load_experiments(folder: Path) -> tuple[ExperimentSpec, ...]:
    """Read every `*.yaml` of the folder, sorted by name; a folder without files holds no experiment.

    Raises UsageError for broken YAML, an unknown or missing key, an unusable window, and two files whose
    names make one asset.
    """
    found: dict[str, ExperimentSpec] = {}
    for file in sorted(folder.glob("*.yaml")):
        spec = _read(file)
        if found.setdefault(spec.asset_name, spec) is not spec:
            raise UsageError(
                f"{file}: field 'name': {spec.name!r}",
                f"collides with {found[spec.asset_name].name!r}",
                "give one of them another name",
            )
    return tuple(sorted(found.values(), key=lambda spec: spec.name))


def _read(file: Path) -> ExperimentSpec:
    try:
        fields: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return ExperimentSpec.model_validate(fields)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(file, f"is not YAML: {' '.join(str(error).split())}", "correct the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{file}, field {place!r}",
            first["msg"],
            f"known fields: {', '.join(ExperimentSpec.model_fields)}",
        ) from error
