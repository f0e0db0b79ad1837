"""One post in, one question to a language model, one answer out."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from tutordex_dagster.extraction.contract import Answer, Outcome, Skipped
from tutordex_dagster.extraction.failures import AnswerRejected, LaneStopped, LaneUnavailable, Rejection
from tutordex_dagster.extraction.llm.accounts import Account, cost, tokens_of
from tutordex_dagster.extraction.llm.answers import Rejected, Repair, kept, parse
from tutordex_dagster.extraction.llm.chat import ChatModel, ChatRequest, Completion, RequestRefused
from tutordex_dagster.extraction.llm.dialects import DialectProbe, response_format
from tutordex_dagster.extraction.llm.grounding import Dropped
from tutordex_dagster.extraction.llm.outcome import outcome
from tutordex_dagster.extraction.llm.prompts import conversation
from tutordex_dagster.extraction.llm.schema import FIELDS, FieldName, answer_form
from tutordex_dagster.extraction.llm.spec import Dialect, LlmSpec
from tutordex_dagster.extraction.llm.words import Words
from tutordex_dagster.extraction.rules.text import normalise


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a model said of a post, as far as it stands there, and how it was come by."""

    outcome: Outcome
    dialect: Dialect | None
    account: Account
    repairs: Counter[Repair]
    dropped: Dropped


NO_CALL = Reading(
    outcome=Skipped(reason="empty"),
    dialect=None,
    account=Account(),
    repairs=Counter(),
    dropped=Counter(),
)
"""A post without a letter or a digit: no model has to be asked what it says."""


class LlmExtractor:
    """Asks a model for the fields of one post at a time; any number of posts may wait for theirs."""

    def __init__(
        self,
        spec: LlmSpec,
        model: ChatModel,
        *,
        fingerprint: str,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take the version's `fingerprint` (`versions.fingerprint`); `timer` counts seconds."""
        self.spec = spec
        self._model = model
        self._fingerprint = fingerprint
        self._timer = timer
        self._probe = DialectProbe(spec.dialect, self._ask_all)

    async def answer(self, text: str) -> Answer:
        """Return what the post holds; raises what `AsyncExtractor.answer` says."""
        reading = await self.read(text)
        return Answer(outcome=reading.outcome, meta=self.meta(reading))

    async def responds(self) -> bool:
        """Tell whether the server answers an invented post now."""
        try:
            await self._probe.again()
        except (LaneUnavailable, LaneStopped):
            return False
        return True

    async def read(self, text: str, fields: tuple[FieldName, ...] = FIELDS) -> Reading:
        """Ask for these fields of a post; raises what `AsyncExtractor.answer` says."""
        plain = normalise(text)
        if not any(sign.isalnum() for sign in plain):
            return NO_CALL
        dialect = await self._probe.dialect()
        began = self._timer()
        try:
            completion = await self._ask(plain, dialect, fields)
        except RequestRefused as refused:
            completion, dialect = await self._ask_again(plain, dialect, fields, refused)
        account = Account().with_call(
            tokens_of(completion, self._request(plain, dialect, fields).messages), self._timer() - began
        )
        return self._understood(completion, Words(text, plain), dialect, fields, account)

    def meta(self, reading: Reading, **more: JsonValue) -> Mapping[str, JsonValue]:
        """Return what is stored beside an answer; `fingerprint` is that of the version and the dialect."""
        return self._meta(reading.account, reading.dialect, reading.repairs, reading.dropped) | more

    def _understood(
        self,
        completion: Completion,
        words: Words,
        dialect: Dialect,
        fields: tuple[FieldName, ...],
        account: Account,
    ) -> Reading:
        try:
            parsed = parse(completion, answer_form(fields))
        except Rejected as rejected:
            raise self._rejected(
                rejected.rejection, rejected.reason, completion.refusal or completion.text, dialect, account
            ) from None
        dropped: Dropped = Counter()
        return Reading(
            outcome=outcome(parsed.value, words, dropped, whole=fields == FIELDS),
            dialect=dialect,
            account=account,
            repairs=parsed.repairs,
            dropped=dropped,
        )

    async def _ask_again(
        self, plain: str, dialect: Dialect, fields: tuple[FieldName, ...], refused: RequestRefused
    ) -> tuple[Completion, Dialect]:
        """Find out by the probe whether a refusal is about the server or the post.

        Raises LaneStopped when the server refuses the probe too. One that has changed its dialect is asked in
        the new one. One that still takes the probe does not take this post, which is then rejected.
        """
        now = await self._probe.again()
        if now != dialect:
            try:
                return await self._ask(plain, now, fields), now
            except RequestRefused as again:
                refused = again
        reason = f"the server takes other requests but not this one ({refused.status})"
        raise self._rejected("refusal", reason, refused.detail, now, Account(calls=1)) from None

    async def _ask_all(self, text: str, dialect: Dialect) -> Completion:
        return await self._ask(text, dialect, FIELDS)

    async def _ask(self, plain: str, dialect: Dialect, fields: tuple[FieldName, ...]) -> Completion:
        return await self._model.complete(self._request(plain, dialect, fields))

    def _request(self, plain: str, dialect: Dialect, fields: tuple[FieldName, ...]) -> ChatRequest:
        return ChatRequest(
            model=self.spec.model or "",
            messages=conversation(
                self.spec.prompt,
                self.spec.few_shot,
                plain,
                fields=fields,
                spelt_out=dialect != "json_schema",
            ),
            response_format=response_format(dialect, fields),
            temperature=self.spec.temperature,
            seed=self.spec.seed,
            max_tokens=self.spec.max_tokens,
            extra=self.spec.extra,
        )

    def _rejected(
        self, rejection: Rejection, reason: str, artifact: str, dialect: Dialect, account: Account
    ) -> AnswerRejected:
        return AnswerRejected(
            f"{self.spec.model}: the answer is of no use ({rejection}): {reason}; the job keeps it",
            rejection=rejection,
            artifact=kept(artifact),
            meta=self._meta(account, dialect, Counter(), Counter()),
        )

    def _meta(
        self, account: Account, dialect: Dialect | None, repairs: Counter[Repair], dropped: Dropped
    ) -> dict[str, Any]:
        used = f"{self._fingerprint}:{dialect}"
        return {
            "prompt": self.spec.prompt.described(),
            "model": self.spec.model,
            "dialect": dialect,
            "fingerprint": hashlib.sha256(used.encode()).hexdigest(),
            "tokens": account.tokens.told(),
            "latency_ms": round(account.latency_seconds * 1000),
            "cost": cost(account.tokens, self.spec.price_prompt, self.spec.price_completion),
            "repairs": dict(repairs),
            "dropped": dict(dropped),
            "calls": account.calls,
        }
