"""A post as a model's words are looked for in it, and where in the stored post they were found."""

import re
import unicodedata
from collections.abc import Iterator

_MARKUP = frozenset("*_~`")
_INVISIBLE = frozenset({"Cf", "Cc"})
_INSIDE_A_NUMBER = re.compile(r"\d\0\d|\d\0\.\d|\d\.\0\d")
"""With a NUL for the edge of a hit: between the digits of a number, or beside its decimal point."""


class Words:
    """One post. Lookups are linear in its length; the stored text's positions are kept as code points."""

    def __init__(self, post: str, plain: str) -> None:
        """Take the post as stored, and as the model was shown it."""
        self._post = post
        self.plain = plain
        self._folded, self._places = _folded(post)

    def has(self, text: str) -> bool:
        """Does the post hold this text, white space, letter case and markup aside? No text is not held.

        A text that begins or ends inside a number of the post is not held there.
        """
        return self.span(text) is not None

    def has_opening(self, text: str) -> bool:
        """Does the post hold this text, in the same way, and not from the middle of a word on?"""
        return any(not self._folded[max(start - 1, 0) : start].isalpha() for start, _ in self._hits(text))

    def has_word(self, text: str) -> bool:
        """Does the post hold this text to the letter, and not as part of a longer word or number?"""
        return self._has_between(text, r"[^\W_]")

    def has_number(self, text: str) -> bool:
        """Does the post hold these digits, and not as part of a longer number? Letters may touch them."""
        return self._has_between(text, r"\d")

    def has_postal_code(self, code: str) -> bool:
        """Does the post hold these six digits as a number, or behind a word for it in two halves?"""
        halves = (
            rf"(?:\b(?:s(?:'?pore|ingapore|g)?|postal(?: code)?)|\()\W{{0,3}}{code[:3]}[ -]{code[3:]}(?! ?\d)"
        )
        return self.has_number(code) or re.search(halves, self.plain, re.IGNORECASE) is not None

    def _has_between(self, text: str, no_edge: str) -> bool:
        if not any(sign.isalnum() for sign in text):
            return False
        before = f"(?<!{no_edge})" if text[0].isalnum() else ""
        after = f"(?!{no_edge})" if text[-1].isalnum() else ""
        pattern = re.compile(f"{before}{re.escape(text)}{after}")
        return any(pattern.search(shown) for shown in (self._post, self.plain))

    def span(self, text: str) -> tuple[int, int] | None:
        """Return where the stored post holds the text: half-open, in code points; None where it does not."""
        start, end = next(self._hits(text), (0, 0))
        return (self._places[start], self._places[end - 1] + 1) if end else None

    def _hits(self, text: str) -> Iterator[tuple[int, int]]:
        wanted = _folded(text)[0].strip()
        start = self._folded.find(wanted) if wanted else -1
        while start >= 0:
            end = start + len(wanted)
            if not (self._splits_number(start) or self._splits_number(end)):
                yield start, end
            start = self._folded.find(wanted, start + 1)

    def _splits_number(self, at: int) -> bool:
        around = f"{self._folded[max(at - 2, 0) : at]}\0{self._folded[at : at + 2]}"
        if _INSIDE_A_NUMBER.search(around) is None:
            return False
        return "~" not in self._post[self._places[at - 1] : self._places[at]]  # "2~4pm" is no 24


def _folded(text: str) -> tuple[str, list[int]]:
    """Return the text in one letter case, single spaces, without markup, and where each character is from."""
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        for plain in _plain(sign):
            if plain == " " and (not signs or signs[-1] == " "):
                continue
            signs.append(plain)
            places.append(place)
    return "".join(signs), places


def _plain(sign: str) -> str:
    if sign.isspace():
        return " "
    if sign in _MARKUP:
        return ""
    if sign.isascii():
        return sign.lower() if sign.isprintable() else ""
    if unicodedata.category(sign) in _INVISIBLE:
        return ""
    return unicodedata.normalize("NFKC", sign).casefold()
