"""Words of time: days, clock times, parts of the day. Local Singapore time, minutes since midnight."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

TokenKind = Literal[
    "days",
    "span",
    "time",
    "period",
    "after",
    "before",
    "onwards",
    "except",
    "no",
    "anytime",
    "link",
    "stop",
    "and",
    "close",
]
Half = Literal["am", "pm", "24h", "midnight"]

DAY_START, DAY_END = 8 * 60, 23 * 60
"""The widest a lesson is assumed to lie in: "Saturday" alone means 08:00-23:00, "after 4pm" ends at 23:00."""

NOON = 12 * 60
LAST_MINUTE = 24 * 60 - 1
"""Midnight as the end of a day: a slot lies within its own day."""
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
GROUPS = {"weekday": EVERY_DAY[:5], "weekend": EVERY_DAY[5:]}
PERIODS = {
    "morning": (DAY_START, NOON),
    "afternoon": (NOON, 17 * 60),
    "evening": (16 * 60, 21 * 60),
    "night": (19 * 60, DAY_END),
    "eve": (16 * 60, 21 * 60),
    "aft": (NOON, 17 * 60),
    "am": (DAY_START, NOON),
    "pm": (NOON, DAY_END),
    "morn": (DAY_START, NOON),
    "nite": (19 * 60, DAY_END),
    "pagi": (DAY_START, NOON),
    "petang": (NOON, 19 * 60),
    "malam": (19 * 60, DAY_END),
}
UNCLEAR = "unclear"
"""The name of a span that may be morning or night, as "9-11"."""
UNREADABLE = "unreadable"
"""The name of a span that cannot be, as "6pm-4pm": it ends before it starts."""

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MALAY_DAYS = ("isn", "sel", "rab", "kha", "jum", "sab", "aha")
CHINESE_DAYS = "一二三四五六日"

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
"""A month's name, in full or short; as a pattern without flags."""
DATE = (
    rf"\d{{1,2}}(?:st|nd|rd|th)? ?[- /]?(?:of )?{MONTH}\b(?:,? ?[- /]?'?(?:20)?\d\d\b(?! ?[ap]\.?m|:"
    rf"|\.\d))?|\b{MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?! ?[ap]\.?m|:|\.\d)(?:,? 20\d\d\b)?"
    rf"|\b{MONTH},? ?'?20\d\d\b"
    r"|(?<!\d)\d{1,2}[/.]\d{1,2}[/.](?:20)?\d\d(?!\d)|(?<!\d)\d{1,2}/\d{1,2}(?![\d/]| ?[ap]\.?m)"
    r"|\b20[2-4]\d\b(?! ?-)"
)
"""A calendar date, a month of a year, or a year; as a pattern without flags."""

