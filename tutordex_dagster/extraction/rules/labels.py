"""What a label names: the field of the words before a colon, a dash, a bar or an amount."""

import re
from functools import lru_cache

from tutordex_dagster.extraction.rules import patterns
from tutordex_dagster.extraction.rules.academics import is_academic
from tutordex_dagster.extraction.rules.vocabulary import (
    CHINESE,
    KINDS,
    LABEL_WORDS,
    NEGATIONS,
    RULES,
    WHOLE_LABELS,
    Field,
)

_DASH_FIELDS: frozenset[Field] = frozenset(
    {
        "rate",
        "location",
        "subject",
        "level",
        "academic",
        "time",
        "schedule",
        "code",
        "mrt",
        "start",
        "remarks",
        "mode",
        "postal",
        "tutor",
        "other",
    }
)
_BARE_FIELDS: frozenset[Field] = frozenset({"rate", "code", "time", "headline"})
_INNER_FIELDS = (_DASH_FIELDS | {"status"}) - {"tutor", "other"}
_HEADING_FIELDS = _DASH_FIELDS - {"headline", "other", "tutor"}
_NO_HEADING = frozenset({"available", "available now", "daily"})
"""Words of labels that say something themselves when alone on a line."""
_COLON = re.compile(r"([^:：]{1,48})[:：] ?(.*)", re.DOTALL)
_BRACKETED = re.compile(r"[\[【(<]([^\[\]【】()<>:：]{2,30})[\]】)>] ?(.*)", re.DOTALL)
_DASH = re.compile(
    r"([A-Za-z][A-Za-z &/']{1,30}?) ?(?:[-–—=|¦»›→➔➜⇒~•·]|->|=>|>{1,2}|➡️?|👉|\?|[.…]{2,60}|_{2,30}) ?"
    r"(?<=[ .…_?|¦»›→➔➜⇒>️•·])(.{1,400})"
)
_BARE = re.compile(
    r"([A-Za-z]{2,12}(?: [A-Za-z]{2,8}){0,2}\.?) ((?:#? ?(?:S?\$|\d)|#?[A-Z]{1,6}-?\d).{0,200})"
)
_PATTERNS: tuple[tuple[re.Pattern[str], frozenset[str] | None, frozenset[Field] | None], ...] = (
    (_COLON, frozenset(":："), None),
    (_BRACKETED, frozenset("[【(<"), _DASH_FIELDS),
    (_DASH, None, _DASH_FIELDS),
    (_BARE, None, _BARE_FIELDS),
)
"""How labels are written; signs one of which each must hold, which are quick to look for; and the fields they
may name, if not all."""
_INLINE = re.compile(r"[,;|•] ?([A-Za-z][A-Za-z /&'.]{1,30}?) ?[:：] ?")
_WORDS_BEFORE_COLON = re.compile(
    r" ((?:[A-Z][A-Za-z/'.&]{1,14} ){0,2}[A-Z][A-Za-z/'.&()]{1,14}) ?[:：](?!\d)"
)
_CODE_FIRST = re.compile(rf"{patterns.CODE.pattern}(?= ?[:|,–—-]|$)")
_PARENTHESIS = re.compile(r"\([^()]{0,24}\)")
_MONEY_SIGN = re.compile(r"[s ]{0,2}\${1,4}[ /]{0,2}")
_NOT_A_WORD = re.compile(r"[^a-z0-9#]{1,48}")


def label_of_line(text: str) -> Field | None:
    """Return the field a line's label names, if it has one and a colon."""
    match = _COLON.match(text) if ":" in text or "：" in text else None
    return _own_label_field(match[1]) if match else None


def label_field(label: str) -> Field | None:
    """Return the field a label names, or None if it holds a word labels do not use."""
    return _field_of(label.lower(), strangers=0) if len(label) <= 48 else None  # noqa: PLR2004


def split_label(text: str) -> tuple[str, str, Field] | None:
    """Return the label a line begins with, what stands behind it, and its field; None for no label."""
    for pattern, signs, allowed in _PATTERNS:
        match = None if signs and signs.isdisjoint(text) else pattern.match(text)
        if match is None or (pattern is _COLON and _is_dashed(match[1])):
            continue
        name = _own_label_field(match[1]) if pattern is _COLON else label_field(match[1])
        if name is not None and (allowed is None or name in allowed):
            if pattern is _BARE and name == "headline" and not _CODE_FIRST.match(match[2]):
                continue
            return text[: match.start(2)], match[2], name
    return (text, "", name) if (name := _heading(text)) else None


def inner_label(value: str, name: Field) -> int | None:
    """Return where the next label begins in a value that runs on into it: "A12, Rate: 30", "A12 Rate: 30"."""
    if ":" not in value and "：" not in value:
        return None
    for inner in _INLINE.finditer(value):
        if label_field(inner[1]) not in {None, name}:
            return inner.start()
    for inner in _WORDS_BEFORE_COLON.finditer(value):
        if value.count("(", 0, inner.start()) > value.count(")", 0, inner.start()):
            continue
        words = inner[1].split(" ")
        for first in range(len(words)):
            label = " ".join(words[first:])
            if label_field(label) in _INNER_FIELDS - {name}:
                return inner.end(1) - len(label)
    return None


def _own_label_field(label: str) -> Field | None:
    """Return the field of a label before a colon: in a short one, a single strange word does no harm."""
    name = label_field(label)
    if name is None and len(label) <= 30:  # noqa: PLR2004
        name = _field_of(label.lower(), strangers=1)
        return name if name in _HEADING_FIELDS else None
    return name


@lru_cache(maxsize=4096)
def _field_of(label: str, *, strangers: int) -> Field | None:
    plain = (
        _PARENTHESIS.sub(" ", label.replace("(s)", "")).replace("'s", "").replace("’s", "").replace("‘s", "")
    )
    words = [_singular(word) for word in _NOT_A_WORD.split(plain) if word]
    if not words and _MONEY_SIGN.fullmatch(plain):
        return "rate"
    if len(words) == 1 and words[0] in WHOLE_LABELS:
        return WHOLE_LABELS[words[0]]
    if not words:
        return next((field for word, field in CHINESE.items() if word in plain), None)
    strange = set(words) - LABEL_WORDS
    if len(strange) > strangers or (strange and not _may_be_strange(words, strange)):
        return None
    named = frozenset(words)
    field = next((name for name, needed in RULES if needed <= named), None)
    return field if field in {"rate", "tutor"} or not named & KINDS else None


def _may_be_strange(words: list[str], strange: set[str]) -> bool:
    """May a label hold these words besides its own? Not a negation, a number, a day or a subject."""
    return (
        1 < len(words) <= 3  # noqa: PLR2004
        and not NEGATIONS.intersection(words)
        and all(word.isalpha() and len(word) > 2 for word in strange)  # noqa: PLR2004
        and not any(patterns.names_day(word) or is_academic(word) for word in strange)
    )


def _singular(word: str) -> str:
    if word == "#":
        return "no"
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")) else word  # noqa: PLR2004


def _is_dashed(label: str) -> bool:
    """Is the label before the colon a label and its value, as in "Rate - PT: $30"?"""
    first, dash, _ = label.partition(" - ")
    return bool(dash) and label_field(first) in _DASH_FIELDS


def _heading(text: str) -> Field | None:
    """Return the field of a line that is nothing but a label, as "LOCATION" above an address."""
    if len(text) > 24 or not text[:1].isupper() or text.lower() in _NO_HEADING:  # noqa: PLR2004
        return None
    name = label_field(text)
    return name if name in _HEADING_FIELDS else None
