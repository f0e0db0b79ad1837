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
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction import llm, rules
from tutordex_dagster.extraction.contract import AsyncExtractor, Extractor, Outcome
from tutordex_dagster.extraction.llm.chat import ChatModel
from tutordex_dagster.extraction.llm.extractor import LlmExtractor
from tutordex_dagster.extraction.llm.hybrid import HybridExtractor
from tutordex_dagster.extraction.llm.schema import json_schema
from tutordex_dagster.extraction.llm.spec import LlmDefaults, LlmSpec, read_parameters
from tutordex_dagster.extraction.rules.answers import AnsweringRules

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_NOT_AN_ASSET_NAME = re.compile(r"[^A-Za-z0-9_]")


class PipelineSpec(BaseModel):
    """One pipeline version as its file describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    extractor: Literal["rules", "llm", "hybrid"]
    revision: int
    """The revision of the code the file was written for (see `revision_of`); it has to be the code's own."""
    description: str
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    shadow: bool = False
    """Also enqueue every new message for this version, although it is not the live one."""
    llm: LlmSpec | None = None
    """The language model of `llm` and `hybrid`: parameters and environment together. Never in a file."""

    @property
    def asset_name(self) -> str:
        """The name as an asset key allows it: letters, digits and underscores."""
        return _NOT_AN_ASSET_NAME.sub("_", self.name)


def load_pipelines(folder: Path, defaults: LlmDefaults | None = None) -> tuple[PipelineSpec, ...]:
    """Read every `*.yaml` of the folder, sorted by version name.

    `defaults` is what the environment says about language models (by default nothing, and prompts are looked
    for beside the folder). Raises UsageError for a folder without files, broken YAML, an unknown, repeated or
    missing key, a bad name or parameter, a prompt that cannot be read, two files of one name or one asset
    name, and a revision that is not the code's.
    """
    defaults = defaults or LlmDefaults(root=folder.parent)
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        raise UsageError(folder, "holds no pipeline version", "add a *.yaml file or name another folder")
    by_asset_name: dict[str, tuple[Path, PipelineSpec]] = {}
    for file in files:
        spec = _read_spec(file, defaults)
        other = by_asset_name.setdefault(spec.asset_name, (file, spec))
        if other[0] != file:
            raise UsageError(
                f"{file}: field 'name': {spec.name!r}",
                f"collides with {other[1].name!r} of {other[0]} (both become asset {spec.asset_name!r})",
                "give one of them another name",
            )
    return tuple(sorted((spec for _, spec in by_asset_name.values()), key=lambda spec: spec.name))


def fingerprint(spec: PipelineSpec) -> str:
    """Return the sha256 (hex) of everything that decides this version's outputs; the description does not.

    Of a language model that is the prompt's text and the examples, the model, the form asked for, a pinned
    dialect and the parameters of sampling; neither the address nor the pace. It needs no network: what a
    probe of the server finds out stands in the `fingerprint` of every answer.
    """
    decides: dict[str, Any] = {
        "extractor": spec.extractor,
        "revision": spec.revision,
        "schema": _outcome_schema(),
    }
    if spec.llm is None:
        decides["parameters"] = dict(spec.parameters)
    else:
        decides["llm"] = spec.llm.decides()
        decides["llm_revision"] = llm.REVISION
        decides["form"] = json_schema()
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def revision_of(extractor: Literal["rules", "llm", "hybrid"]) -> int:
    """Return the revision of this code a file has to name: that of the rules where they take part."""
    return llm.REVISION if extractor == "llm" else rules.REVISION


def build_extractor(spec: PipelineSpec) -> Extractor:
    """Return the extractor of a version of rules alone; UsageError for a bad parameter or revision."""
    _require_revision(spec)
    if spec.extractor == "rules":
        return rules.build(spec.parameters)
    raise UsageError(
        f"version {spec.name!r}",
        f"asks a language model (extractor: {spec.extractor})",
        "build it with build_async_extractor",
    )


def build_async_extractor(spec: PipelineSpec, model: ChatModel | None = None) -> AsyncExtractor:
    """Return the extractor of any version; one of rules alone answers at once and needs no model.

    Raises UsageError for a bad parameter, another revision, or a model that is needed and not there.
    """
    if spec.llm is None:
        return AnsweringRules(build_extractor(spec))
    _require_revision(spec)
    if model is None:
        raise UsageError(f"version {spec.name!r}", "was given no model to ask", "open it with open_extractor")
    asked = LlmExtractor(spec.llm, model, fingerprint=fingerprint(spec))
    return asked if spec.llm.hybrid is None else HybridExtractor(asked, spec.llm.hybrid)


def _require_revision(spec: PipelineSpec) -> None:
    own = revision_of(spec.extractor)
    if spec.revision != own:
        what = "language model's reading" if spec.extractor == "llm" else "rules"
        raise UsageError(
            f"version {spec.name!r}, field 'revision': {spec.revision}",
            f"the {what} in this code is revision {own} and gives other results",
            f"give the version a new name and `revision: {own}`",
        )


@cache
def _outcome_schema() -> dict[str, Any]:
    outcome: Any = Outcome
    return TypeAdapter(outcome).json_schema()


def _read_spec(file: Path, defaults: LlmDefaults) -> PipelineSpec:
    fields, lines = _read_fields(file)
    try:
        spec = _validated(fields, lines)
        if spec.extractor == "rules":
            build_extractor(spec)
            return spec
        _require_revision(spec)
        parameters = read_parameters(spec.extractor, spec.parameters)
        return spec.model_copy(update={"llm": LlmSpec.of(parameters, defaults)})
    except UsageError as error:
        raise UsageError(f"{file}: {error.value}", error.reason, error.next_step) from error


def _validated(fields: dict[str, object], lines: Mapping[str, int]) -> PipelineSpec:
    if "llm" in fields:  # ours to fill in
        where = f"line {lines['llm']}, field 'llm'"
        raise UsageError(where, "is no field of a file", "write it under `parameters`")
    try:
        return PipelineSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = f"line {lines.get(field.split('.')[0], 1)}, field {field!r}"
        known = ", ".join(name for name in PipelineSpec.model_fields if name != "llm")
        raise UsageError(where, first["msg"], f"known fields: {known}") from error


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
