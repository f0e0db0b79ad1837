"""The way back from a normalised text to the post as it was given."""

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate

_LINE_END = re.compile("\r\n|[\r\n\u2028\u2029]")
_ODD_ENDS = frozenset("\r\u2028\u2029")
_MAX_TRIES = 8
"""Places looked at for the first word of a text whose spaces differ; a bound for hostile texts."""


class Positions:
    """Where in a post the characters of its normalised text come from.

    Normalising drops characters and exchanges others one for one, and keeps the lines: so a line's characters
    are met in its original's order. Lines are mapped when they are asked for, and most equal their original.
    """

    def __init__(self, original: str, plain: str) -> None:
        self._original = original
        self._plain = plain
        self.starts = _starts(plain)
        self._starts = self.starts if original == plain else _starts(original)
        self._columns: dict[int, list[int]] = {}

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the original's half-open span of a half-open span of the plain text that is not empty."""
        if self._starts is self.starts:  # nothing was normalised away
            return start, end
        return self._place(start), self._place(end - 1) + 1

    def find(self, text: str, line: int) -> tuple[int, int] | None:
        """Return where the plain text has these words at or below a line; spaces between them may differ."""
        start = self.starts[line]
        place = self._plain.find(text, start)
        if place >= 0:
            return place, place + len(text)
        return self._find_words(text.split(), start)

    def _find_words(self, words: list[str], start: int) -> tuple[int, int] | None:
        for _ in range(_MAX_TRIES if words else 0):
            start = self._plain.find(words[0], start)
            if start < 0:
                return None
            end = self._end_of_words(words, start)
            if end is not None:
                return start, end
            start += 1
        return None

    def _end_of_words(self, words: list[str], place: int) -> int | None:
        for word in words:
            while place < len(self._plain) and self._plain[place].isspace():
                place += 1
            if not self._plain.startswith(word, place):
                return None
            place += len(word)
        return place

    def _place(self, place: int) -> int:
        line = bisect_right(self.starts, place) - 1
        column = place - self.starts[line]
        if line not in self._columns:
            self._columns[line] = self._aligned(line)
        columns = self._columns[line]
        return self._starts[line] + (columns[column] if columns else column)

    def _aligned(self, line: int) -> list[int]:
        plain = self._plain[self.starts[line] : self.starts[line + 1]].removesuffix("\n")
        same = self._original.startswith(plain, self._starts[line])
        return [] if same else _columns(plain, self._original[self._starts[line] : self._starts[line + 1]])


def _starts(text: str) -> list[int]:
    """Return where each line starts, and last where a line more would."""
    if not _ODD_ENDS.isdisjoint(text):
        return [0, *(match.end() for match in _LINE_END.finditer(text)), len(text)]
    ends = accumulate(map(len, text.split("\n")))
    return [0, *(end + breaks for breaks, end in enumerate(ends, start=1))]


def _columns(plain: str, original: str) -> list[int]:
    """Return the column in the original of every character of the plain line."""
    columns: list[int] = []
    column = 0
    for letter in plain:
        while not _is_same(letter, original[column]):
            column += 1
        columns.append(column)
        column += 1
    return columns


def _is_same(plain: str, original: str) -> bool:
    if plain == original:
        return True
    return original.isspace() if plain == " " else unicodedata.normalize("NFKC", original) == plain
