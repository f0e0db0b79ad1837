"""One post: what the two versions say about every field, whether that is the same, and who is right."""

from dataclasses import dataclass
from typing import Any

from tutordex_dagster.comparison.contract import FINAL, End, LabelSource, Pair
from tutordex_dagster.comparison.fields import FIELDS, Field, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who is right about a labelled field; a post that a version skipped or died on is not right."""

    a: bool
    b: bool
    source: LabelSource


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldJudged:
    """A field of one post. `equal` is None when one of the two found no assignment: that is no agreement."""

    field: Field
    a: tuple[Any, ...]
    b: tuple[Any, ...]
    filled_a: bool
    filled_b: bool
    equal: bool | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A post and its fields, in the order of FIELDS."""

    pair: Pair
    fields: tuple[FieldJudged, ...]


def judge(pair: Pair) -> Judged:
    """Compare the two ends of a post field by field."""
    comparable = pair.a.status == pair.b.status == "ok"
    return Judged(pair=pair, fields=tuple(_field(pair, field, comparable=comparable) for field in FIELDS))


def _field(pair: Pair, field: Field, *, comparable: bool) -> FieldJudged:
    a, b = _values(pair.a, field), _values(pair.b, field)
    keys_a = tuple(map(field.key, a))
    keys_b = keys_a if a == b else tuple(map(field.key, b))
    return FieldJudged(
        field=field,
        a=a,
        b=b,
        filled_a=any(key is not None for key in keys_a),
        filled_b=any(key is not None for key in keys_b),
        equal=field.all_agree(keys_a, keys_b) if comparable else None,
        verdict=_verdict(pair, field, keys_a, keys_b) if pair.labels else None,
    )


def _values(end: End, field: Field) -> tuple[Any, ...]:
    return tuple(field.of(segment) for segment in end.segments)


def _verdict(pair: Pair, field: Field, a: tuple[Key, ...], b: tuple[Key, ...]) -> Verdict | None:
    label = pair.labels.get(field.name)
    if label is None or not {pair.a.status, pair.b.status} <= FINAL:
        return None
    right = tuple(map(field.key, label.values))
    return Verdict(
        a=pair.a.status == "ok" and field.all_agree(right, a),
        b=pair.b.status == "ok" and field.all_agree(right, b),
        source=label.source,
    )
