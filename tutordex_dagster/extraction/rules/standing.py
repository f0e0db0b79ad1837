"""Is an assignment still open? By its status label, a mark before or after it, or a sentence."""

import re
from collections.abc import Iterable, Sequence

from tutordex_dagster.extraction.contract import Status
from tutordex_dagster.extraction.rules.clauses import read_clauses

_GONE = r"(?:closed|taken|filled|assigned|expired|cancelled|canceled|matched)"
_SHUT_SIGN = re.compile(r"❌|🔴")
_MARK = re.compile(
    r"[\[(*❌🔴🚫 ]{0,6}(?:CLOSED|TAKEN|FILLED|ASSIGNED|EXPIRED|CANCELLED|MATCHED)\b[\])*!❌🔴🚫 ]{0,6}"
)
_ASIDE = re.compile(
    rf"(?:[\[(❌🔴🚫✅]\ufe0f? ?|- ){_GONE} ?(?:[\])❌🔴🚫✅]|$)|^{_GONE}\W{{0,4}}$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"\b(?:is|are|was|(?:has|have) been) (?:now |already )?(?:closed|taken|filled|assigned|matched"
    r"|fulfilled|cancelled|canceled|no longer available)\b",
    re.IGNORECASE,
)
_FORMER = re.compile(
    r"\b(?:last|previous(?:ly)?|former(?:ly)?|earlier|old|first|initially|originally)\b", re.IGNORECASE
)
_ALONE = re.compile(
    r"\W{0,12}(?:(?:sorry|update|this|the|it|post|one|assignments?|jobs?|cases?|requests?|is|are|has|have"
    rf"|been|now|already)\W{{1,3}}){{0,6}}{_GONE}\b\W{{0,12}}"
    r"(?:(?:already|alr|liao|now|thanks?|thank you|thx|tq|all|tutors?|everyone)\W{0,6}){0,4}",
    re.IGNORECASE,
)
# An "assigned code" is a code, so the word needs a bracket or a dash before a label.
_BEFORE_LABEL = re.compile(
    rf"\W{{0,6}}(?:(?:CLOSED|TAKEN|FILLED|EXPIRED|CANCELLED)\b|(?i:{_GONE}) ?(?:[\])❌🔴🚫:]|[-–—] ))"
)
_OF_GONE = re.compile("ed|taken", re.IGNORECASE)
"""What every word for it has in it; looking for it is quick."""


def status(
    stated: Sequence[str], labels: Iterable[str], opening: Iterable[str], lines: Iterable[str]
) -> Status:
    """Return what the first stated status says; without any, whether something marks the post as closed.

    That is a label behind a mark, one of the opening lines, or any line that says so and nothing else.
    """
    if stated:
        return labelled_status(stated[0])
    closed = (
        any(label_marks_closed(label) for label in labels)
        or any(marked_closed(text) for text in opening)
        or any(is_closed_mark(text) for text in lines)
    )
    return "closed" if closed else "open"


def labelled_status(value: str) -> Status:
    """Return what the first clause says that says anything: "Available, 1 of 2 slots taken" is open."""
    said = next((each.says for each in read_clauses(value) if each.says != "nothing"), None)
    if said is None:
        return "closed" if _SHUT_SIGN.search(value) else "open"
    return "closed" if said == "gone" else "open"


def marked_closed(text: str) -> bool:
    """Does the line begin with a mark such as "[CLOSED]", or say that the assignment is taken?"""
    if not _OF_GONE.search(text) and "no longer" not in text:
        return False
    return bool(_MARK.match(text) or _ASIDE.search(text) or (_SENTENCE.search(text) and _says_closed(text)))


def is_closed_mark(text: str) -> bool:
    """Does the line say that the assignment is gone and nothing else, as "Assignment taken, thanks"?"""
    return _OF_GONE.search(text) is not None and _ALONE.fullmatch(text) is not None


def label_marks_closed(label: str) -> bool:
    """Does a label begin with a mark, as "[TAKEN] Code:" and "Closed - Code:" do?"""
    return _BEFORE_LABEL.match(label) is not None


def _says_closed(text: str) -> bool:
    """Do the clauses about a state say that it is gone? What became of tutors before is another matter."""
    clauses = tuple(read_clauses(text))
    gone = (
        each.says == "gone" and _SENTENCE.search(each.text) and not _FORMER.search(each.text)
        for each in clauses
    )
    return any(gone) and not any(each.takes_back for each in clauses)
