"""Finding many names in one pass: stations, towns and subjects."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import ahocorasick

_HYPHENS = {0x2010: "-", 0x2011: "-"}


class Hit(NamedTuple):
    """A name found at `start` up to `end` (exclusive), and what it stands for."""

    start: int
    end: int
    value: str


class Terms:
    """A fixed set of phrases, found as whole words in any letter case; of overlapping ones the longest."""

    def __init__(self, pairs: Iterable[tuple[str, str]], *, after_digits: bool = False) -> None:
        """Take (phrase, value) pairs, phrases in lower case; `after_digits` also finds "4NA" and "P3Math"."""
        self._after_digits = after_digits
        automaton: Any = ahocorasick.Automaton()
        for phrase, value in pairs:
            automaton.add_word(phrase, (len(phrase), value))
        automaton.make_automaton()
        self._automaton = automaton

    def find(self, text: str) -> tuple[Hit, ...]:
        """Return the hits in the order of the text."""
        folded = text.lower() if text.isascii() else text.lower().translate(_HYPHENS)
        if len(folded) != len(text):  # a few letters grow when lowered, and positions would shift
            folded = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
        hits: list[Hit] = []
        for last, (length, value) in self._automaton.iter(folded):
            start, end = last - length + 1, last + 1
            if not self._is_word(folded, start, end):
                continue
            while hits and hits[-1].start >= start:
                hits.pop()
            if not hits or hits[-1].end <= start:
                hits.append(Hit(start=start, end=end, value=value))
        return tuple(hits)

    def _is_word(self, text: str, start: int, end: int) -> bool:
        if text[start] >= "\u2e80":  # Chinese is written without spaces
            return True
        left = (
            start == 0 or not text[start - 1].isalnum() or (self._after_digits and text[start - 1].isdigit())
        )
        return left and (end == len(text) or not text[end].isalnum())
