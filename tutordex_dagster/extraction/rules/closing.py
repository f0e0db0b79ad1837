"""What a post about an assignment that is gone closes: codes, and links to the assignment's own post."""

import re
from collections.abc import Iterator

from tutordex_dagster.extraction.contract import Closing
from tutordex_dagster.extraction.rules import academics

MAX_NAMED = 100
"""More than a message can list; a bound for hostile texts."""

STATUS = re.compile(
    r"\b(?:closed|taken|filled|assigned|matched|expired|cancelled|canceled|confirmed"
    r"|no longer (?:available|open|looking|needed|required)|fulfilled|secured|engaged|reopened|re-opened"
    r"|gone(?= (?:liao|alr|already|now)|[!.]|\W{0,9}$)"
    r"|found (?:(?:an?|the|our|their) )?(?:suitable )?(?:tutor|match)|(?:tutor|match) (?:has been )?found)\b",
    re.IGNORECASE,
)
"""Words for what became of an assignment."""

SHUT = re.compile(
    r"\b(?:office|centre|center|school|shop|we|registration)s? (?:is|are|will be|remains?) closed\b",
    re.IGNORECASE,
)
"""Something else than an assignment that is closed."""

MARK = re.compile(
    rf"\W{{0,12}}(?:(?:sorry|this|it|post|one|is|has|been|now|already)\W{{1,3}}){{0,5}}{STATUS.pattern}"
    r"\W{0,12}(?:(?:already|alr|liao|now|thanks?|thank you|thx|all|tutors?|everyone)\W{0,6}){0,4}",
    re.IGNORECASE,
)
"""A text that says it of the post it answers, as "CLOSED ✅, thanks all"."""

_REOPENED = re.compile(
    r"\b(?:re-?opened|open again|available again|backed out|(?:still|remains?) (?:open|available|up))\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\n|[.!;](?:\s|$)|, (?=[^,]{0,40}\b(?:still|remains?|re-?open))| but ", re.IGNORECASE)
_LINK = re.compile(
    r"(?:https?://)?(?:www\.)?t(?:elegram)?\.me/(?:[cs]/)?[A-Za-z0-9_]{2,40}/\d{1,12}(?:/\d{1,12})?"
)
_ANY_LINK = re.compile(r"(?:https?://|www\.|t\.me/)\S{0,400}|@\w{2,40}")
_CODE = re.compile(
    r"(?<![\w/$.:-])#?("
    r"[A-Z]{1,5} \d{2,6}(?=[)\]])"
    r"|[A-Za-z]{1,6}(?:[-/_.#]?\d{1,10}|[-/_.][A-Za-z]{1,3}[-/_.]?\d{1,8})[A-Za-z0-9]{0,6}"
    r"(?:[-/_.](?=[A-Za-z]{0,3}\d)[A-Za-z0-9]{1,8}){0,2}"
    r"|\d{1,3}[A-Za-z]{1,3}[-/_]\d{1,8}|\d{3,10}[A-Za-z]{0,3}(?:[-/_][A-Za-z0-9]{1,8})?|\d[-/]\d{3,8}"
    r")(?![\w/$%-]|[.:]\d)"
)
_PHONE = re.compile(r"(?:65)?[3689]\d{7}")
_YEAR = re.compile(r"20[1-4]\d")
_OTHER_NUMBER = re.compile(r"(?:blk|block|unit|lor|st|ave|psle|h[123]|ct)\d.*", re.IGNORECASE)


def closing(text: str) -> Closing:
    """Return the assignments a status post names, but for those that it says are open."""
    text = "\n".join(clause for clause in _CLAUSE.split(text) if not _REOPENED.search(clause))
    links = dict.fromkeys(match[0] for match in _LINK.finditer(text))
    codes = dict.fromkeys(_codes(_ANY_LINK.sub(" ", text)))
    return Closing(codes=tuple(codes)[:MAX_NAMED], links=tuple(links)[:MAX_NAMED])


def _codes(text: str) -> Iterator[str]:
    for match in _CODE.finditer(text):
        word = match[1]
        if not (
            _PHONE.fullmatch(word)
            or _YEAR.fullmatch(word)
            or _OTHER_NUMBER.fullmatch(word)
            or academics.is_academic(word)
            or academics.streams(word)
        ):
            yield word
