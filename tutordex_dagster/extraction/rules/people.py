"""Who teaches and how: tutor types, and the mode of lessons."""

import re
from collections.abc import Iterable

from tutordex_dagster.extraction.contract import LearningMode, Mode
from tutordex_dagster.extraction.rules import patterns

TUTOR_TYPES: tuple[tuple[str, str], ...] = (
    ("Part-Time Tutor", r"\bpart ?-?/? ?(?:time|full)|\bpt\b|\bpart-?timers?"),
    ("Full-Time Tutor", r"\bfull ?-?time|\bft\b|\bpart ?/ ?full"),
    ("Undergraduate", r"\bunder-?grad(?:uate)?s?\b|\buni(?:versity)? stud(?:ent)?s?\b"),
    ("Graduate", r"(?<!under)(?<!under-)(?<!poly )\bgrad(?:uate)?s?\b|\bdegree holders?\b"),
    ("Poly Student or Graduate", r"\bpoly(?:technic)? (?:grad|student)|\bdiploma holders?\b"),
    ("A-Level Tutor", r"\ba[ -]?levels? (?:tutor|grad|student)|\bjc (?:grad|student)"),
    (
        "Current MOE Teacher",
        (
            r"\b(?:current|ex ?/ ?current|current ?/ ?ex)[ -]{0,2}(?:or ex-? ?|and ex-? ?)?(?:moe|school"
            r"|teacher)"
        ),
    ),
    (
        "Ex-MOE Teacher",
        (
            r"\b(?:ex|former|retired)[ -]{0,2}(?:or current |/ ?current )?(?:moe|school|teacher|jc)"
            r"|\bcurrent ?(?:/|or) ?ex"
        ),
    ),
    ("MOE Teacher", r"\bmoe[ -](?:trained )?(?:teacher|tutor)s?|\bmoe\b|\bjc (?:teacher|lecturer)s?"),
    ("NIE Trained", r"\bnie\b"),
    ("Native Speaker", r"\bnative\b"),
)
"""Canonical kinds of tutors and the words for them, without regard to letter case."""

_TUTOR_WORDS = re.compile(
    r"time|full|pt|ft|ex|moe|nie|teacher|school|grad|stud|degree|diploma|level|jc|native", re.IGNORECASE
)
# Looked for before each pattern: without one of these it cannot match, and plain search is many times faster.
_OPENINGS: dict[str, tuple[str, ...]] = {
    "Part-Time Tutor": ("part", "pt"),
    "Full-Time Tutor": ("full", "ft"),
    "Undergraduate": ("under", "uni"),
    "Graduate": ("grad", "degree"),
    "Poly Student or Graduate": ("poly", "diploma"),
    "A-Level Tutor": ("level", "jc"),
    "Current MOE Teacher": ("current",),
    "Ex-MOE Teacher": ("ex", "former", "retired"),
    "MOE Teacher": ("moe", "jc"),
    "NIE Trained": ("nie",),
    "Native Speaker": ("native",),
}
_TUTORS = tuple((name, _OPENINGS[name], re.compile(words, re.IGNORECASE)) for name, words in TUTOR_TYPES)

_ONLINE = re.compile(
    r"(?<!apply )(?<!register )(?<!form )\bonline\b(?! (?:form|application|registration|profile|portal"
    r"|job))|\bzoom\b|\bvirtual (?:lesson|class|tuition)|\bgoogle meet\b|\bskype\b",
    re.IGNORECASE,
)
# The word "physical" alone may speak of sports, chemistry or a disability: it needs the lesson beside it.
_IN_PERSON = re.compile(
    r"\bface ?-?(?:to|2) ?-?face\b|\bf2f\b|\bin ?-?person\b"
    r"|\bphysical(?:ly)? (?:lessons?|class(?:es)?|tuition|sessions?|teaching)\b"
    r"|\bat (?:the )?(?:student|client|tutee)['’]?s (?:home|place|house)\b|\bhome visits?\b",
    re.IGNORECASE,
)
# Looked for before the patterns: most lines hold none of these, and plain search is many times faster.
_MODE_WORDS = (
    "online zoom virtual meet skype face f2f person physical home house place hybrid blended".split()  # noqa: SIM905
)
_NOT_STATED = LearningMode()
_HYBRID = re.compile(r"\bhybrid\b|\bblended\b", re.IGNORECASE)
_EITHER = re.compile(
    r"\b(?:online|zoom),? (?:or|/) (?:at|in|near|face|f2f|physical|home|[A-Z0-9])"
    r"|[a-z0-9],? or (?:online|zoom)\b(?! if)"
    r"|\bonline on\b.{1,40}\bat home\b",
)
_PHYSICAL = re.compile(r"\b(?:physical|home|offline|onsite|on-site)\b", re.IGNORECASE)
_WAY = (
    r"(?:(?:online|zoom|virtual|google meet|skype|face ?-?(?:to|2) ?-?face|f2f|in ?-?person|offline|on-?site"
    r"|physical(?:ly)?|home|(?:at )?(?:the )?(?:student|client|tutee)['’]?s (?:home|place|house))\b"
    r"(?: (?:lessons?|class(?:es)?|tuition|sessions?|teaching|visits?)\b)?)"
)
_WAYS = rf"{_WAY}(?: ?(?:/|\bn?or\b) ?{_WAY}){{0,3}}"
_DENIED = re.compile(
    r"\b(?:no|not|non|without|instead of|rather than|can(?:not|['’]t))[ -]"
    r"(?:(?:an?|any|the|at|for|do|need|keen on|(?:comfortable|ok(?:ay)?) with|travel(?:l?ing)? to) ){0,3}"
    rf"{_WAYS}"
    rf"|\b{_WAYS}(?: (?:is|are))?(?: not|n['’]t) (?:allowed|preferred|possible|ok(?:ay)?|accepted|available"
    r"|required|needed|suitable|considered|wanted|encouraged|an option)\b",
    re.IGNORECASE,
)
"""A way of teaching that is ruled out: "no online lessons", "not face to face", "Zoom not allowed"."""

