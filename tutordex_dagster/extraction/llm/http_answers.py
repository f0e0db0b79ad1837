"""What a server's HTTP answer means: a body as a completion, a status as one of our failures."""

from collections.abc import Callable, Mapping
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


def read_completion(body: bytes, server: str) -> Completion:
    """Return what a 200 says; LaneUnavailable when it is no chat completion, whatever the post was."""
    try:
        choice = orjson.loads(body)["choices"][0]
        message = choice["message"]
        text, refusal, reason = (
            message.get("content"),
            message.get("refusal"),
            choice.get("finish_reason"),
        )
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise _no_completion(server) from None
    if not isinstance(text, str | None):
        raise _no_completion(server)
    return Completion(
        text=text or "",
        finish_reason=reason if isinstance(reason, str) else None,
        refusal=refusal if isinstance(refusal, str) and refusal else None,
        usage=_usage(orjson.loads(body).get("usage")),
    )


def failure(
    status: int, headers: Mapping[str, str], body: bytes, *, server: str, now: Callable[[], datetime]
) -> TutorDexError:
    """Return what a status other than 200 means for the version that asked.

    The body is quoted only in a refusal's `detail`: servers repeat keys and posts in what they say.
    """
    said = f"{server} answered {status}{_phrase(status)}"
    if status in _REQUESTS:
        return RequestRefused(
            f"{said}; read docs/llm.md",
            status=status,
            detail=body.decode(errors="replace")[:KEPT_DETAIL],
        )
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = retry_after(headers.get("retry-after"), now())
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


def listed_models(body: bytes, server: str) -> tuple[str, ...]:
    """Return the names in an answer to `/models`; LaneUnavailable when it is no such list."""
    try:
        return tuple(str(model["id"]) for model in orjson.loads(body)["data"])
    except (orjson.JSONDecodeError, LookupError, TypeError):
        raise LaneUnavailable(f"{server} lists its models in no known form; check LLM_API_URL") from None


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
