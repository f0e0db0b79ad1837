"""From a completion to an answer in our form: what is repaired is counted, and the rest is rejected by name.

Nothing is guessed: a repair only cuts away what stands around the JSON. A cut string closed by a program
would be a fact nobody stated, so no library that mends JSON is used.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import orjson
from pydantic import BaseModel, ValidationError

from tutordex_dagster.extraction.failures import Rejection
from tutordex_dagster.extraction.llm.chat import Completion
from tutordex_dagster.extraction.llm.http_answers import UNREAD
from tutordex_dagster.extraction.llm.schema import FIELDS

Repair = Literal["think", "fence", "before", "after"]
"""What was cut away: thoughts, a code fence, words before the JSON, words after it."""

KEPT_ARTIFACT = 8192
"""Characters of a rejected answer that are kept."""

LOOP = 200
"""White space in a row that no answer needs: under a grammar a model can go on with it for ever."""

_THOUGHTS = re.compile(r"\A\s*(?:<think(?:ing)?>)?.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_SPACE_LOOP = re.compile(rf"(?:\s|\\[nrt]){{{LOOP}}}")
_REFUSES = re.compile(
    r"\A\W*(?:i(?:['’]m| am) (?:sorry|unable|not able)|sorry\b|i (?:can(?:['’]t|not)|won['’]t)"
    r"|as an ai\b|i must decline|unfortunately,? i)",
    re.IGNORECASE,
)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
_NAMES = frozenset({*FIELDS, "skip", "closes", "segments"})
"""Places an error may name: any other key is the model's own words."""


class Rejected(Exception):  # noqa: N818 - the verdict; AnswerRejected adds what the call cost
    """This completion is of no use, and why; no message quotes it."""

    def __init__(self, rejection: Rejection, reason: str) -> None:
        super().__init__(reason)
        self.rejection = rejection
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """An answer in our form, as plain values, and how often it had to be repaired in which way."""

    value: dict[str, Any]
    repairs: Counter[Repair]


def parse(completion: Completion, form: type[BaseModel]) -> Parsed:
    """Return the answer a completion holds; Rejected says what is wrong with it."""
    text = completion.text
    if completion.refusal or completion.finish_reason == "content_filter":
        raise Rejected("refusal", "the model declines to answer")
    if completion.finish_reason == UNREAD:
        raise Rejected("invalid_json", "the server could not read it itself: cut off, or not in the form")
    if _SPACE_LOOP.search(text):
        raise Rejected("whitespace_loop", f"{LOOP} or more characters of white space stand in a row")
    if completion.finish_reason == "length":
        raise Rejected("truncated", f"it was cut off after {len(text)} characters; raise max_tokens")
    repairs: Counter[Repair] = Counter()
    bare = _without_thoughts(text, repairs)
    bare = _without_fence(bare, repairs)
    return Parsed(value=_in_form(_json(bare, repairs), form), repairs=repairs)


def kept(text: str) -> str:
    """Return as much of an answer as is kept when it is rejected: its beginning and its end."""
    if len(text) <= KEPT_ARTIFACT:
        return text
    half = KEPT_ARTIFACT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def _without_thoughts(text: str, repairs: Counter[Repair]) -> str:
    if text.lstrip().startswith("{") or not (found := _THOUGHTS.match(text)):
        return text
    repairs["think"] += 1
    return text[found.end() :]


def _without_fence(text: str, repairs: Counter[Repair]) -> str:
    if text.lstrip().startswith("{") or not (found := _FENCE.search(text)):
        return text
    repairs["fence"] += 1
    return found[1]


def _json(text: str, repairs: Counter[Repair]) -> object:
    """Return the first JSON object of the text, without the words on either side of it."""
    start = text.find("{")
    if start < 0:
        _reject_words(text)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        if text[:start].strip():
            _reject_words(text)
        raise Rejected("invalid_json", f"its {len(text)} characters are no JSON") from None
    repairs.update(["before"] if text[:start].strip() else [])
    repairs.update(["after"] if text[end:].strip() else [])
    return value


def _reject_words(text: str) -> NoReturn:
    if _REFUSES.match(text):
        raise Rejected("refusal", "the model declines to answer")
    raise Rejected("invalid_json", f"its {len(text)} characters hold no JSON object")


def _in_form(value: object, form: type[BaseModel]) -> dict[str, Any]:
    try:
        return form.model_validate_json(orjson.dumps(value)).model_dump()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in _NAMES)
        raise Rejected("schema_violation", f"{where or 'answer'}: {first['type']}") from None
    except (orjson.JSONEncodeError, RecursionError):  # half a surrogate pair, or hopelessly nested
        raise Rejected("invalid_json", "it holds text that is no Unicode, or is nested too deep") from None