_WISH = re.compile(
    r"(?:(?:fe)?male|patient|experienced?|prefer(?:s|red|ably)?|must|tutor (?:must|should|to)|need(?:s|ed)?"
    r"|able to|(?:student|child|boy|girl|tutee|kid) (?:is|has|needs|prefers)|ex-?moe"
    r"|(?:full|part)[ -]?time)\b.{4,200}",
    re.IGNORECASE,
)

_PEOPLE = re.compile(
    r"\b(?:students?|tutee|candidate|boys?|girls?|child(?:ren)?|kids?|son|daughter|s?he|his|her|they|parents?"
    r"|mum|mother|father|helper|siblings?|sisters?|brothers?|twins|tutors?|teachers?|coach|lady|(?:fe)?male"
    r"|gender|patient|experienced?|strict|firm|gentle|native|diploma|degree|(?:under)?grads?"
    r"|(?:under)?graduates?|undergraduates|pref(?:er(?:s|red|ably)?)?|must|should|needs?|wants?|able to"
    r"|willing|focus(?:ing)?|weak|fail(?:s|ed|ing)?|scor(?:ed|es|ing)|exams?|prelims?|retest|finals|beginner"
    r"|years? old|homework|worksheets?|materials?|syllabus|goals?|aim(?:s|ing)?|pass)\b"
    r"|\b(?:ft|pt|moe|uni studs?|uni students?|full-?timers?|part-?timers?)\b.{0,20}"
    r"\b(?:pref|only|ok|fine|can|welcome)\b"
    r"|\b(?:only|onli|prefer|pref) (?:ft|pt|moe|full|part)\b",
    re.IGNORECASE,
)
_CALL = re.compile(
    r"(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|attention|calling|new|hot|latest|reply)\b"
    r"|.{0,80}\b(?:tutors?|teachers?|coach)\b.{0,30}\b(?:needed|required|wanted)\b"
    r"|.{0,80}\b(?:looking for|depending on|anyone|any ?1|can any)\b"
    r"|[^a-z]{0,40}\b(?:parent|student) (?:request|is)\b",
    re.IGNORECASE,
)

_KINDS_ONLY = re.compile(
    r"(?:(?:pt|ft|moe|nie|ex|current|part|full|time|timers?|under-?grads?|grads?|tutors?|teachers?|or|and|any)\b"
    r"[ /&,-]{0,3}){1,10}[.!]?",
    re.IGNORECASE,
)


def is_wish(text: str) -> bool:
    """Is the line a wish about the tutor or a word about the student, that stands without a label?"""
    return _WISH.match(text) is not None


def tells_of_people(text: str) -> bool:
    """Does the sentence speak of the student or of tutors, without calling for one?"""
    return (
        " " in text
        and text[0].isalpha()
        and text[-1] != ","
        and _PEOPLE.search(text) is not None
        and not _CALL.match(text)
        and not _KINDS_ONLY.fullmatch(text)
    )


def tutor_types(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the canonical kinds of tutors the texts ask for, in the table's order."""
    joined = "\n".join([text for text in texts if _TUTOR_WORDS.search(text)])
    if not joined:
        return ()
    lowered = joined.lower()
    found = [
        name
        for name, openings, words in _TUTORS
        if any(map(lowered.__contains__, openings)) and words.search(joined)
    ]
    specific = {"Current MOE Teacher", "Ex-MOE Teacher"}.intersection(found)
    return tuple(name for name in found if name != "MOE Teacher" or not specific)


def learning_mode(texts: Iterable[str]) -> LearningMode:
    """Return the mode the first text that names one states; the words are its sentence."""
    for text in texts:
        for sentence in patterns.SENTENCE.split(text) if _holds(text, _MODE_WORDS) else ():
            mode = _mode(sentence)
            if mode is not None:
                return LearningMode(mode=mode, raw_text=sentence.strip())
    return _NOT_STATED


def labelled_mode(value: str) -> LearningMode:
    """Return the mode a label states, where "Physical" or "Home" are clear enough."""
    mode = _mode(value)
    if _PHYSICAL.search(_DENIED.sub(" ", value)):
        mode = "Hybrid" if mode in {"Online", "Hybrid"} else "Face-to-Face"
    return LearningMode(mode=mode, raw_text=patterns.stated(value))


def _holds(text: str, words: Iterable[str]) -> bool:
    lowered = text.lower()
    return any(map(lowered.__contains__, words))


def _mode(text: str) -> Mode | None:
    text = _DENIED.sub(" ", text)
    if _HYBRID.search(text):
        return "Hybrid"
    if _EITHER.search(text):
        return "Hybrid"
    online, in_person = _ONLINE.search(text), _IN_PERSON.search(text)
    if online and in_person:
        return "Hybrid"
    if online:
        return "Online"
    return "Face-to-Face" if in_person else None
