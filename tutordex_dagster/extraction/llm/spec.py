"""What a pipeline file may say about its language model, and what the environment adds to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.contract import SkipReason
from tutordex_dagster.extraction.llm.address import ServerUrl
from tutordex_dagster.extraction.llm.prompts import FewShot, Prompt, load_few_shot, load_prompt
from tutordex_dagster.extraction.llm.schema import FIELDS, FieldName
from tutordex_dagster.extraction.rules import Parameters as RulesParameters

Dialect = Literal["json_schema", "json_object", "prompt"]
"""How a server is made to answer in our form: by a schema, as some JSON, or only by asking for it."""


DialectChoice = Literal["auto", "json_schema", "json_object", "prompt"]
"""A pinned dialect, or `auto` for the one a probe of the server finds."""

Price = Annotated[float, Field(ge=0)]


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class LlmParameters(_Parameters):
    """`parameters` of a pipeline file with `extractor: llm`; what is left out comes from the environment."""

    api_url: ServerUrl | None = None
    model: str | None = Field(None, min_length=1)
    prompt_file: str | None = Field(None, min_length=1)
    prompt_text: str | None = Field(None, min_length=1)
    few_shot: str | None = None
    dialect: DialectChoice = "auto"
    temperature: float = Field(0.0, ge=0, le=2)
    seed: int | None = 7
    max_tokens: int | None = Field(None, ge=64)
    concurrency: int | None = Field(None, ge=1, le=512)
    timeout_seconds: float | None = Field(None, gt=0)
    price_prompt: Price | None = None
    price_completion: Price | None = None
    reuse: bool = True
    extra: Mapping[str, JsonValue] = Field(default_factory=dict)


class HybridParameters(LlmParameters):
    """`parameters` of a pipeline file with `extractor: hybrid`: the rules go first."""

    threshold: float = Field(0.8, ge=0, le=1)
    fields: Annotated[tuple[FieldName, ...], Field(strict=False, min_length=1)] = FIELDS
    doubted_skips: Annotated[tuple[SkipReason, ...], Field(strict=False)] = ("other",)
    rules: RulesParameters = RulesParameters()


class LlmDefaults(BaseModel):
    """What the environment says about language models; relative paths start at `root`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path
    api_url: str | None = None
    model: str | None = None
    prompt_file: str | None = None
    prompt_text: str | None = None
    few_shot: str = "default"
    max_tokens: int = 2048
    concurrency: int = 8
    timeout_seconds: float = 120
    price_prompt: float | None = None
    price_completion: float | None = None


class HybridSpec(_Parameters):
    """When the rules are believed: from `threshold` on; posts skipped for `doubted_skips` are asked about."""

    threshold: float
    fields: tuple[FieldName, ...]
    doubted_skips: tuple[SkipReason, ...]
    rules: RulesParameters


class LlmSpec(_Parameters):
    """A file's parameters and the environment together: all that is known before a server is asked.

    `concurrency` is how many calls may wait at once, `timeout_seconds` how long one may take, prices are per
    million tokens, `reuse` allows the answer to an identical text to be taken again.
    """

    api_url: str | None
    model: str | None
    prompt: Prompt
    few_shot: FewShot
    dialect: DialectChoice
    temperature: float
    seed: int | None
    max_tokens: int
    concurrency: int
    timeout_seconds: float
    price_prompt: float | None
    price_completion: float | None
    reuse: bool
    extra: Mapping[str, JsonValue]
    hybrid: HybridSpec | None

    @classmethod
    def of(cls, parameters: LlmParameters, defaults: LlmDefaults) -> Self:
        """Fill what the file leaves out; reads the prompt and the examples. UsageError for bad ones."""
        chosen = {
            name: getattr(defaults, name) if (value := getattr(parameters, name)) is None else value
            for name in ("model", "max_tokens", "concurrency", "timeout_seconds", *_PRICES)
        }
        return cls(
            **chosen,
            api_url=parameters.api_url or defaults.api_url,
            prompt=_prompt(parameters, defaults),
            few_shot=load_few_shot(parameters.few_shot or defaults.few_shot, defaults.root),
            dialect=parameters.dialect,
            temperature=parameters.temperature,
            seed=parameters.seed,
            reuse=parameters.reuse,
            extra=parameters.extra,
            hybrid=_hybrid(parameters),
        )

    def decides(self) -> Mapping[str, JsonValue]:
        """Return what decides the outputs: not the address, the pace, the price or where a text came from."""
        mine = self.model_dump(
            mode="json",
            include={"model", "dialect", "temperature", "seed", "max_tokens", "extra", "hybrid"},
        )
        return {**mine, "prompt": self.prompt.sha256, "few_shot": self.few_shot.sha256}


_PRICES = ("price_prompt", "price_completion")


def read_parameters(extractor: Literal["llm", "hybrid"], parameters: Mapping[str, object]) -> LlmParameters:
    """Return the validated parameters of a pipeline file; UsageError names the first bad one."""
    kind = HybridParameters if extractor == "hybrid" else LlmParameters
    try:
        return kind.model_validate(dict(parameters))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        reason, _, step = first["msg"].removeprefix("Value error, ").partition("; ")
        raise UsageError(
            f"parameter {name!r}", reason, step or f"known: {', '.join(kind.model_fields)}"
        ) from error


def _prompt(parameters: LlmParameters, defaults: LlmDefaults) -> Prompt:
    """Take the prompt of the file before that of the environment; in either a prompt file before a text."""
    if parameters.prompt_file or parameters.prompt_text:
        return load_prompt(parameters.prompt_file, parameters.prompt_text, root=defaults.root)
    return load_prompt(defaults.prompt_file, defaults.prompt_text, root=defaults.root)


def _hybrid(parameters: LlmParameters) -> HybridSpec | None:
    if not isinstance(parameters, HybridParameters):
        return None
    return HybridSpec(
        threshold=parameters.threshold,
        fields=parameters.fields,
        doubted_skips=parameters.doubted_skips,
        rules=parameters.rules,
    )
