"""Is this post an assignment, several, or none?"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise

from tutordex_dagster.extraction.contract import SkipReason
from tutordex_dagster.extraction.rules import academics, codes, patterns, places, rates
from tutordex_dagster.extraction.rules.cells import cut_cells
from tutordex_dagster.extraction.rules.clauses import STATUS
from tutordex_dagster.extraction.rules.closing import MARK, SHUT
from tutordex_dagster.extraction.rules.entries import Entry, read_entries
from tutordex_dagster.extraction.rules.text import Line

MAX_SEGMENTS = 100
"""More than fit into a Telegram message; a bound for hostile texts."""

ENOUGH = 3
"""So many different facts make an assignment, one of them what is taught; fewer are talk about one."""

_SERVICE = re.compile(
    r".{0,80}\b(?:joined (?:the )?(?:group|channel|by)|left the (?:group|channel)"
    r"|pinned (?:a |an |the |this |«|\")|(?:channel|group) (?:was )?(?:created|renamed|photo|name)"
    r"|changed the (?:group|channel)|created the (?:group|channel)|converted (?:this|the) group"
    r"|(?:voice|video) chat (?:started|ended|scheduled)|was added by|invited .{1,40} to)",
    re.IGNORECASE | re.DOTALL,
)
_ABOUT = re.compile(
    r"\b(?:assignments?|jobs?|cases?|codes?|requests?|updates?)\b|#?[A-Z]{0,6}\d{3,10}|t\.me/\S{1,60}/\d",
    re.IGNORECASE,
)
_ADVERT = re.compile(
    r"\b(?:enrol|enroll|sign ?up|free trial|discount|promo(?:tion)?|webinar|workshop|open house"
    r"|limited slots|holiday (?:camp|programme|program)|our (?:centre|center|classes|services|tutors))\b"
    r"|% off",
    re.IGNORECASE,
)
_PROMO = re.compile(
    r"\b(?:promo(?:tion)?|discount|free trial|sign ?up|register|subscribe|join (?:us|our|the|now)"
    r"|refer(?:ral)?|giveaway|voucher|follow us|our (?:channel|website|services|tutors|centre|center)"
    r"|limited (?:time|slots)|enrol|enroll|webinar|workshop|open house|cashback|sale|% off|hiring|we are"
    r"|check out|coming soon|download|feedback form|holiday (?:camp|programme|program))\b|https?://|\b[a-z0-9-]{2,40}\.(?:sg|com)\b",
    re.IGNORECASE,
)


def is_assignment(entries: Sequence[Entry]) -> bool:
    """Does the post say what is taught, and enough of where, when, for how much and its code?

    An advertisement for classes says as much, but has no code and labels no subject.
    """
    facts = {fact for entry in entries for fact in _labelled_facts(entry)}
    if _are_enough(facts):
        return True
    advertises: bool | None = None
    for entry in entries:  # free lines cost more to read, and are seldom all needed
        facts.update(_free_facts(entry))
        if _are_enough(facts):
            advertises = _advertises(entries) if advertises is None else advertises
            if "code" in facts or not advertises:
                return True
    return False


def _are_enough(facts: Collection[str]) -> bool:
    return len(facts) >= ENOUGH and "academic" in facts


def skip_reason(text: str) -> SkipReason:
    """Tell why a text that is no assignment was posted."""
    if not any(letter.isalnum() for letter in text):
        return "empty"
    if _SERVICE.match(text):
        return "service"
    if STATUS.search(SHUT.sub(" ", text)) and (_ABOUT.search(text) or MARK.fullmatch(text)):
        return "status"
    return "promo" if _PROMO.search(text) else "other"


def split_segments(lines: Sequence[Line], entries: Sequence[Entry]) -> tuple[tuple[Line, ...], ...]:
    """Return the lines of each assignment: all lines as one segment, unless the post shows several.

    Several codes show it: each opens its segment with the paragraph lines above it, unless codes stand at the
    end of theirs. Without any code, lines or paragraphs do that would each make an assignment by themselves.
    """
    starts = _code_lines(entries)
    if not starts:
        return _uncoded_segments(lines)
    if len(starts) < 2:  # noqa: PLR2004
        return (tuple(lines),)
    cuts = _cuts_after(lines, starts) if _codes_come_last(lines, starts) else _cuts_before(lines, starts)
    bounds = [*cuts[:MAX_SEGMENTS], len(lines)]
    segments = tuple(tuple(lines[start:end]) for start, end in pairwise(bounds))
    taught = [any(academics.is_academic(line.text) for line in segment) for segment in segments]
    return segments if all(taught) else (tuple(lines),)


def _uncoded_segments(lines: Sequence[Line]) -> tuple[tuple[Line, ...], ...]:
    """Cut a post without codes: at each line that is an assignment by itself, else at each such paragraph."""
    taught = [line for line in lines if academics.is_academic(line.text)]
    if len(taught) < 2:  # noqa: PLR2004
        return (tuple(lines),)
    single = [line.number for line in taught if academics.is_taught(line.text) and _stands_alone((line,))]
    starts = single if len(single) > 1 else _paragraph_starts(lines)
    if len(starts) < 2:  # noqa: PLR2004
        return (tuple(lines),)
    bounds = [*starts[:MAX_SEGMENTS], len(lines)]
    segments = tuple(tuple(lines[start:end]) for start, end in pairwise(bounds))
    told = {_taught(segment) for segment in segments}
    return segments if len(told) == len(segments) else (tuple(lines),)


def _paragraph_starts(lines: Sequence[Line]) -> list[int]:
    breaks = [-1, *(line.number for line in lines if line.is_break), len(lines)]
    return [
        start + 1
        for start, end in pairwise(breaks)
        if end - start > 1 and _stands_alone(lines[start + 1 : end])
    ]


def _stands_alone(lines: Sequence[Line]) -> bool:
    return is_assignment(read_entries(cut_cells(lines)))


def _taught(lines: Sequence[Line]) -> object:
    """Return what the first line that tells what is taught stands for: two of the same are one, told twice.

    Items of a list are their words, sentences their subjects and levels.
    """
    first = next(line for line in lines if academics.is_academic(line.text))
    return (
        first.text.lower() if first.bullet else (academics.subjects(first.text), academics.levels(first.text))
    )


def _labelled_facts(entry: Entry) -> Iterator[str]:
    if entry.field in {"subject", "level", "academic"}:
        if patterns.stated(entry.value):
            yield "academic"
    elif entry.field == "headline":
        if academics.is_academic(entry.value):
            yield "academic"
    elif entry.field in {"code", "location", "postal", "mrt", "rate", "schedule", "time", "start"}:
        yield "location" if entry.field in {"postal", "mrt"} else entry.field


def _free_facts(entry: Entry) -> Iterator[str]:
    if entry.field == "other" and codes.free_code(entry):
        yield "code"
    if entry.field not in {None, "headline"}:
        return
    text = entry.value
    taught, rest = academics.split_headline(text)
    if taught:
        yield "academic"
        if places.looks_like_place(rest):
            yield "location"
    elif places.is_address_line(text):
        yield "location"
    if codes.free_code(entry):
        yield "code"
    if rates.free_rate(text):
        yield "rate"
    if patterns.tells_frequency(text):
        yield "schedule"
    if patterns.names_day(text):
        yield "time"


def _advertises(entries: Sequence[Entry]) -> bool:
    return any(_ADVERT.search(entry.value) for entry in entries)


def _code_lines(entries: Sequence[Entry]) -> list[int]:
    """Return the line of each code's first mention; of labelled codes only, if any."""
    labelled = _first_lines(entries, codes.labelled_code)
    if labelled:
        return labelled
    return _first_lines(entries, codes.free_code)


def _first_lines(entries: Sequence[Entry], read: Callable[[Entry], str | None]) -> list[int]:
    first: dict[str, int] = {}
    for entry in entries:
        code = read(entry)
        if code:
            first.setdefault(code.lower(), entry.line.number)
    return sorted(set(first.values()))


def _codes_come_last(lines: Sequence[Line], starts: list[int]) -> bool:
    """Do codes close their assignments? Then each ends its paragraph, with nothing taught below the last."""
    ends = all(start + 1 == len(lines) or lines[start + 1].is_break for start in starts)
    return ends and not any(academics.is_academic(line.text) for line in lines[starts[-1] :])


def _cuts_before(lines: Sequence[Line], starts: list[int]) -> list[int]:
    cuts: list[int] = []
    floor = 0
    for start in starts:
        cut = start
        while cut > floor and not lines[cut - 1].is_break:
            cut -= 1
        cuts.append(cut if cut > floor or not cuts else start)
        floor = start + 1
    return cuts


def _cuts_after(lines: Sequence[Line], starts: list[int]) -> list[int]:
    first = 0
    while first < starts[0] and not lines[first].is_break and not academics.is_academic(lines[first].text):
        first += 1
    return [first, *(start + 1 for start in starts[:-1])]
