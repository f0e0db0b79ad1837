"""From lines to entries: the field of each line, by its label, its sign, or its place under another."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tutordex_dagster.extraction.rules import patterns
from tutordex_dagster.extraction.rules.academics import is_academic, is_taught
from tutordex_dagster.extraction.rules.labels import inner_label, split_label
from tutordex_dagster.extraction.rules.looks import MAX_TAUGHT, field_by_look, is_topic, split_strange_label
from tutordex_dagster.extraction.rules.people import tutor_types
from tutordex_dagster.extraction.rules.standing import is_closed_mark
from tutordex_dagster.extraction.rules.text import Line
from tutordex_dagster.extraction.rules.vocabulary import SIGNS, Field

MAX_LABELS = 40
"""More than stand on any line; a bound for hostile texts."""
LABELLED_POST = 3
"""A post with labels for so many fields says things behind them."""
MULTI_LINE: frozenset[Field] = frozenset({"remarks", "time", "schedule", "rate", "tutor"})
LIST_BULLETS = frozenset(
    ("-", "–", "—", "•", "·", "◦", "▪", "▪️", "‣", "*", "✓", "✔", "✔️", "✅", "👉", ">", "●", "○", "➤")
)
"""Marks of list items; other signs before a line are decoration, or stand for a label."""
_SUB_FIELDS: frozenset[Field] = frozenset(
    {"location", "postal", "subject", "level", "academic", "time", "mrt", "start"}
)
_SIGN = re.compile(f"([{''.join(SIGNS)}])\ufe0f?")
_INFORMATION = re.compile(r"[^a-z]{0,3}(?:info|information|details?|description|about)\b", re.IGNORECASE)
_REQUEST = re.compile(r"req(?:uests?|uired)? ?[^a-z]{0,3}$", re.IGNORECASE)
_ASKED = re.compile(r"(?:needs?|student(?: info| details?)?|who)\b", re.IGNORECASE)
_FOR = re.compile(r".{0,40}\bfor ?[^a-z]{0,3}$", re.IGNORECASE | re.DOTALL)
_BEHIND_CODE = re.compile(
    rf"({patterns.CODE.pattern}) ?(?:[:|,–—-]{{1,2}}|[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f?)"
    r" (.{6,800})",
    re.DOTALL,
)
_CODE_LINE = re.compile(
    rf"(?:[A-Za-z]{{1,12}} )?(?:[A-Za-z]{{1,8}}ID|id|code|ref|quote|job|case|assignment)"
    rf"(?: (?:no|id|code|ref)\b)?[ .:]{{1,3}}{patterns.CODE.pattern}",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"S?\$ ?\d|\d{2,3}\b")
_NUMBER = re.compile(r"\(?(?:\d{1,2}|[a-h])[.)]|[0-9]\ufe0f?\u20e3")
_JOINS = frozenset({"or", "and", "/", "&"})
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
    _settle_strange_labels(entries)
    return tuple(entries)


def written(entry: Entry) -> str:
    """Return the entry's text with its label, as the post has them."""
    return f"{entry.label.rstrip()} {entry.value}".strip()


def is_footer(text: str) -> bool:
    """Does the line tell how to apply, or lead elsewhere? What follows a post is none of its fields."""
    if text.startswith("#") and (not patterns.CODE.match(text) or _HASHTAGS.fullmatch(text)):
        return True
    return _FOOTER.match(text) is not None


def _settle_strange_labels(entries: Iterable[Entry]) -> None:
    """Give lines behind labels of unknown words the field their values look like.

    Only in a post that labels its fields, and only fields no label of it names.
    """
    known = tuple(entries)
    named = {entry.field for entry in known if entry.label}
    if len(named) < LABELLED_POST:
        return
    for entry in known:
        found = split_strange_label(entry.value) if entry.field is None else None
        name = field_by_look(found[1]) if found else None
        if found and name is not None and name not in named:
            entry.field, (entry.label, entry.value) = name, found


