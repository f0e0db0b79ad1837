"""From lines to entries: the field of each line, by its label, its sign, or its place under another."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from tutordex_dagster.extraction.rules import patterns
from tutordex_dagster.extraction.rules.academics import is_academic, is_taught
from tutordex_dagster.extraction.rules.people import tutor_types
from tutordex_dagster.extraction.rules.text import Line
from tutordex_dagster.extraction.rules.vocabulary import CHINESE, LABEL_WORDS, NEGATIONS, RULES, SIGNS, Field

MULTI_LINE: frozenset[Field] = frozenset({"remarks", "time", "schedule", "rate", "tutor"})
_SUB_FIELDS: frozenset[Field] = frozenset(
    {"location", "postal", "subject", "level", "academic", "time", "mrt", "start"}
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

_SIGN = re.compile(f"([{''.join(SIGNS)}])\ufe0f?")
_INFORMATION = re.compile(r"[^a-z]{0,3}(?:info|information|details?|description|about)\b", re.IGNORECASE)
_REQUEST = re.compile(r"req(?:uests?|uired)? ?[^a-z]{0,3}$", re.IGNORECASE)
MAX_TAUGHT = 60
"""A request no longer than this, with level and subject, is what is taught and no remark."""
_NO_HEADING = frozenset({"available", "available now", "daily"})
"""Words of labels that say something themselves when alone on a line."""

LIST_BULLETS = frozenset(
    ("-", "–", "—", "•", "·", "◦", "▪", "▪️", "‣", "*", "✓", "✔", "✔️", "✅", "👉", ">", "●", "○", "➤")
)
"""Marks of list items; other signs before a line are decoration, or stand for a label."""

_COLON = re.compile(r"([^:：]{1,48})[:：] ?(.*)", re.DOTALL)
_BRACKETED = re.compile(r"[\[【(<]([^\[\]【】()<>:：]{2,30})[\]】)>] ?(.*)", re.DOTALL)
_DASH = re.compile(
    r"([A-Za-z][A-Za-z &/']{1,30}?) ?(?:[-–—=|¦»›→➔➜⇒~•·]|->|=>|>{1,2}|➡️?|👉|\?|[.…]{2,60}|_{2,30}) ?"
    r"(?<=[ .…_?|¦»›→➔➜⇒>️•·])(.{1,400})"
)
_BEHIND_CODE = re.compile(rf"({patterns.CODE.pattern}) ?[:|,–—-]{{1,2}} (.{{6,800}})", re.DOTALL)
_BARE = re.compile(
    r"([A-Za-z]{2,12}(?: [A-Za-z]{2,8}){0,2}\.?) ((?:#? ?(?:S?\$|\d)|#?[A-Z]{1,6}-?\d).{0,200})"
)
_INLINE = re.compile(r"[,;|•] ?([A-Za-z][A-Za-z /&'.]{1,30}?) ?[:：] ?")
_WORDS_BEFORE_COLON = re.compile(
    r" ((?:[A-Z][A-Za-z/'.&]{1,14} ){0,2}[A-Z][A-Za-z/'.&()]{1,14}) ?[:：](?!\d)"
)
_AMOUNT = re.compile(r"S?\$ ?\d|\d{2,3}\b")
_NUMBER = re.compile(r"\(?(?:\d{1,2}|[a-h])[.)]|[0-9]\ufe0f?\u20e3")
_JOINS = frozenset({"or", "and", "/", "&"})
_CODE_FIRST = re.compile(rf"{patterns.CODE.pattern}(?= ?[:|,–—-]|$)")
_PARENTHESIS = re.compile(r"\([^()]{0,24}\)")
_MONEY_SIGN = re.compile(r"[s ]{0,2}\$[ /]{0,2}")
_NOT_A_WORD = re.compile(r"[^a-z0-9#]{1,48}")
_HASHTAGS = re.compile(r"#\w{2,30}(?:[ ,]{1,3}#\w{2,30}){1,20}")
_FOOTER = re.compile(
    r"(?:to apply|apply\b|click|contact|whats ?app|pls "
    r"|please (?:contact|apply|pm|dm|whatsapp|message|click|visit|join)"
    r"|kindly (?:contact|apply|pm|whatsapp|click|visit)|pm |dm |message |text |call "
    r"|if you(?:['’]re| are| face| have)|interested|join |follow |share |forward |subscribe|for more"
    r"|visit |view |see more|thank you|thanks|https?:|www\.|t\.me|wa\.me|@\w)",
    re.IGNORECASE,
)


@dataclass(slots=True, kw_only=True)
class Entry:
    """What one label or free line says; `field` is None for a free line.

    `value` is the text after the label with its further lines; `label` is as written,
    with its separator, or empty.
    """

    field: Field | None
    label: str
    value: str
    line: Line
    list_bullet: str | None = None
    """The bullet of the list below a label that stands alone on its line; "" while the list has not begun."""


def read_entries(lines: Iterable[Line]) -> tuple[Entry, ...]:
    """Assign every line to an entry, in the order of the text."""
    entries: list[Entry] = []
    current: Entry | None = None
    gap = False
    for line in lines:
        if line.is_break:
            gap = True
            continue
        found = list(_labelled(line))
        if found and current is not None and _is_sub_label(current, found[0], gap=gap):
            current.value = _joined(current.value, line.text)
            entries.extend(found)
        elif found and current is not None and _is_tier(current, found[0]):
            current.value = _joined(current.value, line.text)
        elif found:
            entries.extend(found)
            current = found[-1]
            entries.extend(_labels_opening(current))
        elif current is not None and _continues(current, line, gap=gap):
            current.list_bullet = current.list_bullet if current.value else line.bullet or None
            current.value = _joined(current.value, ("\n" + line.text) if gap and current.value else line.text)
        else:
            entries.extend(_unlabelled(line))
            current = entries[-1]
        gap = False
    return tuple(entries)


def written(entry: Entry) -> str:
    """Return the entry's text with its label, as the post has them."""
    return f"{entry.label.rstrip()} {entry.value}".strip()


