"""A post's text as rules want it: bounded, without invisible characters, and cut into lines.

Nothing is reworded: what a field holds is found again in the post, white space, letter case and markup aside.
"""

import re
import unicodedata
from typing import NamedTuple

MAX_CHARACTERS = 8192
"""Only this much of a text is looked at: twice Telegram's limit of 4096 characters for a message."""

MAX_LINES = 600
"""A bound for texts of line breaks and labels only; real posts stay under 200 lines."""

CACHE = 128
"""Lines remembered by the rules that several fields ask about the same line: some posts' worth."""

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
# Mathematical, full-width and enclosed letters: typefaces to Telegram users, other letters to a regex.
_TYPEFACE = re.compile("[\U0001d400-\U0001d7ff\uff01-\uff5e\U0001f130-\U0001f149\u24b6-\u24e9]{1,64}")
_MARKUP = re.compile(r"\*\*|__|~~|`")
_MARKS = frozenset("*_~`")
_EMPHASIS = re.compile(r"([*_])(?<![\w*].)(?=\S)((?:(?!\1)[^\n]){1,100})\1(?!\w)")
_SPACES = re.compile("[^\\S\n ][^\\S\n]{0,63}| [^\\S\n]{1,63}")  # a single space stays, untouched
_LINK = re.compile(r"\]\(|\(?\[?\(?(?:https?://|www\.)[^\s)\]]{0,400}[)\]]{0,3}")
# Left of the first word: bullets, emoji, asterisks, dashes. Kept: what may open a value ($, brackets, #).
_DECORATION = re.compile(r"(?:[^\w$(\[#@+\"“‘]|#(?= )){0,40}")
_NUMBERING = re.compile(r"(?:[0-9#*]\ufe0f?\u20e3 ?|\(?\d{1,2}[.)] (?=\D)|\(?[a-h]\) ?(?=\w))")
_RULE = re.compile(r"(?:[-–—_=*~•.]\s?){4,60}")
_TAIL = frozenset(")]}.!?%+\"”’'$")


class Line(NamedTuple):
    """One line of a post: `text` without the decoration before it, which is `bullet`."""

    text: str
    bullet: str
    number: int

    @property
    def is_break(self) -> bool:
        """Is this an empty line or a drawn rule, which ends a paragraph?"""
        return not self.text


def normalise(text: str) -> str:
    """Return the bounded text: plain letters, no invisible characters, no markup, single spaces."""
    plain = _INVISIBLE.sub("", text[:MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n"))
    if not plain.isascii():
        plain = _TYPEFACE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), plain)
        plain = plain.replace("\u2028", "\n").replace("\u2029", "\n")
    if not _MARKS.isdisjoint(plain):
        plain = _EMPHASIS.sub(r"\2", _MARKUP.sub("", plain))
    return _SPACES.sub(" ", plain)


def split_lines(text: str) -> tuple[Line, ...]:
    """Cut a normalised text into lines; empty lines and drawn rules stay, as breaks."""
    return tuple(_line(number, raw.strip()) for number, raw in enumerate(text.split("\n")[:MAX_LINES]))


def without_links(text: str) -> str:
    """Return the text without web addresses and their brackets."""
    return _LINK.sub(" ", text).strip() if "www." in text or "://" in text else text


def trim_decoration(text: str) -> str:
    """Return the text without emoji, bullets and separators on either side."""
    end = len(text)
    while end and not (text[end - 1].isalnum() or text[end - 1] in _TAIL):
        end -= 1
    start = _DECORATION.match(text)
    return text[start.end() if start else 0 : end]


def _line(number: int, raw: str) -> Line:
    if not raw or _RULE.fullmatch(raw):
        return Line(text="", bullet="", number=number)
    if raw[0] == "|":  # a row of a table
        raw = raw.rstrip("| ")
    start = _DECORATION.match(raw)
    cut = start.end() if start else 0
    numbering = _NUMBERING.match(raw, cut)
    cut = numbering.end() if numbering else cut
    again = _DECORATION.match(raw, cut)
    cut = again.end() if again else cut
    return Line(text=raw[cut:].strip(), bullet=raw[:cut].strip(), number=number)
