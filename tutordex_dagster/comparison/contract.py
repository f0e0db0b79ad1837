"""What a comparison is made of: one post, how two versions ended with it, and what people said is right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Status = Literal["ok", "skipped", "dead", "failed", "processing", "pending", "missing"]
"""How far a version is with a post: as the queue says it, or `missing` when it has no job, or one that ended
because the post was edited or deleted while it waited."""

FINAL: frozenset[Status] = frozenset({"ok", "skipped", "dead"})
"""Ends that stay. A `failed` job is tried again, so nothing is known about it yet."""

LabelSource = Literal["labelled", "adjudicated"]
"""`labelled`: the post was chosen without looking at the versions. `adjudicated`: it was chosen because
they differ, so it says which is right where they differ, and nothing about accuracy over all posts.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How one version ended with one post; `result` is the stored JSON of `Extracted`."""

    status: Status
    result: Mapping[str, Any] | None = None
    reason: str | None = None
    error_class: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def segments(self) -> Sequence[Mapping[str, Any]]:
        """Return the stored assignments, none when there are none."""
        segments: Sequence[Mapping[str, Any]] = (self.result or {}).get("segments", ())
        return segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The right values of one field, one for each assignment in the post."""

    values: Sequence[Any]
    source: LabelSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One revision of one post, its two ends (A, then B) and its labels by field."""

    raw_id: int
    channel: str
    message_id: int
    posted_at: datetime
    a: End
    b: End
    labels: Mapping[str, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A version that is compared: its name, and the fingerprint it is registered with."""

    version: str
    fingerprint: str


class Pairs(Protocol):
    """Where pairs come from: a page at a time, so that memory does not grow with their number."""

    def __iter__(self) -> Iterator[Pair]:
        """Yield every pair once, by raw id."""
        ...


class Texts(Protocol):
    """Where the texts of the few posts that are shown come from."""

    def __call__(self, raw_ids: Sequence[int]) -> Mapping[int, str]:
        """Return the texts by raw id."""
        ...