def label_of_line(text: str) -> Field | None:
    """Return the field a line's label names, if it has one and a colon."""
    match = _COLON.match(text) if ":" in text or "：" in text else None
    return _own_label_field(match[1]) if match else None


def label_field(label: str) -> Field | None:
    """Return the field a label names, or None if it holds a word labels do not use."""
    return _field_of(label.lower(), strangers=0) if len(label) <= 48 else None  # noqa: PLR2004


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
    if words == ["no"]:
        return "code"
    if not words:
        return next((field for word, field in CHINESE.items() if word in plain), None)
    strange = set(words) - LABEL_WORDS
    if len(strange) > strangers or (strange and not _may_be_strange(words, strange)):
        return None
    named = frozenset(words)
    return next((name for name, needed in RULES if needed <= named), None)


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


def _labelled(line: Line) -> Iterator[Entry]:
    found = _split_label(line.text)
    if found is None:
        return
    label, value, name = found
    inner = _inner_label(value, name) if name != "remarks" else None
    if inner is not None:
        yield _entry(line, label, value[:inner].rstrip(" ,;|•"), name)
        yield from _labelled(replace(line, text=value[inner:].lstrip(" ,;|•")))
        return
    behind = _BEHIND_CODE.match(value) if name in {"code", "headline"} else None
    if behind:
        yield _entry(line, label, behind[1], name)
        yield Entry(field=None, label="", value=behind[2], line=replace(line, bullet=""))
        return
    yield _entry(line, label, value, name)


def _inner_label(value: str, name: Field) -> int | None:
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


def _entry(line: Line, label: str, value: str, name: Field) -> Entry:
    value = value.strip()
    return Entry(
        field=_by_value(name, label, value),
        label=label.strip(),
        value=value,
        line=line,
        list_bullet=None if value else "",
    )


def _split_label(text: str) -> tuple[str, str, Field] | None:
    for pattern, allowed in (
        (_COLON, None),
        (_BRACKETED, _DASH_FIELDS),
        (_DASH, _DASH_FIELDS),
        (_BARE, _BARE_FIELDS),
    ):
        match = pattern.match(text)
        if match is None or (pattern is _COLON and _is_dashed(match[1])):
            continue
        name = _own_label_field(match[1]) if pattern is _COLON else label_field(match[1])
        if name is not None and (allowed is None or name in allowed):
            if pattern is _BARE and name == "headline" and not _CODE_FIRST.match(match[2]):
                continue
            return text[: match.start(2)], match[2], name
    return (text, "", name) if (name := _heading(text)) else None


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


