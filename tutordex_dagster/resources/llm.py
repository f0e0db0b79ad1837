"""The wire to an OpenAI-compatible server, and the extractor of a version on it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Self

import httpx
from pydantic import SecretStr

from tutordex_dagster.extraction.contract import AsyncExtractor
from tutordex_dagster.extraction.failures import LaneStopped, LaneUnavailable
from tutordex_dagster.extraction.llm.chat import ChatRequest, Completion
from tutordex_dagster.extraction.llm.http_answers import (
    failure,
    listed_models,
    read_completion,
    request_body,
)
from tutordex_dagster.extraction.llm.spec import LlmSpec
from tutordex_dagster.extraction.versions import PipelineSpec, build_async_extractor
from tutordex_dagster.settings import Settings
from tutordex_dagster.windows import utc_now

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024**2
"""An answer of more is not read to its end: the longest one asked for has some 100 KiB."""

_CONNECT_SECONDS = 10.0


class HttpChatModel:
    """A chat server behind one address. At most `concurrency` calls are under way; the rest wait here.

    Every call ends within `timeout_seconds`, trickling answers too. Use it as an async context manager. Each
    place has a client and a connection of its own: a shared pool looks at all of its connections for every
    call, which with 32 of them costs more processor time than the call.
    """

    def __init__(
        self,
        api_url: str,
        *,
        key: SecretStr | None = None,
        concurrency: int,
        timeout_seconds: float,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._server = api_url
        self._timeout = timeout_seconds
        self._now = now
        self._clients = _clients(api_url, concurrency, _headers(key), timeout_seconds)
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._idle.put_nowait(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()

    async def complete(self, request: ChatRequest) -> Completion:
        """Return the answer to one request; raises what `ChatModel.complete` says."""
        body = await self._call("POST", "/chat/completions", content=request_body(request))
        return read_completion(body, self._server)

    async def models(self) -> tuple[str, ...]:
        """Return the names of the models the server lists; raises as `complete` does."""
        return listed_models(await self._call("GET", "/models"), self._server)

    async def _call(self, method: str, path: str, *, content: bytes | None = None) -> bytes:
        client = await self._idle.get()
        try:
            response, body = await self._answered(client, method, path, content)
        finally:
            self._idle.put_nowait(client)
        if response.status_code != httpx.codes.OK:
            raise failure(response.status_code, response.headers, body, server=self._server, now=self._now)
        return body

    async def _answered(
        self, client: httpx.AsyncClient, method: str, path: str, content: bytes | None
    ) -> tuple[httpx.Response, bytes]:
        request = client.build_request(method, self._server + path, content=content)
        try:
            async with (
                asyncio.timeout(self._timeout),
                aclosing(await client.send(request, stream=True)) as response,
            ):
                return response, await _bounded(response)
        except (TimeoutError, httpx.TimeoutException):
            raise LaneUnavailable(
                f"{self._server}: no answer within {self._timeout:g} s; see whether it is overloaded, "
                "or set LLM_TIMEOUT_SECS higher"
            ) from None
        except httpx.HTTPError as error:
            raise LaneUnavailable(
                f"{self._server}: {_what(error)}; see whether the server runs and LLM_API_URL is right"
            ) from None


@asynccontextmanager
async def open_extractor(spec: PipelineSpec, settings: Settings) -> AsyncIterator[AsyncExtractor]:
    """Open the extractor of a version, with its connections if it asks a language model; close them after.

    Asks no server yet: the first post does. Raises LaneStopped while the address or the model is not set, and
    UsageError as `build_async_extractor` does.
    """
    if spec.llm is None:
        yield build_async_extractor(spec)
        return
    url = _require_address(spec, spec.llm)
    _announce(spec, spec.llm, url)
    async with HttpChatModel(
        url,
        key=settings.llm_api_key,
        concurrency=spec.llm.concurrency,
        timeout_seconds=spec.llm.timeout_seconds,
    ) as model:
        yield build_async_extractor(spec, model)


def _require_address(spec: PipelineSpec, llm: LlmSpec) -> str:
    if not llm.api_url:
        raise LaneStopped(
            f"version {spec.name}: has no server to ask; set LLM_API_URL, or `api_url` in its file"
        )
    if not llm.model:
        raise LaneStopped(
            f"version {spec.name}: has no model to ask for; set LLM_MODEL_NAME, or `model` in its file"
        )
    return llm.api_url


def _announce(spec: PipelineSpec, llm: LlmSpec, url: str) -> None:
    """Say once, when work begins, who is asked and with which prompt."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for every call
    log.info(
        "event=llm_opened version=%s server=%s model=%s prompt=%s prompt_sha256=%s prompt_length=%s"
        " few_shot=%s",
        spec.name,
        url,
        llm.model,
        llm.prompt.source,
        llm.prompt.sha256,
        len(llm.prompt.text),
        llm.few_shot.name,
    )
    if llm.prompt.overruled:
        log.warning(
            "event=prompt_text_ignored version=%s: prompt file %s wins over the prompt text that is also set",
            spec.name,
            llm.prompt.source,
        )


def _clients(
    api_url: str, count: int, headers: Mapping[str, str], timeout_seconds: float
) -> tuple[httpx.AsyncClient, ...]:
    """Return clients of one connection each; certificates are read once, and only if any will be checked."""
    certificates = httpx.create_ssl_context(verify=api_url.startswith("https:"))
    return tuple(
        httpx.AsyncClient(
            headers=headers,
            verify=certificates,
            timeout=httpx.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )
        for _ in range(count)
    )


def _headers(key: SecretStr | None) -> dict[str, str]:
    plain = {"content-type": "application/json"}
    return {**plain, "authorization": f"Bearer {key.get_secret_value()}"} if key else plain


async def _bounded(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MOST_BYTES:
            raise httpx.DecodingError(f"an answer of more than {MOST_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _what(error: httpx.HTTPError) -> str:
    """Name what went wrong; httpx's own words are about the connection and hold nothing that was sent."""
    return f"{type(error).__name__} ({error})" if str(error) else type(error).__name__
