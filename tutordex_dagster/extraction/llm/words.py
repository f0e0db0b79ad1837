"""A post as a model's words are looked for in it, and where in the stored post they were found."""

import re
import unicodedata

_MARKUP = frozenset("*_~`")
_INVISIBLE = frozenset({"Cf", "Cc"})


class Words:
    """One post. Lookups are linear in its length; the stored text's positions are kept as code points."""

    def __init__(self, post: str, plain: str) -> None:
        """Take the post as stored, and as the model was shown it."""
        self._post = post
        self._plain = plain
        self._folded, self._places = _folded(post)

    def has(self, text: str) -> bool:
        """Does the post hold this text, white space, letter case and markup aside? No text is not held."""
        return self.span(text) is not None

    def has_word(self, text: str) -> bool:
        """Does the post hold this text to the letter, and not as part of a longer word or number?"""
        return self._has_between(text, r"[^\W_]")

    def has_number(self, text: str) -> bool:
        """Does the post hold these digits, and not as part of a longer number? Letters may touch them."""
        return self._has_between(text, r"\d")

    def _has_between(self, text: str, no_edge: str) -> bool:
        if not any(sign.isalnum() for sign in text):
            return False
        before = f"(?<!{no_edge})" if text[0].isalnum() else ""
        after = f"(?!{no_edge})" if text[-1].isalnum() else ""
        pattern = re.compile(f"{before}{re.escape(text)}{after}")
        return any(pattern.search(shown) for shown in (self._post, self._plain))

    def span(self, text: str) -> tuple[int, int] | None:
        """Return where the stored post holds the text: half-open, in code points; None where it does not."""
        wanted = _folded(text)[0].strip()
        start = self._folded.find(wanted) if wanted else -1
        if start < 0:
            return None
        return self._places[start], self._places[start + len(wanted) - 1] + 1


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
