"""Which way of asking for our form a server understands, found out by asking it once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from tutordex_dagster.extraction.failures import LaneStopped
from tutordex_dagster.extraction.llm.answers import Rejected, parse
from tutordex_dagster.extraction.llm.chat import Completion, RequestRefused
from tutordex_dagster.extraction.llm.schema import FIELDS, FieldName, answer_form, json_schema
from tutordex_dagster.extraction.llm.spec import Dialect, DialectChoice

log = logging.getLogger(__name__)

DIALECTS: tuple[Dialect, ...] = ("json_schema", "json_object", "prompt")
"""From the one that binds a model most to the one that only asks."""

PROBE = "Code: AA101\nP5 Maths @ Blk 1 Example Street S(123456)\n$30/hr, 1x weekly 1.5h, Sat 2pm"
"""An invented post, asked about before any real one."""

Ask = Callable[[str, Dialect], Awaitable[Completion]]
"""Asks for every field of a post in a dialect; raises what `ChatModel.complete` raises."""


def response_format(dialect: Dialect, fields: tuple[FieldName, ...] = FIELDS) -> dict[str, JsonValue] | None:
    """Return the `response_format` of a request in this dialect, None where there is none."""
    if dialect == "json_schema":
        schema: dict[str, JsonValue] = {
            "name": "extraction",
            "strict": True,
            "schema": dict(json_schema(fields)),
        }
        return {"type": "json_schema", "json_schema": schema}
    return {"type": "json_object"} if dialect == "json_object" else None


class DialectProbe:
    """Knows the dialect after the first who asks; all who ask meanwhile wait for the same probe.

    A probe that fails tells all who wait, and the next one to ask begins another.
    """

    def __init__(self, pinned: DialectChoice, ask: Ask) -> None:
        self._known: Dialect | None = None if pinned == "auto" else pinned
        self._pinned = pinned != "auto"
        self._ask = ask
        self._probing: asyncio.Task[Dialect] | None = None

    async def dialect(self) -> Dialect:
        """Return the dialect; raises LaneUnavailable or LaneStopped when the server cannot be asked."""
        return self._known or await self._probe()

    async def again(self) -> Dialect:
        """Ask the server anew, after it refused a request: is it the server or the post?"""
        return await self._probe()

    async def _probe(self) -> Dialect:
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._find())
        return await asyncio.shield(self._probing)

    async def _find(self) -> Dialect:
        refusal: RequestRefused | None = None
        for dialect in (self._known,) if self._pinned and self._known else DIALECTS:
            try:
                completion = await self._ask(PROBE, dialect)
            except RequestRefused as error:
                refusal = error
                continue
            if dialect == "prompt" or self._pinned or _follows(completion, dialect):
                log.info("event=llm_dialect dialect=%s pinned=%s", dialect, self._pinned)
                self._known = dialect
                return dialect
        raise LaneStopped(_refused(refusal))


def _follows(completion: Completion, dialect: Dialect) -> bool:
    """Did the server make the model keep to the dialect? An answer cut off while it did counts as yes."""
    try:
        parsed = parse(completion, answer_form())
    except Rejected as rejected:
        begun = completion.text.lstrip().startswith("{")
        cut = rejected.rejection in {"truncated", "whitespace_loop"}
        return begun and (cut or (dialect == "json_object" and rejected.rejection == "schema_violation"))
    return not parsed.repairs


def _refused(refusal: RequestRefused | None) -> str:
    said = f"{refusal}: it said {refusal.detail!r}" if refusal else "no dialect is left"
    return f"an invented post was refused in every dialect: {said}; see docs/llm.md"
