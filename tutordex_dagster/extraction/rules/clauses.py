"""What the clauses of a status post say: this is gone, that is open, or nothing about it."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Says = Literal["gone", "open", "nothing"]

STATUS = re.compile(
    r"\b(?:closed|taken|filled|assigned|matched|expired|cancelled|canceled|confirmed"
    r"|no longer (?:available|open|looking|needed|required)|fulfilled|secured|engaged|reopened|re-opened"
    r"|gone(?= (?:liao|alr|already|now)|[!.]|\W{0,9}$)"
    r"|found (?:(?:an?|the|our|their) )?(?:suitable )?(?:tutor|match)|(?:tutor|match) (?:has been )?found)\b",
    re.IGNORECASE,
)
"""Words for what became of an assignment."""

_REOPENED = re.compile(
    r"\b(?:re-?opened|open again|available again|backed out|(?:still|remains?) (?:open|available|up))\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:(?:\bnot|n['’]t|\b(?:cannot|never|yet|almost|nearly|no(?! longer| more)|none))(?: [a-z]{1,9}){0,3}"
    r"|\b(\d) ?(?:/|(?:out )?of) ?(?!\1)\d(?: [a-z]{1,9}){0,3}"
    r"|\b(?:to|will|can|may|might|should|could) be|\b(?:if|unless|until|till|whether|once)\b[^,]{0,40}?)"
    rf" ?{STATUS.pattern}",
    re.IGNORECASE,
)
"""A status denied, doubted, to come or of some only: "not taken yet", "until filled", "1 of 2 taken"."""
_NO_APPLYING = re.compile(
    r"(?:\bnot|n['’]t|\bstop|\bno need to)(?: (?!hesitate|forget|miss|wait|only)[a-z]{1,9}){0,2}"
    r" apply(?:ing)?\b",
    re.IGNORECASE,
)
_NOT_OPEN = re.compile(r"\b(?:not|no longer) (?:open|available|looking)\b|\bunavailable\b", re.IGNORECASE)
_OPEN = re.compile(
    r"\b(?:open|available|vacant|unfilled|unassigned|pending|urgent(?:ly)?|apply|looking for|seeking|sourcing"
    r"|waiting|instead|another|upcoming|coming (?:up|soon)|up for grabs|tutors? (?:needed|wanted|required)"
    r"|new(?= (?:tuition|jobs?|assignments?|cases?|requests?|codes?|openings?|posts?|ones?)\b|:|\W{0,4}$)"
    r"|other (?:jobs?|assignments?|cases?|requests?)|(?:is|are)(?=\W{0,4}$))\b|\?(?=\s|$)|🟢|🆕",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\W{0,4}(?:it|this|that|they|these|both|all|is|are|now|again|tutors?|still|remains?|re-?opened|open"
    r"|available)\b(?!.{0,60}:\W{0,4}$)",
    re.IGNORECASE,
)
"""The beginning of a clause about what was named before it, which is no heading."""
_EXCEPT = re.compile(
    r"\b(?:except(?:ing)?|excluding|besides|apart from|other than|similar|unlike|but not)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!;?])(?:\s|$)")
_CUT = re.compile(
    r"[(\[]|(?<=[)\]])|,(?=\s|#?[A-Za-z]|$)| (?:but|and|while|whereas|&) | ?\| ?"
    r"|[^\w\s.,:;!?'’\"#()\[\]/&$@+–—-]\ufe0f? ?(?=#?[A-Z]{0,6}-?\d)",
    re.IGNORECASE,
)
"""Where a clause ends: at brackets, commas, words that join, and signs before a code."""


class Clause(NamedTuple):
    """A piece of one line and what it says; `at` is where the first word that says so begins, or 0."""

    text: str
    line: int
    says: Says
    at: int
    takes_back: bool
    """It says of what was named before it that it is open again."""


def read_clauses(text: str) -> Iterator[Clause]:
    """Yield the clauses in the text's order, without what its sentences except from what they say."""
    for number, line in enumerate(text.split("\n")):
        for sentence in _SENTENCE.split(line):
            exception = _EXCEPT.search(sentence)
            kept = sentence[: exception.start()] if exception else sentence
            yield from (_clause(piece, number) for piece in _CUT.split(kept) if piece.strip())


def _clause(text: str, line: int) -> Clause:
    """Read a clause; one that says both is about what is open, for want of a better reading."""
    rest, _ = _without(_NO_APPLYING, text)
    rest, denied = _without(_NEGATED, rest)
    rest, shut = _without(_NOT_OPEN, rest)
    rest, again = _without(_REOPENED, rest)
    rest, gone = _without(STATUS, rest)
    rest, opens = _without(_OPEN, rest)
    at = min((*denied, *shut, *again, *gone, *opens), default=0)
    says: Says = "open" if denied or again or opens else "gone" if shut or gone else "nothing"
    return Clause(text=text, line=line, says=says, at=at, takes_back=bool(again and _REFERS.match(text)))


def _without(words: re.Pattern[str], text: str) -> tuple[str, list[int]]:
    """Return the text with these words blanked out, and where they began."""
    found = [match.start() for match in words.finditer(text)]
    return (words.sub(lambda match: " " * len(match[0]), text), found) if found else (text, [])
