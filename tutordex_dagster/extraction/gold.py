"""The gold set: posts labelled by people, the yardstick of every pipeline version.

One YAML file an agency, as `tests/data/gold/README.md` describes it. A label is the outcome a careful reader
expects, in the shape extractors return (`extraction.contract`); a field that is left out is not stated.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.contract import Outcome

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with it


class _Labelled(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    post: Annotated[str, Field(min_length=1)]
    expected: Outcome


class _Agency(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    agency: Annotated[str, Field(min_length=1)]
    posts: Annotated[tuple[_Labelled, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldPost:
    """One labelled post; `number` counts from 1 within its agency."""

    agency: str
    number: int
    text: str
    expected: Outcome

    @property
    def name(self) -> str:
        """What a person calls it: agency and number."""
        return f"{self.agency} {self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldSet:
    """The posts in order of file and place; scores compare only within one `digest` (sha256, hex)."""

    posts: Sequence[GoldPost]
    digest: str


def load_gold(path: Path) -> GoldSet:
    """Read a file, or every `*.yaml` of a folder by name.

    Raises UsageError for a path without files, for broken YAML, and for a post or label of another shape.
    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path] if path.is_file() else []
    if not files:
        raise UsageError(path, "holds no gold set", "set TUTORDEX_GOLD to a YAML file, or a folder of them")
    posts = tuple(post for file in files for post in _posts(file))
    return GoldSet(posts=posts, digest=_digest(posts))


def _posts(file: Path) -> Iterator[GoldPost]:
    labelled = _read(file)
    for number, each in enumerate(labelled.posts, start=1):
        yield GoldPost(agency=labelled.agency, number=number, text=each.post, expected=each.expected)


def _read(file: Path) -> _Agency:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe
        return _Agency.model_validate(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(file, f"is not YAML: {reason}", "correct the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{file}, field {place!r}", first["msg"], "see tests/data/gold/README.md for the shape"
        ) from error


def _digest(posts: Iterable[GoldPost]) -> str:
    """Hash what is measured with: texts and labels, not the layout of the files."""
    read = hashlib.sha256()
    for post in posts:
        line = [post.agency, post.text, post.expected.model_dump(mode="json", exclude_defaults=True)]
        read.update(orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
    return read.hexdigest()
