"""The address of a server, written in any of the usual ways."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def server_url(value: str) -> str:
    """Return the address under which `/chat/completions` is found; ValueError for one that is none.

    `http://host:8080`, `http://host:8080/v1` and `http://host:8080/v1/chat/completions` all mean the same.
    """
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is no address of a server; write it as http://host:port/v1")
    if "@" in parts.netloc:
        raise ValueError("holds a user or a password; set LLM_API_KEY instead")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


ServerUrl = Annotated[str, AfterValidator(server_url)]
"""An address as `server_url` returns it."""
