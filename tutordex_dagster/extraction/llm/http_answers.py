"""What a server's HTTP answer means: a body as a completion, a status as one of our failures."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson

from tutordex_dagster.errors import TutorDexError
from tutordex_dagster.extraction.failures import LaneStopped, LaneUnavailable
from tutordex_dagster.extraction.llm.chat import ChatRequest, Completion, RequestRefused, Usage

KEPT_DETAIL = 300
"""Characters of a refusal that are kept."""

_LONGEST_WAIT = timedelta(days=1)
"""A server that asks for more is asked again after a day."""

UNREAD = "unread"
"""Our own finish reason: the server itself could not read what its model answered."""

_UNREAD = re.compile(
    rb"model produced output that does not match|failed to parse (?:the )?model", re.IGNORECASE
)
"""llama.cpp says so, with a 500, when an answer under a schema was cut off: it is about this answer alone."""

_KEYS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_REQUESTS = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def request_body(request: ChatRequest) -> bytes:
    """Return the request as a body for `/chat/completions`."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": each.role, "content": each.content} for each in request.messages],
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stream": False,
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return orjson.dumps({**body, **request.extra})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read_completion(answer: HttpAnswer, *, server: str, now: Callable[[], datetime]) -> Completion:
    """Return the completion of an answer to `/chat/completions`.

    Raises LaneUnavailable when there is none, whatever the post was, and else what the status means.
    """
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and _UNREAD.search(answer.body):
        return Completion(text=answer.body.decode(errors="replace")[:KEPT_DETAIL], finish_reason=UNREAD)
    if answer.status != HTTPStatus.OK:
        raise failure(answer, server=server, now=now)
    try:
        body = orjson.loads(answer.body)
        choice = body["choices"][0]
        text, refusal = choice["message"].get("content"), choice["message"].get("refusal")
        reason, usage = choice.get("finish_reason"), body.get("usage")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise _no_completion(server) from None
    if not isinstance(text, str | None):
        raise _no_completion(server)
    return Completion(
        text=text or "",
        finish_reason=reason if isinstance(reason, str) else None,
        refusal=refusal if isinstance(refusal, str) and refusal else None,
        usage=_usage(usage),
    )


def read_models(answer: HttpAnswer, *, server: str, now: Callable[[], datetime]) -> tuple[str, ...]:
    """Return the names in an answer to `/models`; LaneUnavailable when it is no such list."""
    if answer.status != HTTPStatus.OK:
        raise failure(answer, server=server, now=now)
    try:
        return tuple(str(model["id"]) for model in orjson.loads(answer.body)["data"])
    except (orjson.JSONDecodeError, LookupError, TypeError):
        raise LaneUnavailable(f"{server} lists its models in no known form; check LLM_API_URL") from None


def failure(answer: HttpAnswer, *, server: str, now: Callable[[], datetime]) -> TutorDexError:
    """Return what a status other than 200 means for the version that asked.

    The body is quoted only in a refusal's `detail`: servers repeat keys and posts in what they say.
    """
    status = answer.status
    said = f"{server} answered {status}{_phrase(status)}"
    if status in _REQUESTS:
        detail = answer.body.decode(errors="replace")[:KEPT_DETAIL]
        return RequestRefused(f"{said}; read docs/llm.md", status=status, detail=detail)
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = retry_after(answer.headers.get("retry-after"), now())
        return LaneUnavailable(f"{said}; the version pauses and goes on by itself", retry_after=wait)
    if status in _KEYS:
        return LaneStopped(f"{said}: it does not take our key; set LLM_API_KEY to one it takes")
    if status == HTTPStatus.NOT_FOUND:
        return LaneStopped(
            f"{said}: no such address or model; compare LLM_API_URL and LLM_MODEL_NAME with `tutordex doctor`"
        )
    return LaneStopped(f"{said}, which no chat server should; check LLM_API_URL with `tutordex doctor`")


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return how long a `Retry-After` asks to wait: seconds, or an HTTP date; None when it says neither.

    A date that has passed is no wait; no wait is longer than a day.
    """
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return min(timedelta(seconds=min(float(value), _LONGEST_WAIT.total_seconds())), _LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta(0)), _LONGEST_WAIT)


def _no_completion(server: str) -> LaneUnavailable:
    return LaneUnavailable(f"{server} answered 200 with no chat completion; check LLM_API_URL (docs/llm.md)")


def _usage(counted: object) -> Usage | None:
    if not isinstance(counted, dict):
        return None
    prompt, completion = map(_count, (counted.get("prompt_tokens"), counted.get("completion_tokens", 0)))
    return None if prompt is None or completion is None else Usage(prompt=prompt, completion=completion)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""
