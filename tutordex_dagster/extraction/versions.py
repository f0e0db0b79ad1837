"""Pipeline versions: what `pipelines/*.yaml` may say, what it is worth, and the extractor it describes.

A version's name is its identity in the queue, in `assignments` and in the grid, so the same name must always
mean the same outputs. `fingerprint` is that promise in one string; `revision` ties a file to its rules.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, assert_never

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.contract import Extractor, Outcome

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_NOT_AN_ASSET_NAME = re.compile(r"[^A-Za-z0-9_]")


class PipelineSpec(BaseModel):
    """One pipeline version as its file describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    extractor: Literal["rules"]
    revision: int
    """The revision of the rules the file was written for; it has to be the code's own."""
    description: str
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    shadow: bool = False
    """Also enqueue every new message for this version, although it is not the live one."""

    @property
    def asset_name(self) -> str:
        """The name as an asset key allows it: letters, digits and underscores."""
        return _NOT_AN_ASSET_NAME.sub("_", self.name)


def load_pipelines(folder: Path) -> tuple[PipelineSpec, ...]:
    """Read every `*.yaml` of the folder, sorted by version name.

    Raises UsageError for a folder without files, broken YAML, an unknown, repeated or missing key, a bad name
    or parameter, two files of one name or one asset name, and a revision that is not the code's.
    """
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        raise UsageError(folder, "holds no pipeline version", "add a *.yaml file or name another folder")
    by_asset_name: dict[str, tuple[Path, PipelineSpec]] = {}
    for file in files:
        spec = _read_spec(file)
        other = by_asset_name.setdefault(spec.asset_name, (file, spec))
        if other[0] != file:
            raise UsageError(
                f"{file}: field 'name': {spec.name!r}",
                f"collides with {other[1].name!r} of {other[0]} (both become asset {spec.asset_name!r})",
                "give one of them another name",
            )
    return tuple(sorted((spec for _, spec in by_asset_name.values()), key=lambda spec: spec.name))


def fingerprint(spec: PipelineSpec) -> str:
    """Return the sha256 (hex) of everything that decides this version's outputs; the description does not."""
    decides = {
        "extractor": spec.extractor,
        "parameters": dict(spec.parameters),
        "revision": spec.revision,
        "schema": _outcome_schema(),
    }
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def build_extractor(spec: PipelineSpec) -> Extractor:
    """Return the extractor the spec describes; UsageError for a bad parameter or another revision."""
    match spec.extractor:
        case "rules":
            if spec.revision != rules.REVISION:
                raise UsageError(
                    f"version {spec.name!r}, field 'revision': {spec.revision}",
                    f"the rules in this code are revision {rules.REVISION} and read posts differently",
                    f"give the version a new name and `revision: {rules.REVISION}`",
                )
            return rules.build(spec.parameters)
        case unknown:
            assert_never(unknown)


@cache
def _outcome_schema() -> dict[str, Any]:
    outcome: Any = Outcome
    return TypeAdapter(outcome).json_schema()


def _read_spec(file: Path) -> PipelineSpec:
    fields, lines = _read_fields(file)
    try:
        spec = PipelineSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = f"{file}, line {lines.get(field.split('.')[0], 1)}, field {field!r}"
        raise UsageError(
            where, first["msg"], f"known fields: {', '.join(PipelineSpec.model_fields)}"
        ) from error
    try:
        build_extractor(spec)
    except UsageError as error:
        raise UsageError(f"{file}: {error.value}", error.reason, error.next_step) from error
    return spec


def _read_fields(file: Path) -> tuple[dict[str, object], dict[str, int]]:
    """Return the file's mapping and the line of each key; YAML lets a repeated key win silently."""
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        fields = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else str(file)
        reason = getattr(error, "problem", None) or str(error)
        raise UsageError(where, f"is not YAML: {reason}", "correct the file") from error
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(
            file, "is not a mapping of fields to values", "write `name: …` and so on, one a line"
        )
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if lines.setdefault(str(key.value), line) != line:
            raise UsageError(
                f"{file}, line {line}, field {key.value!r}", "is there twice", "keep one of them"
            )
    return fields, lines
