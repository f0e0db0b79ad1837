"""Prompts and examples as files, and the conversation that is made of them and a post."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.llm.chat import Message
from tutordex_dagster.extraction.llm.schema import FIELDS, FieldName, answer_form, json_schema

DEFAULT_PROMPT = Path("prompts/extraction.md")
FEW_SHOT_FOLDER = Path("prompts/few_shot")
NO_EXAMPLES = "none"

_TAG_CHARACTERS = 12


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prompt(_Record):
    """A system prompt and where it is from: a path as it was given, or `text`; `length` in characters."""

    text: str
    source: str
    overruled: Literal["prompt_text"] | None = None
    """Set when a text was given as well: a file wins."""

    @property
    def sha256(self) -> str:
        """Return the fingerprint (hex) of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def described(self) -> dict[str, JsonValue]:
        """Return what is stored beside every answer: `{sha256, source, length}`."""
        return {"sha256": self.sha256, "source": self.source, "length": len(self.text)}


class Example(_Record):
    """A post and what is to be answered."""

    post: str
    answer: Mapping[str, JsonValue]


class FewShot(_Record):
    """A named set of examples."""

    name: str
    examples: tuple[Example, ...]

    @property
    def sha256(self) -> str:
        """Return the fingerprint (hex) of the examples in their order; the name does not count."""
        told = [example.model_dump(mode="json") for example in self.examples]
        return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def load_prompt(file: str | None, text: str | None, *, root: Path) -> Prompt:
    """Return the prompt of the file, else the text, else the one we ship; a relative path starts at `root`.

    Raises UsageError for a file that cannot be read or is empty.
    """
    if text and not file:
        return Prompt(text=text, source="text")
    source = file or DEFAULT_PROMPT.as_posix()
    content = _read(root / source, "a prompt").strip()
    if not content:
        raise UsageError(root / source, "is empty", "write the prompt into it, or name another file")
    return Prompt(text=content, source=source, overruled="prompt_text" if text else None)


def load_few_shot(name: str, root: Path) -> FewShot:
    """Return the examples of a set by its name (`prompts/few_shot/NAME.yaml`), or by its file; `none`: none.

    Raises UsageError for a file that cannot be read, and for an answer that is not in the form asked for.
    """
    if name == NO_EXAMPLES:
        return FewShot(name=name, examples=())
    file = root / (name if name.endswith((".yaml", ".yml")) else FEW_SHOT_FOLDER / f"{name}.yaml")
    try:
        examples = TypeAdapter(tuple[Example, ...]).validate_python(yaml.safe_load(_read(file, "examples")))
        for example in examples:
            answer_form().model_validate_json(orjson.dumps(example.answer))
    except (yaml.YAMLError, ValidationError) as error:
        raise UsageError(
            file, f"holds no usable examples: {_first(error)}", "compare it with docs/llm.md"
        ) from error
    return FewShot(name=name, examples=examples)


def conversation(
    prompt: Prompt, few_shot: FewShot, post: str, *, fields: tuple[FieldName, ...] = FIELDS, spelt_out: bool
) -> tuple[Message, ...]:
    """Return the messages that ask for these fields of a post; `spelt_out` puts the schema into the prompt.

    The post is the last message and nothing else is in it: what it says can neither end it nor add to ours.
    """
    examples = tuple(
        message
        for example in few_shot.examples
        for message in (
            Message(role="user", content=framed(example.post)),
            Message(role="assistant", content=_answered(example, fields)),
        )
    )
    return (
        Message(role="system", content=_instructions(prompt.text, fields, spelt_out=spelt_out)),
        *examples,
        Message(role="user", content=framed(post)),
    )


def framed(post: str) -> str:
    """Return the post between marks it cannot contain: they carry its own fingerprint."""
    tag = hashlib.sha256(post.encode("utf-8", "surrogatepass")).hexdigest()[:_TAG_CHARACTERS]
    return f'<post id="{tag}">\n{post}\n</post id="{tag}">'


@lru_cache(maxsize=64)
def _instructions(prompt: str, fields: tuple[FieldName, ...], *, spelt_out: bool) -> str:
    parts = [prompt]
    if fields != FIELDS:
        parts.append(f"Only these fields are asked for, and only they are in a segment: {', '.join(fields)}.")
    if spelt_out:
        schema = orjson.dumps(json_schema(fields)).decode()
        parts.append(f"Answer with one JSON object and nothing else. It follows this JSON schema:\n{schema}")
    return "\n\n".join(parts)


def _answered(example: Example, fields: tuple[FieldName, ...]) -> str:
    segments: Any = example.answer["segments"]
    kept = [{name: value for name, value in each.items() if name in fields} for each in segments]
    return orjson.dumps({**example.answer, "segments": kept}).decode()


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
        raise UsageError(file, f"{reason}", f"put {what} there, or name another file") from error


def _first(error: yaml.YAMLError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).partition("\n")[0]
