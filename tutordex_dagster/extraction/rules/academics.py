"""What is taught: the headline as written, and subjects, levels and streams by canonical names."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tutordex_dagster.extraction.rules.places import looks_like_place
from tutordex_dagster.extraction.rules.taxonomy import (
    GENERIC_LEVELS,
    MUSIC,
    NUMBERED_LEVELS,
    STREAMS,
    SUBJECTS,
    phrases,
)
from tutordex_dagster.extraction.rules.terms import Hit, Terms
from tutordex_dagster.extraction.rules.text import CACHE, trim_decoration

MAX_HEADLINE = 400
"""Longer than any headline we know by far; keeps the search for its end short on hostile lines."""

_subject_names = Terms(phrases(SUBJECTS), after_digits=True)
_generic_levels = Terms(phrases(GENERIC_LEVELS))
_stream_names = Terms(phrases(STREAMS), after_digits=True)

_NUMBERED = re.compile(
    rf"\b({'|'.join(sorted(NUMBERED_LEVELS, key=len, reverse=True))})\.? ?-?(\d{{1,2}})(?!\d|\.\d|[:%])"
    r"((?: ?(?:/|&|,|-|to|and) ?(?:\1 ?)?\d{1,2}(?![\d:])){0,3})",
    re.IGNORECASE,
)
_OF_LEVELS = re.compile(r"[A-Za-z]\.? ?-?\d|[yY] [oOtTfFsS]")
"""What every level with its year has in it; looking for it is quick."""
_IN_WORDS = re.compile(r"\b(primary|secondary) (one|two|three|four|five|six)\b", re.IGNORECASE)
_WORDS = ("one", "two", "three", "four", "five", "six")
_NUMBER = re.compile(r"\d{1,2}")

# Before the subject: calls such as "Looking for a tutor to teach", "New assignment for".
_CALL = re.compile(
    r"(?:[\[(*]{0,2}(?:new|urgent(?:ly)?|hot|repost(?:ed)?|open|latest|closed|taken|filled"
    r"|assigned)\b[^\w(\[#$]{0,4}){0,3}(?:(?:looking|searching|seeking|hiring|wanted|needed"
    r"|required)(?: for)? ?(?:an? |experienced |private |home |female |male |patient |good |dedicated "
    r"|full-?time |part-?time |(?:pre-?school|kindergarten)/? ?(?:kindergarten )?){0,4}(?:tutors?"
    r"|teachers?|tuition)(?: needed| required| wanted)?(?: (?:to teach|to coach|for|in))?"
    r"|(?:tuition |tutoring |home tuition )?(?:assignments?|jobs?|requests?"
    r"|case)(?: available)?(?: for)?|(?:tuition|tutors?) for)[ :!\-–]{0,4}"
    r"|[\[(*]{0,2}(?:urgent(?:ly)?|hot|repost(?:ed)?|new|closed|taken|filled|assigned)\b[^\w(\[#$]{1,4}",
    re.IGNORECASE,
)
# Behind the subject: what a headline goes on with.
_REST = re.compile(
    r" ?@ ?| (?:at|in|near|around|on) (?=[A-Z0-9])| ?[-–—]{1,2} (?=.)| [-–—]|[|~•;]| ?\n ?"
    r"| ?#(?=[A-Za-z]{0,6}\d{3})| ?[(\[](?=[^()\[\]]{2,80}[)\]])| ?S?\$ ?\d|, ?(?=blk\b|block\b)"
    r"|[.!] (?=[A-Z])| (?:home |private )?(?:tuition|tutor(?:s|ing)?|teachers?)(?: assignments?"
    r"| jobs?)?\b| (?:looking for|needed|required|wanted)\b"
    r"| (?:and|who) (?:needs?|requires?)\b| (?:for (?:an? )?)?(?P<whose>student|boy|girl|kid)\b",
    re.IGNORECASE,
)
_LABELLED_REST = re.compile(
    r" ?@ ?| ?[-–—] (?=.)| ?\((?=(?:to|teach|taught|looking|prefer|need|must|lessons?|near|online"
    r"|physical)\b|(?:group of |max )?\d{1,2} ?(?:-|to)? ?\d{0,2} ?(?:students?|pax|kids)\b)| looking for\b",
    re.IGNORECASE,
)
_LEADING_CODE = re.compile(
    r"[\[(]?(?:(?:assignment|job|case|code|ref|id)[ :#.]{0,3})?"
    r"#?[A-Za-z]{0,6}(?:[-/_.#]?[A-Za-z]{0,3}[-/_.#]?|(?<=[\[(][A-Z])[A-Z]{0,4} )\d{2,10}[A-Za-z0-9]{0,6}"
    r"(?:[-/_.][A-Za-z0-9]{1,8}){0,2}[\])]?[ |:,\-–]{1,4}",
    re.IGNORECASE,
)
_CODE_ASIDE = re.compile(r"#?[A-Z]{1,6}-?\d{2,8}[A-Z0-9]{0,4}")
_ASIDE = re.compile(
    r"(?:to|teach|taught|looking|prefer|need|must|lessons?|near|online|zoom|physical)\b| ?S?\$"
    r"|(?:group of |max )?\d{1,2} ?(?:-|to)? ?\d{0,2} ?(?:students?|pax|kids)\b",
    re.IGNORECASE,
)
# Words of a sentence before the subject: it begins behind the last of the little words.
_SENTENCE_WORDS = re.compile(
    r"^an? |\b(?:hi|hello|dear|anyone|anybody|we|i|my|our|parents?|tutors?|teachers?|teach|looking"
    r"|need(?:s|ed)?|wanted|requires?|child|kid|student|son|daughter|boy|girl|seeking|urgent(?:ly)?|help|for|learn|available)\b",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"\b(?:needs?|requires?|help|weak|learn|pick up|looking for|struggl\w{1,4})\b"
    r"(?: (?:some|help|with|in|for|(?-i:an?)|to|tuition|lessons?|tutor|learn|improve|pick|up)){0,5} "
    r"([^.,;!?\n]{2,60}?)(?= tuition| tutor| help\b| teacher| (?:at|in|near|on|from) [A-Z0-9]| for [a-z]| @"
    r"|[.,;!?\n]|$)",
    re.IGNORECASE,
)
_LITTLE_WORDS = re.compile(
    r".*\b(?:for|teach|coach|an?|the|in|is|of|with|to|needs?|my|our|this|urgent(?:ly)?"
    r"|require[sd]?|learn|up)\b[ :]{1,3}|.*[!?:] |(?:an?|the|my|our) $",
    re.IGNORECASE | re.DOTALL,
)
_SEPARATORS = frozenset({"-", "–", "—", "--", "|", ";", "•", "~", ""})
_SCHOOL = re.compile(
    r"\b(?:pri|primary|sec|secondary|school|convent|college|institution|student|girls?|boys?)\b",
    re.IGNORECASE,
)
_COMMA = re.compile(r", ?")
_RESTATEMENT = re.compile(
    r"\b(?:tutors?|teachers?)\b.{0,20}\b(?:needed|required|wanted)\b"
    r"|\b(?:need|require|want|looking for|seeking)s?\b.{0,30}\btutors?\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=CACHE)
def _subject_hits(text: str) -> tuple[Hit, ...]:
    return _subject_names.find(text)


@lru_cache(maxsize=CACHE)
def _level_hits(text: str) -> tuple[Hit, ...]:
    return _generic_levels.find(text)


def subjects(text: str) -> tuple[str, ...]:
    """Return the canonical subjects the text names, in its order."""
    return _values(_subject_hits(text))


@lru_cache(maxsize=CACHE)
def levels(text: str) -> tuple[str, ...]:
    """Return the canonical levels the text names: numbered ones, else the school they belong to."""
    numbered = _numbered_levels(text)
    families = {level.rsplit(" ", 1)[0] for level in numbered}
    rest = tuple(level for level in _values(_level_hits(text)) if level not in families)
    return numbered + rest


def school_levels(text: str) -> tuple[str, ...]:
    """Return the levels, without the grades of music examinations where only music is taught."""
    found = levels(text)
    if found and MUSIC.issuperset(subjects(text)):
        return tuple(level for level in found if not level.startswith("Grade ")) if subjects(text) else found
    return found


@lru_cache(maxsize=CACHE)
def streams(text: str) -> tuple[str, ...]:
    """Return the canonical streams the text names, in its order."""
    return _values(_stream_names.find(text))


def is_academic(text: str) -> bool:
    """Does the text name a subject or a level?"""
    return bool(_subject_hits(text) or _level_hits(text) or _numbered_levels(text))


def is_taught(text: str) -> bool:
    """Does the text name both a level and a subject?"""
    return bool(subjects(text) and levels(text))


@lru_cache(maxsize=CACHE)
def split_headline(text: str) -> tuple[str | None, str]:
    """Split a headline into what is taught and the rest: place, times, pay.

    None and the whole text if nothing is taught. A line longer than MAX_HEADLINE is prose: only its beginning
    is read.
    """
    text = body = trim_decoration(text[:MAX_HEADLINE])
    if not is_academic(text):
        return None, text
    for lead in (_LEADING_CODE, _CALL):
        start = lead.match(body)
        if start and not is_academic(start[0]) and is_academic(body[start.end() :]):
            body = body[start.end() :]
    cut = _first_cut(body)
    head, rest = body[:cut], body[cut:]
    if not is_academic(head):
        return None, text
    needed = needed_subject(body)
    if needed and not subjects(body[: body.index(needed)]):
        head = needed
    taught = _without_place(head)
    if taught != head:
        rest = head[len(taught) :] + rest
    head = _subject_of_sentence(taught)
    return trim_decoration(head.strip(" ,:-–—(")) or None, rest


def needed_subject(text: str) -> str | None:
    """Return the subject that a sentence such as "he needs help with Maths" names."""
    match = _NEEDED.search(text)
    return match[1] if match and subjects(match[1]) and not levels(match[1]) else None


def _subject_of_sentence(head: str) -> str:
    """Drop the words of a sentence around what is taught: "we need a tutor for P5 Maths"."""
    first = min(_academic_hits(head))
    lead = head[:first]
    little = _LITTLE_WORDS.match(lead) if _SENTENCE_WORDS.search(lead) else None
    return head[little.end() :] if little else head


def labelled_display(value: str) -> str:
    """Return a labelled subject without what is no part of it: the place behind "@", remarks in brackets."""
    for match in _LABELLED_REST.finditer(value):
        left, right = value[: match.start()], value[match.end() :]
        if is_academic(left) and (match[0].strip() not in {"-", "–", "—"} or looks_like_place(right)):
            return trim_decoration(left).strip(" ,")
    return trim_decoration(value).strip(" ,")


def restates(text: str) -> bool:
    """Is this a sentence such as "we need a Maths tutor", which repeats the headline?"""
    return _RESTATEMENT.search(text) is not None and is_academic(text)


def _first_cut(text: str) -> int:
    for match in _REST.finditer(text):
        left, right = text[: match.start()], text[match.end() :]
        depth = left.count("(") - left.count(")")
        if depth > 0 or not is_academic(left):
            continue
        if match["whose"] and not subjects(left) and subjects(right[:60]):
            continue
        if match[0] == " in " and is_academic(right[:40]) and not looks_like_place(right[:20]):
            continue
        sign = match[0].strip()
        if (sign in _SEPARATORS and _goes_on(right)) or (sign in {"(", "["} and not _is_aside(right)):
            continue
        return match.start()
    return len(text)


def _is_aside(right: str) -> bool:
    """Does a bracket hold code, pay, place or a wish, rather than a part of the subject or the school?"""
    inside = re.split(r"[)\]]", right, maxsplit=1)[0]
    if _CODE_ASIDE.fullmatch(inside) or _ASIDE.match(inside):
        return True
    return looks_like_place(inside) and not _SCHOOL.search(inside) and not is_academic(inside)


def _goes_on(right: str) -> bool:
    """Does what follows a dash still tell what is taught, rather than where or when?"""
    piece = re.split(r" ?[-–—|~•;@\n] ?", right, maxsplit=1)[0]
    return is_academic(piece) and not looks_like_place(piece) and not _RESTATEMENT.search(piece)


def _academic_hits(text: str) -> list[int]:
    """Return where the text names subjects or levels, in any order."""
    starts = [hit.start for hit in (*_subject_hits(text), *_level_hits(text))]
    return starts + [match.start() for match in _NUMBERED.finditer(text)]


def _without_place(head: str) -> str:
    """Drop a place behind the last comma: "P5 Maths, Bishan"."""
    parts = list(_COMMA.finditer(head))
    for comma in reversed(parts):
        tail = head[comma.end() :]
        if is_academic(tail) or not looks_like_place(tail):
            break
        head = head[: comma.start()]
    return head


def _values(hits: Iterable[Hit]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hit.value for hit in hits))


@lru_cache(maxsize=CACHE)
def _numbered_levels(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_years_of_levels(text)))


def _years_of_levels(text: str) -> Iterator[str]:
    if not _OF_LEVELS.search(text):
        return
    for match in _IN_WORDS.finditer(text):
        yield f"{match[1].capitalize()} {_WORDS.index(match[2].lower()) + 1}"
    for match in _NUMBERED.finditer(text):
        name, highest = NUMBERED_LEVELS[match[1].lower()]
        numbers = [int(match[2]), *map(int, _NUMBER.findall(match[3]))]
        if "to" in match[3].lower() or "-" in match[3]:
            numbers = list(range(numbers[0], numbers[-1] + 1))
        yield from (f"{name} {number}" for number in numbers if 0 < number <= highest)


def first_headline(texts: Iterable[str]) -> str | None:
    """Return the first text with a level and a subject, else the first with either."""
    fair = None
    for text in texts:
        if not is_academic(text):
            continue
        if is_taught(text):
            return text
        fair = fair or text
    return fair
