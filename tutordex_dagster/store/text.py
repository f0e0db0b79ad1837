"""What Postgres cannot hold, made storable: NUL characters and lone surrogates."""

import re

_ESCAPE = re.compile(
    r"""\\(?:
        (?P<nul>u0000)
        | (?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})
        | (?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})
        | .
    )""",
    re.VERBOSE | re.DOTALL,
)


def storable(text: str) -> str:
    r"""Drop NUL characters, join surrogate pairs, and put U+FFFD where a surrogate stands alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "")


def storable_json(document: bytes) -> str:
    r"""Return a JSON document with its escapes `\u0000` dropped and lone `\udXXX` replaced by `\ufffd`."""
    text = document.decode("utf-8", "replace")
    return _ESCAPE.sub(_repair, text) if b"\\u" in document else text


def _repair(escape: re.Match[str]) -> str:
    match escape.lastgroup:
        case "nul":
            return ""
        case "lone":
            return "\\ufffd"
        case _:
            return escape[0]