_VERBOSE_DATE = DATE.replace(" ", r"\ ")
_TIME = r"(?<![\d$])\d{1,2}(?:[:.]?[0-5]\d)?"
_MIDNIGHT = r"mid[ ]?night\b"
_AMPM = rf"(?:[ap]\.?m\b\.?|ptg\b|nn\b|noon\b|mn\b|{_MIDNIGHT}|h(?:rs?)?\b)"
_TOKEN = re.compile(
    rf"""
    (?=(?<![a-z])[a-z]|[^a-z\ ])(?:  # nothing of ours begins inside a word
    (?P<date>{_VERBOSE_DATE})
    |(?P<count>(?<![\d.])\d{{1,2}}(?:\.\d{{1,2}})?[ ]?(?:-[ ]?\d{{1,2}}(?:\.\d{{1,2}})?[ ]?)?
        (?:x|h|hrs?|hours?|times?|lessons?|sessions?|mins?|minutes?|weeks?|months?|years?|%)\b)
    |(?P<span>(?P<between>(?:between|btwn?|b/w)[ ])?(?P<t1>{_TIME})[ ]?(?P<a1>{_AMPM})?
        [ ]?(?:-|–|—|~|to|till?|until|(?(between)and|-))[ ]?
        (?:(?P<t2>{_TIME})[ ]?(?P<a2>{_AMPM})?(?!\d)|(?P<mn>{_MIDNIGHT})))
    |(?P<time>(?P<t>{_TIME})[ ]?(?P<a>{_AMPM})?(?![\d%]))
    |(?P<day>\b(?:mon|tues?|weds?|thu(?:rs?)?|fri|sat|sun)(?:day|nesday|sday|rsday|urday)?s?\b
        |\b(?:isnin|selasa|rabu|khamis|jumaat|sabtu|ahad)\b|(?:星期|礼拜|[周週])[一二三四五六日天])
    |(?P<group>\bw(?:ee)?k[ -]?(?:day|end)s?\b|\b(?:any|every)[ ]?(?:other[ ])?days?\b
        |\ball[ ]days\b|\bdaily\b)
    |(?P<period>\b(?:morning|morn|afternoon|evening|night|nite|eve)s?\b|\b(?:pagi|petang|malam)\b
        |\b[ap]m\b|\baft\b(?!\.?[ ]?\d))
    |(?P<except>\bexcept\b|\bexc(?:l)?\b|\bexcluding\b|\bexclude\b|\bbesides\b|\bother[ ]than\b|\bbut[ ]not\b)
    |(?P<no>\bno\b|\bnot\b|\bcannot\b|\bcan['’]t\b|\bunavailable\b|\bavoid\b)
    |(?P<after>\b(?:after|aft|from|past|since|starting|later[ ]than|earliest)\b|>)
    |(?P<before>\b(?:before|bef|b4|by|until|till|latest|earlier[ ]than)\b|<)
    |(?P<onwards>\bonw(?:ar)?ds?\b|\b(?:or|and)[ ]?/?[ ]?(?:later|after)\b|\+)
    |(?P<anytime>\bflexi(?:ble)?\b|\bany[ ]?time\b|\b(?:whole|full|all|entire)[ ]day\b)
    |(?P<link>-|–|—|~|\bto\b|\bthrough\b|\bthru\b)
    |(?P<stop>[;\n.!?])
    |(?P<close>\))
    |(?P<and>[,/&|]|\band\b|\bor\b)
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Token(NamedTuple):
    """A word of time: days 0 (Monday) to 6; `start` and `end` in minutes, equal for a point in time."""

    kind: TokenKind
    days: tuple[int, ...] = ()
    start: int = 0
    end: int = 0
    sure: bool = True
    """The text fixes these minutes or days: False for "7-9" without am or pm, and for groups of days."""
    name: str = ""


def read_tokens(text: str) -> Iterator[Token]:
    """Yield the words of time in the text; dates, years and lesson lengths are passed over."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        token = _token(_outer(match, kind), match)
        if token is not None:
            yield token


def _outer(match: re.Match[str], kind: str) -> str:
    return kind if match[kind] == match[0] else next(name for name in ("span", "time") if match[name])


def _token(kind: str, match: re.Match[str]) -> Token | None:
    word = match[0].lower()
    token: Token | None = None
    match kind:
        case "day":
            token = Token(kind="days", days=(_day(word),))
        case "group":
            token = _group(word)
        case "period":
            start, end = PERIODS[word.rstrip("s")]
            token = Token(kind="period", start=start, end=end, sure=False, name=word.rstrip("s"))
        case "span":
            last = (match["t2"], match["a2"]) if match["t2"] else ("12", "midnight")
            token = span(match["t1"], match["a1"], *last)
        case "time":
            token = point(match["t"], match["a"])
        case "after" | "before" | "onwards" | "except" | "no" | "anytime" | "link" | "stop" | "and" | "close":
            token = Token(kind=kind)
    return token


def _day(word: str) -> int:
    if not word.isascii():
        return CHINESE_DAYS.index(word[-1].replace("天", "日"))
    names = DAY_NAMES if word[:3] in DAY_NAMES else MALAY_DAYS
    return names.index(word[:3])


def _group(word: str) -> Token:
    folded = word.replace("wk", "week").replace(" ", "").replace("-", "").rstrip("s")
    return Token(kind="days", days=GROUPS.get(folded, EVERY_DAY), sure=False)


def span(first: str, first_half: str | None, last: str, last_half: str | None) -> Token | None:
    """Return the token of "3-6pm" and the like; am or pm carry over, and are inferred if absent.

    One that lies outside a day's hours is unreadable; None if the numbers are no times at all.
    """
    half_1, half_2 = _half(first_half), _half(last_half)
    start = _minutes(first)
    if start is not None and _is_midnight(last, half_2):
        return _to_midnight(start, half_1, half_2)
    end = _minutes(last)
    if start is None or end is None:
        return None
    if half_1 is None and half_2 is None and not (_is_24h(first) or _is_24h(last)):
        full = ":" in first and ":" in last and start >= 10 * 60
        return Token(kind="span", start=start, end=end) if full and start < end else _bare_span(start, end)
    if half_2 is not None:
        end = _on(end, half_2)
        start = _on(start, half_1) if half_1 else _before(start, end)
    elif half_1 is not None:
        start = _on(start, half_1)
        if end == NOON < start:
            return _to_midnight(start, "24h", None)
        end = end if end >= start else end + NOON
    return _checked(start, end)


def _to_midnight(start: int, half: Half | None, half_of_end: Half | None) -> Token:
    if half is None and half_of_end == "am":  # "10-12am" may be a slip for noon
        return Token(kind="span", start=start, end=LAST_MINUTE, sure=False, name=UNCLEAR)
    if half is not None:
        start = _on(start, half)
    elif half_of_end == "midnight":
        start = _before(start, LAST_MINUTE)
    return _checked(start, LAST_MINUTE)


def _checked(start: int, end: int) -> Token:
    if DAY_START // 2 <= start < end < 24 * 60:
        return Token(kind="span", start=start, end=end)
    return Token(kind="span", start=1, end=0, name=UNREADABLE)


def _is_midnight(clock: str, half: Half | None) -> bool:
    """Is an end of this day meant: "12mn", "12am", "24:00" or "00:00"?"""
    digits = clock.replace(":", "").replace(".", "")
    if half == "midnight" or digits in {"2400", "0000"}:
        return True
    return half == "am" and digits in {"12", "1200"}


def point(clock: str, half: str | None) -> Token | None:
    """Return the token of "7pm" or "19:30"; a bare hour is unsure and lies in the afternoon."""
    minutes = _minutes(clock)
    if minutes is None or (half is None and len(clock) > 2 and ":" not in clock and "." not in clock):  # noqa: PLR2004
        return None
    side = _half(half)
    if side == "midnight":
        return Token(kind="time", start=LAST_MINUTE, end=LAST_MINUTE, sure=False)
    if side is not None:
        minutes = _on(minutes, side)
    sure = side is not None or _is_24h(clock)
    if not sure and minutes < DAY_START:
        minutes += NOON
    return Token(kind="time", start=minutes, end=minutes, sure=sure) if minutes < 24 * 60 else None


def _bare_span(start: int, end: int) -> Token:
    if end % NOON > 9 * 60:
        unclear = Token(kind="span", start=start, end=end, sure=False, name=UNCLEAR)
        return unclear if start < end else _checked(start, end)
    end = end % NOON + NOON
    return Token(kind="span", start=_before(start, end), end=end)


def _minutes(clock: str) -> int | None:
    digits = clock.replace(":", "").replace(".", "")
    hour, minute = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))  # noqa: PLR2004
    return hour * 60 + minute if hour < 24 else None  # noqa: PLR2004


def _is_24h(clock: str) -> bool:
    minutes = _minutes(clock)
    return minutes is not None and (minutes >= 13 * 60 or (clock[0] == "0" and len(clock) > 2))  # noqa: PLR2004


def _half(suffix: str | None) -> Half | None:
    if not suffix:
        return None
    return {"a": "am", "p": "pm", "n": "pm", "m": "midnight", "h": "24h"}[suffix[0].lower()]  # type: ignore[return-value]


def _on(minutes: int, half: Half) -> int:
    if half == "24h" or minutes >= 13 * 60:
        return minutes
    return minutes % NOON + (NOON if half == "pm" else 0)


def _before(start: int, end: int) -> int:
    """Carry the end's half of the day to the start, unless the span would then run backwards."""
    if start >= 13 * 60 or end < NOON:
        return start
    later = start % NOON + NOON
    return later if later < end else start
