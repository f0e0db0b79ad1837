"""What a post about an assignment that is gone closes: codes, and links to the assignment's own post."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tutordex_dagster.extraction.contract import Closing
from tutordex_dagster.extraction.rules import academics
from tutordex_dagster.extraction.rules.clauses import STATUS, Clause, Says, read_clauses

MAX_NAMED = 100
"""More than a message can list; a bound for hostile texts."""

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

_TOO = re.compile(r"\b(?:too|also|as well|ditto|likewise)\b", re.IGNORECASE)
_LABEL = re.compile(r"\W{0,6}([A-Za-z][A-Za-z ]{1,24}) ?:\W{0,3}")
_OF_CODES = re.compile(
    r"\b(?:assignments?|jobs?|cases?|codes?|id|ref(?:erence)?|no|requests?|updates?|posts?|links?|names?)\b",
    re.IGNORECASE,
)
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
    """Return the assignments a status post says are gone; in doubt about one, it is not named."""
    told = [_Told(clause, *_named(clause.text)) for clause in read_clauses(text)]
    says = _settled(told)
    spoken = {
        name.lower() for each, of in zip(told, says, strict=True) if of == "open" for name in each.names
    }
    gone = [each for each, of in zip(told, says, strict=True) if of == "gone"]
    codes = dict.fromkeys(code for each in gone for code in each.codes if code.lower() not in spoken)
    links = dict.fromkeys(link for each in gone for link in each.links if link.lower() not in spoken)
    return Closing(codes=tuple(codes)[:MAX_NAMED], links=tuple(links)[:MAX_NAMED])


class _Told(NamedTuple):
    """A clause and the assignments it names."""

    clause: Clause
    codes: tuple[str, ...]
    links: tuple[str, ...]
    first: int
    """Where the first of them stands."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.codes + self.links


def _named(text: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    links = list(_LINK.finditer(text))
    codes = list(_codes(_ANY_LINK.sub(lambda match: " " * len(match[0]), text)))
    first = min((match.start() for match in (*links, *codes)), default=len(text))
    return tuple(match[1] for match in codes), tuple(match[0] for match in links), first


def _settled(told: Sequence[_Told]) -> list[Says]:
    """Return what is said of the assignments of each clause, those of clauses that say nothing as well.

    A word in front of codes goes for all that follow ("Taken: A1, A2"), any other for those before it ("A1,
    A2 taken"). What none of them goes for may be open.
    """
    heads, tails = _heads(told), _tails(told)
    says: list[Says] = []
    for each, head, tail in zip(told, heads, tails, strict=True):
        before = says[-1] if says and _TOO.search(each.clause.text) else None
        says.append(each.clause.says if each.clause.says != "nothing" else head or tail or before or "open")
    for at, each in enumerate(told):
        if each.clause.takes_back and not each.names:
            last = next((back for back in range(at - 1, -1, -1) if told[back].names), at)
            if told[last].clause.line == each.clause.line:
                says[last] = "open"
    return says


def _heads(told: Sequence[_Told]) -> list[Says | None]:
    """Return for each clause the word in front of codes above it, unless another word stands in between."""
    heads: list[Says | None] = []
    head: Says | None = None
    line, named = -1, False
    for each in told:
        head = None if each.clause.says == "nothing" and _has_other_label(each) else head
        heads.append(head)
        named = named and each.clause.line == line
        line = each.clause.line
        if each.clause.says != "nothing":
            leads = each.clause.at < each.first if each.names else not named
            head = each.clause.says if leads else None
        named = named or bool(each.names)
    return heads


def _has_other_label(told: _Told) -> bool:
    """Does a label other than "Code" or "P5 Maths" open the clause, as in "Hot: A3"?"""
    label = _LABEL.fullmatch(told.clause.text[: told.first]) if told.names else None
    return label is not None and not _OF_CODES.search(label[1]) and not academics.is_academic(label[1])


def _tails(told: Sequence[_Told]) -> list[Says | None]:
    """Return for each clause the next word behind codes, of its line or of a clause without codes."""
    tails: list[Says | None] = []
    following: _Told | None = None
    for each in reversed(told):
        tail: Says | None = None
        if following and (not following.names or following.clause.line == each.clause.line):
            leads = following.names and following.clause.at < following.first
            tail = None if leads else following.clause.says
        tails.append(tail)
        following = each if each.clause.says != "nothing" else following
    return tails[::-1]


def _codes(text: str) -> Iterator[re.Match[str]]:
    for match in _CODE.finditer(text):
        word = match[1]
        if not (
            _PHONE.fullmatch(word)
            or _YEAR.fullmatch(word)
            or _OTHER_NUMBER.fullmatch(word)
            or academics.is_academic(word)
            or academics.streams(word)
        ):
            yield match