def _by_value(name: Field, label: str, value: str) -> Field:
    """Settle labels that different posts use for different things: "Assignment", "Schedule", "Time"."""
    if name == "headline" and patterns.CODE.fullmatch(value):
        return "code"
    if name == "remarks" and _REQUEST.match(label) and len(value) <= MAX_TAUGHT and is_taught(value):
        return "academic"
    if name == "headline" and _INFORMATION.match(label) and value and not is_academic(value):
        return "remarks"
    if name in {"schedule", "time"} and value:
        has_day = patterns.names_day(value)
        has_frequency = patterns.tells_frequency(value)
        if name == "schedule" and has_day and not has_frequency:
            return "time"
        if name == "time" and has_frequency and not has_day and not patterns.CLOCK.search(value):
            return "schedule"
    return name


def _is_sub_label(current: Entry, found: Entry, *, gap: bool) -> bool:
    """Is this label a line of the remarks above? It is if only those have a bullet."""
    return (
        current.field == "remarks"
        and not gap
        and bool(current.line.bullet)
        and not found.line.bullet
        and found.field in _SUB_FIELDS
    )


def _is_tier(current: Entry, found: Entry) -> bool:
    """Is this "label" a kind of tutor in a list of what each kind is paid?"""
    return (
        current.field == "rate"
        and found.field != "rate"
        and _AMOUNT.match(found.value) is not None
        and bool(tutor_types((found.label,)))
    )


def _labels_opening(current: Entry) -> Iterator[Entry]:
    """Yield the label that opens remarks, as in "Remarks: Location: …": it names its own field too."""
    if current.field == "remarks" and current.value:
        inner = list(_labelled(Line(text=current.value, bullet="", index=current.line.index)))
        if inner and inner[0].field in _SUB_FIELDS:
            yield from inner


def _continues(current: Entry, line: Line, *, gap: bool) -> bool:
    """Does an unlabelled line go on with the field above it?"""
    if current.field in {None, "other"} or is_footer(line.text) or _is_sibling(current, line):
        return False
    if current.field == "remarks":
        return not gap or (bool(current.value) and not patterns.CODE.fullmatch(line.text))
    if gap or not current.value or line.text.lower() in _JOINS:
        return not gap
    in_text = not line.bullet or (
        current.list_bullet is not None and _is_next(current.list_bullet, line.bullet)
    )
    return in_text and current.field in MULTI_LINE and _adds_to(current.field, line.text)


def _is_sibling(current: Entry, line: Line) -> bool:
    """Does the line's bullet put it beside the entry rather than under it?"""
    if not line.bullet or (current.list_bullet is not None and _is_next(current.list_bullet, line.bullet)):
        return False
    return line.bullet == current.line.bullet or line.bullet not in LIST_BULLETS


def _is_next(first: str, bullet: str) -> bool:
    """Does the bullet go on with a list that begins with the first, or has not begun?"""
    return first in {"", bullet} or (_NUMBER.fullmatch(first) and _NUMBER.fullmatch(bullet)) is not None


def _adds_to(name: Field, text: str) -> bool:
    """Does an unlabelled line below a filled field say more of the same?"""
    if name == "time":
        return patterns.names_day(text)
    if name == "rate":
        return "$" in text or text.startswith("(")
    return name == "tutor" or patterns.tells_frequency(text)


def is_footer(text: str) -> bool:
    """Does the line tell how to apply, or lead elsewhere? What follows a post is none of its fields."""
    if text.startswith("#") and (not patterns.CODE.match(text) or _HASHTAGS.fullmatch(text)):
        return True
    return _FOOTER.match(text) is not None


def _unlabelled(line: Line) -> Iterator[Entry]:
    """Yield the entries of a line without a label: signs before it or inside it stand for labels."""
    if is_footer(line.text):
        yield Entry(field="other", label="", value=line.text, line=line)
        return
    before = _SIGN.search(line.bullet)
    if before and line.text.endswith(before[1]):  # the same sign on both sides adorns a banner
        yield Entry(field=None, label="", value=line.text.rstrip(before[1]).strip(), line=line)
        return
    text, *signed = _SIGN.split(line.text)
    if text.strip() or before:
        yield Entry(field=SIGNS[before[1]] if before else None, label="", value=text.strip(), line=line)
    for sign, value in zip(signed[::2], signed[1::2], strict=True):
        yield Entry(field=SIGNS[sign], label="", value=value.strip(), line=replace(line, bullet=sign))


def _joined(value: str, more: str) -> str:
    return f"{value}\n{more}" if value else more
