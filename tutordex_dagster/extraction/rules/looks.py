"""What the values of fields look like: for labels of words that no vocabulary knows."""

import re
from collections.abc import Callable

from tutordex_dagster.extraction.rules import patterns, places, rates
from tutordex_dagster.extraction.rules.academics import is_academic, is_taught, subjects
from tutordex_dagster.extraction.rules.people import is_wish, tells_of_people
from tutordex_dagster.extraction.rules.vocabulary import NEGATIONS, Field

MAX_TAUGHT = 60
"""A request no longer than this, with level and subject, is what is taught and no remark."""

_STRANGE = re.compile(
    r"([A-Za-z][A-Za-z/&']{1,15}(?: [A-Za-z/&']{1,15}){0,2}) ?"
    r"(?:[:：=|¦»›→➔➜~](?= )|->|=>|>{2}|[.…]{2,60}|_{2,30}) ?(\S.{1,400})",
    re.DOTALL,
)
_SENTENCES = re.compile(r"[a-z0-9]\. [A-Z]|[a-z]\.$")


def split_strange_label(text: str) -> tuple[str, str] | None:
    """Return the label of up to three words a line begins with, whatever they are, and what stands behind."""
    match = _STRANGE.match(text)
    if match is None or NEGATIONS.intersection(match[1].lower().split()):
        return None
    return text[: match.start(2)].strip(), match[2]


def field_by_look(value: str) -> Field | None:
    """Return the field of a value that has a look of its own; what speaks of people is a remark."""
    if not patterns.stated(value):
        return "other"
    found = next((name for name, looks_so in _LOOKS if looks_so(value)), None)
    if found != "subject":
        return found
    named: Field = "subject" if subjects(value) else "level"
    return named if len(value) <= MAX_TAUGHT else None


def is_topic(value: str) -> bool:
    """Does the value tell what is taught, rather than talk about it? Then it is no sentence and no wish."""
    talks = _SENTENCES.search(value) is not None or is_wish(value)
    return is_academic(value) and (is_taught(value) or not talks)


def _is_near(value: str) -> bool:
    return patterns.MRT.search(value) is not None and places.is_way(value)


def _is_about_people(value: str) -> bool:
    return is_wish(value) or tells_of_people(value)


def _is_pay(value: str) -> bool:
    return rates.free_rate(value) is not None or rates.asks_for_quote(value)


_LOOKS: tuple[tuple[Field, Callable[[str], bool]], ...] = (
    ("mrt", _is_near),
    ("schedule", patterns.tells_frequency),
    ("rate", _is_pay),
    ("time", patterns.names_day),
    ("location", places.is_address_line),
    ("subject", is_topic),
    ("remarks", _is_about_people),
)
"""What values of fields look like; the first that fits decides."""
