"""What a model is asked to fill in, made from the contract every extractor keeps: closed, nothing left out.

The form is the contract's `Assignment` without evidence and without what follows from other fields. Where the
contract has defaults, the form has none: a model has to say null.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue, create_model

from tutordex_dagster.extraction.contract import Assignment, Closing, SkipReason

FieldName = Literal[
    "assignment_code",
    "academic_display_text",
    "learning_mode",
    "address",
    "postal_code",
    "nearest_mrt",
    "lesson_schedule",
    "start_date",
    "rate",
    "rate_breakdown",
    "additional_remarks",
    "time_availability",
    "status",
]
"""What a model reads from a post; everything else follows from these or is known without it."""

FIELDS: tuple[FieldName, ...] = get_args(FieldName)

FOLLOWS = frozenset(
    {"subjects", "levels", "streams", "tutor_types", "districts", "region", "kind", "evidence"}
)
"""Fields that no model is asked for: they are worked out from the others."""

_OptionalReason: Any = SkipReason | None
_CLOSED = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
_VARIANTS = 256
"""Forms kept for reuse; a hybrid version asks for some dozens of combinations of fields."""


@lru_cache(maxsize=_VARIANTS)
def answer_form(fields: tuple[FieldName, ...] = FIELDS) -> type[BaseModel]:
    """Return the form of an answer with these fields: `skip`, `closes` and `segments`."""
    segment = _closed(Assignment, only=fields)
    return create_model(
        "Answer",
        __config__=_CLOSED,
        skip=(_OptionalReason, ...),
        closes=(_closed(Closing), ...),
        segments=(tuple[segment, ...], ...),  # type: ignore[valid-type]  # a type made a line above
    )


@lru_cache(maxsize=_VARIANTS)
def json_schema(fields: tuple[FieldName, ...] = FIELDS) -> Mapping[str, JsonValue]:
    """Return the form as a JSON schema in the strict subset that servers take: all required, all closed."""
    schema: dict[str, JsonValue] = _bare(answer_form(fields).model_json_schema())
    return schema


def _closed(model: type[BaseModel], *, only: Iterable[str] | None = None) -> type[BaseModel]:
    """Return the model's twin without defaults, down to the models inside it."""
    names = tuple(model.model_fields if only is None else only)
    fields: dict[str, Any] = {name: (_twin(model.model_fields[name].annotation), ...) for name in names}
    return create_model(model.__name__, __config__=_CLOSED, **fields)


def _twin(annotation: Any) -> Any:  # noqa: ANN401 - annotations are values of no common type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _closed(annotation)
    origin: Any = get_origin(annotation)
    inside = tuple(map(_twin, get_args(annotation)))
    if origin is tuple:
        return origin[inside]
    if origin in {Union, UnionType}:
        return Union[inside]  # noqa: UP007 - `|` takes no tuple
    return annotation


def _bare(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Drop titles and descriptions, which cost tokens in every request and bind nobody."""
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _bare(each) for name, each in value.items()} if key in _BY_NAME else _bare(value)
        for key, value in node.items()
        if key not in {"title", "description"}
    }


_BY_NAME = frozenset({"properties", "$defs"})
"""Whose keys are names of ours: a property called `title` stays."""
