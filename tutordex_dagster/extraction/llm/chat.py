"""What an extractor asks of a language model, and the protocol of whatever can answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import JsonValue

from tutordex_dagster.errors import PermanentError

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One question: the conversation so far, and what bounds the answer.

    `response_format` is the field of that name in the OpenAI protocol, None to leave it out; `extra` goes
    into the request as it is (`chat_template_kwargs`, `cache_prompt` and what else a server knows).
    """

    model: str
    messages: tuple[Message, ...]
    response_format: Mapping[str, JsonValue] | None = None
    temperature: float
    seed: int | None
    max_tokens: int
    extra: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call as the server counted them."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer. `usage` is None when the server counted nothing, or nothing that makes sense."""

    text: str
    finish_reason: str | None = None
    refusal: str | None = None
    usage: Usage | None = None


class RequestRefused(PermanentError):  # noqa: N818 - says what is the case
    """The server understood who asks and will not take this request (400, 413, 422); another one it may.

    `status` is the HTTP status; `detail` what the server said (bounded), which may repeat what it was sent
    and so belongs into no log.
    """

    def __init__(self, message: str, *, status: int, detail: str) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


class ChatModel(Protocol):
    """A language model behind some wire."""

    async def complete(self, request: ChatRequest) -> Completion:
        """Return the answer to one request.

        Raises LaneUnavailable (no answer now), LaneStopped (never, until a person changes something) or
        RequestRefused (not to this request).
        """
        ...