def _labelled(line: Line) -> Iterator[Entry]:
    """Yield the labels of a line with their values; none if it does not begin with one."""
    for _ in range(MAX_LABELS):
        found = split_label(line.text)
        if found is None:
            return
        label, value, name = found
        inner = inner_label(value, name) if name != "remarks" else None
        if inner is None:
            yield from _last_of_line(line, label, value, name)
            return
        yield _entry(line, label, value[:inner].rstrip(" ,;|•"), name)
        line = line._replace(text=value[inner:].lstrip(" ,;|•"))


def _last_of_line(line: Line, label: str, value: str, name: Field) -> Iterator[Entry]:
    behind = _BEHIND_CODE.match(value) if name in {"code", "headline"} else None
    if behind:
        yield _entry(line, label, behind[1], name)
        yield Entry(field=None, label="", value=behind[2], line=line._replace(bullet=""))
    else:
        yield _entry(line, label, value, name)


def _entry(line: Line, label: str, value: str, name: Field) -> Entry:
    value = value.strip()
    return Entry(
        field=_by_value(name, label, value),
        label=label.strip(),
        value=value,
        line=line,
        list_bullet=None if value else "",
    )


def _by_value(name: Field, label: str, value: str) -> Field:
    """Settle labels that different posts use for different things: "Assignment", "Schedule", "Time"."""
    if name == "headline":
        return _of_headline(label, value)
    if name in {"schedule", "time"} and value:
        return _of_time(name, value)
    if name == "remarks" and _REQUEST.match(label) and len(value) <= MAX_TAUGHT and is_taught(value):
        return "academic"
    if name == "tutor" and _FOR.match(label) and is_academic(value):
        return "academic"
    if name in {"level", "subject"} and value and _ASKED.match(label) and not is_topic(value):
        return "remarks"
    return name


def _of_headline(label: str, value: str) -> Field:
    """Return what "Assignment: A12", "Job details: patient tutor" and "Request: P5 Maths" are about."""
    if patterns.CODE.fullmatch(value):
        return "code"
    if not value or is_topic(value) or patterns.CODE.match(value):
        return "headline"
    return "remarks" if _INFORMATION.match(label) or _REQUEST.match(label) else "headline"


def _of_time(name: Field, value: str) -> Field:
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
        inner = list(_labelled(Line(text=current.value, bullet="", number=current.line.number)))
        if inner and inner[0].field in _SUB_FIELDS:
            yield from inner


def _continues(current: Entry, line: Line, *, gap: bool) -> bool:
    """Does an unlabelled line go on with the field above it?"""
    if current.field in {None, "other"} or is_footer(line.text) or _is_sibling(current, line):
        return False
    if is_closed_mark(line.text):
        return False
    if (current.field == "tutor" and is_taught(line.text)) or _CODE_LINE.fullmatch(line.text):
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


def _unlabelled(line: Line) -> Iterator[Entry]:
    """Yield the entries of a line without a label: signs before it or inside it stand for labels."""
    if is_footer(line.text):
        yield Entry(field="other", label="", value=line.text, line=line)
        return
    before = _SIGN.search(line.bullet)
    if before and line.text.endswith(before[1]):  # the same sign on both sides adorns a banner
        yield Entry(field=None, label="", value=line.text.rstrip(before[1]).strip(), line=line)
        return
    text, *signed = (line.text,) if line.text.isascii() else _SIGN.split(line.text)
    if text.strip() or before:
        yield Entry(field=SIGNS[before[1]] if before else None, label="", value=text.strip(), line=line)
    for sign, value in zip(signed[::2], signed[1::2], strict=True):
        yield Entry(field=SIGNS[sign], label="", value=value.strip(), line=line._replace(bullet=sign))


def _joined(value: str, more: str) -> str:
    return f"{value}\n{more}" if value else more
