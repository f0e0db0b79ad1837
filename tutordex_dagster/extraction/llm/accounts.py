"""What answers cost: tokens, money, time, repairs; and what a hybrid version saves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import JsonValue

from tutordex_dagster.extraction.llm.chat import Completion, Message

_CHARACTERS_A_TOKEN = 4
"""English text in the tokens of today's models; used only where a server counts nothing."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of the calls for one post; `estimated` when a server did not count them."""

    prompt: int = 0
    completion: int = 0
    estimated: bool = False

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(
            prompt=self.prompt + other.prompt,
            completion=self.completion + other.completion,
            estimated=self.estimated or other.estimated,
        )

    def told(self) -> dict[str, JsonValue]:
        """Return the form that is stored."""
        return {
            "prompt": self.prompt,
            "completion": self.completion,
            "total": self.prompt + self.completion,
            "estimated": self.estimated,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The calls made for one post so far."""

    calls: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    latency_seconds: float = 0.0

    def with_call(self, tokens: Tokens, seconds: float) -> "Account":
        """Return the account with one more call."""
        return replace(
            self,
            calls=self.calls + 1,
            tokens=self.tokens + tokens,
            latency_seconds=self.latency_seconds + seconds,
        )


def tokens_of(completion: Completion, messages: Iterable[Message]) -> Tokens:
    """Return the tokens of a call as the server counted them, else by the length of the texts."""
    if completion.usage:
        return Tokens(prompt=completion.usage.prompt, completion=completion.usage.completion)
    return Tokens(
        prompt=estimate(each.content for each in messages),
        completion=estimate((completion.text,)),
        estimated=True,
    )


def estimate(texts: Iterable[str]) -> int:
    """Return about how many tokens these texts have."""
    return sum(-(-len(text) // _CHARACTERS_A_TOKEN) for text in texts)


def cost(tokens: Tokens, price_prompt: float | None, price_completion: float | None) -> float | None:
    """Return the price of these tokens, None without prices; prices are per million tokens."""
    if price_prompt is None and price_completion is None:
        return None
    paid = tokens.prompt * (price_prompt or 0) + tokens.completion * (price_completion or 0)
    return paid / _MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What the rules spared a hybrid version, against asking for every field of every post."""

    posts: int
    posts_without_call: int
    tokens: int
    tokens_saved: int

    @property
    def share_of_posts(self) -> float:
        """Return the share of posts that cost no call."""
        return self.posts_without_call / self.posts if self.posts else 0.0

    @property
    def share_of_tokens(self) -> float:
        """Return the share of the tokens that asking for everything would have taken."""
        whole = self.tokens + self.tokens_saved
        return self.tokens_saved / whole if whole else 0.0


def savings(metas: Iterable[Mapping[str, Any]]) -> Savings:
    """Add up the `meta` of a hybrid version's answers."""
    posts = idle = spent = saved = 0
    for meta in metas:
        posts += 1
        idle += meta["calls"] == 0
        spent += meta["tokens"]["total"]
        saved += meta["saved_tokens"]
    return Savings(posts=posts, posts_without_call=idle, tokens=spent, tokens_saved=saved)
