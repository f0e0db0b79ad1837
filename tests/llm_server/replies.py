"""How a chat server may behave: each mode makes one reply out of a request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Mode = Literal[
    "valid",
    "fenced",
    "think prelude",
    "words around",
    "truncated",
    "whitespace loop",
    "refusal field",
    "refusal words",
    "content filter",
    "not JSON",
    "empty",
    "schema ignored",
    "wrong types",
    "no schemas",
    "no formats",
    "formats ignored",
    "bad request",
    "429 seconds",
    "429 date",
    "429 nothing",
    "429 nonsense",
    "500",
    "503 later",
    "401",
    "403",
    "404",
    "405",
    "hang",
    "trickle",
    "drop before answer",
    "drop mid-answer",
    "endless",
    "usage missing",
    "usage wrong types",
    "no completion",
    "web page",
]
MODES: tuple[Mode, ...] = get_args(Mode)

WEEK: dict[str, list[str]] = {
    day: [] for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}
NOTHING: dict[str, Any] = {
    "assignment_code": None,
    "academic_display_text": None,
    "learning_mode": {"mode": None, "raw_text": None},
    "address": None,
    "postal_code": None,
    "nearest_mrt": None,
    "lesson_schedule": None,
    "start_date": None,
    "rate": {"min": None, "max": None, "raw_text": None},
    "rate_breakdown": [],
    "additional_remarks": None,
    "time_availability": {"explicit": WEEK, "estimated": WEEK, "note": None},
    "status": "open",
}
POST = "Code: ZQ4417\nSec 1 Science @ Blk 9 Marine Vista S(449032)\nRate: $40/hr\nWed 5pm-6.30pm"
"""An invented post."""

SEGMENT: dict[str, Any] = {
    **NOTHING,
    "assignment_code": "ZQ4417",
    "academic_display_text": "Sec 1 Science",
    "address": ["Blk 9 Marine Vista"],
    "postal_code": ["449032"],
    "rate": {"min": 40, "max": 40, "raw_text": "$40/hr"},
    "time_availability": {
        "explicit": {**WEEK, "wednesday": ["17:00-18:30"]},
        "estimated": WEEK,
        "note": "Wed 5pm-6.30pm",
    },
}
"""What a careful model says of it."""


def answer_of(
    *segments: Mapping[str, Any], skip: str | None = None, codes: list[str] | None = None
) -> dict[str, Any]:
    """Return an answer in the form that is asked for."""
    return {"skip": skip, "closes": {"codes": codes or [], "links": []}, "segments": list(segments)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes over the wire; after `cut` bytes of the body, if that is set, the connection is closed."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    never: bool = False
    """Nothing is sent until the client gives up."""
    trickle: bool = False
    """White space is sent for ever, a little at a time."""
    endless: bool = False
    """A body without an end."""


_COUNTED = {"prompt_tokens": 1200, "completion_tokens": 180, "total_tokens": 1380}
_MISCOUNTED = {"prompt_tokens": "many", "completion_tokens": None}
_TELLTALE = b'{"error": {"message": "Incorrect API key: sk-secret"}}'


def reply(mode: Mode, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Reply:
    """Return what a server in this mode replies; `answer` is what its model would say if it behaved."""
    if mode in _REPLIES:
        return _REPLIES[mode]
    asked = _asked_form(request)
    if mode == "bad request" or (mode == "no formats" and asked) or (mode, asked) == _SCHEMA_REFUSED:
        return _refused(f"response_format: unknown type {asked}")
    if mode == "formats ignored" and asked:
        return _chat("The code is ZQ4417.")
    if mode == "wrong types":
        answer = {**answer, "segments": [{**each, "assignment_code": 4417} for each in answer["segments"]]}
    text = json.dumps(_only(answer, request), ensure_ascii=False)
    if mode == "drop mid-answer":
        whole = _chat(text)
        return Reply(body=whole.body, cut=len(whole.body) // 2)
    if mode == "truncated":
        return _chat(text[: len(text) // 2], finish="length")
    usage = {"usage missing": None, "usage wrong types": _MISCOUNTED}.get(mode, _COUNTED)
    return _chat(_AROUND.get(mode, "{}").format(text), usage=usage)


def _asked_form(request: Mapping[str, Any]) -> str | None:
    asked: str | None = (request.get("response_format") or {}).get("type")
    return asked


def _only(answer: Mapping[str, Any], request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the fields a request for some of them does not ask for, as a grammar would."""
    if _asked_form(request) != "json_schema":
        return answer
    schema = request["response_format"]["json_schema"]["schema"]
    fields = schema["$defs"]["Assignment"]["properties"]
    kept = [{name: each[name] for name in each if name in fields} for each in answer["segments"]]
    return {**answer, "segments": kept}


def _chat(
    text: str | None, *, finish: str = "stop", refusal: str | None = None, usage: object = _COUNTED
) -> Reply:
    message = {"role": "assistant", "content": text, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {"object": "chat.completion", "choices": [choice]} | ({"usage": usage} if usage else {})
    return Reply(body=json.dumps(body).encode())


def _refused(message: str) -> Reply:
    return Reply(status=400, body=json.dumps({"error": {"message": message}}).encode())


_SCHEMA_REFUSED = ("no schemas", "json_schema")
_AROUND: Mapping[Mode, str] = {
    "fenced": "```json\n{}\n```",
    "think prelude": "<think>\nThe post has {{a code}}.\n</think>\n\n{}",
    "words around": "Here is the form:\n{}\nAnything else?",
    "formats ignored": "```\n{}\n```",
}
_REPLIES: Mapping[Mode, Reply] = {
    "whitespace loop": _chat('{"skip": null,' + " \n" * 4000, finish="length"),
    "refusal field": _chat(None, refusal="I can't help with that."),
    "refusal words": _chat("I'm sorry, but I cannot help with personal addresses."),
    "content filter": _chat("", finish="content_filter"),
    "not JSON": _chat('{"skip": null, "segments": [}'),
    "empty": _chat(""),
    "schema ignored": _chat('{"result": "one assignment", "confidence": 0.9}'),
    "429 seconds": Reply(status=429, headers={"Retry-After": "17"}),
    "429 date": Reply(status=429, headers={"Retry-After": "Mon, 02 Mar 2026 08:00:40 GMT"}),
    "429 nothing": Reply(status=429),
    "429 nonsense": Reply(status=429, headers={"Retry-After": "soon"}),
    "500": Reply(status=500, body=b"Internal Server Error"),
    "503 later": Reply(status=503, headers={"Retry-After": "2.5"}),
    "401": Reply(status=401, body=_TELLTALE),
    "403": Reply(status=403, body=_TELLTALE),
    "404": Reply(status=404, body=_TELLTALE),
    "405": Reply(status=405, body=_TELLTALE),
    "hang": Reply(never=True),
    "trickle": Reply(trickle=True),
    "endless": Reply(endless=True),
    "drop before answer": Reply(cut=0),
    "no completion": Reply(body=b'{"choices": "none"}'),
    "web page": Reply(body=b"<html>Welcome</html>", headers={"Content-Type": "text/html"}),
}
