"""What Postgres refuses is repaired, and nothing else is touched."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.store.text import storable, storable_json


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("plain · 文 😀", "plain · 文 😀"),
        ("a\0b\0", "ab"),
        ("lone \ud83d end", "lone \ufffd end"),
        ("pair \ud83d\ude00", "pair 😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
    ],
)
def test_text_loses_only_what_postgres_cannot_hold(given_text: str, stored: str) -> None:
    assert storable(given_text) == stored


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_text_becomes_encodable_without_nul(text: str) -> None:
    assert "\0" not in storable(text)
    assert storable(text).encode().decode() == storable(text)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (rb'{"a": "x\u0000y"}', {"a": "xy"}),
        (rb'{"a": "x\\u0000y"}', {"a": r"x\u0000y"}),
        (rb'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (rb'{"a": "\uDE00 \uD83D\uDE00"}', {"a": "\ufffd 😀"}),
        (rb'{"a": "\\\ud83d"}', {"a": "\\\ufffd"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "plain"}', {"a": "plain"}),
    ],
)
def test_json_keeps_its_meaning_and_loses_bad_escapes(document: bytes, value: object) -> None:
    assert json.loads(storable_json(document)) == value


@given(st.recursive(st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=6))
def test_good_json_without_nul_comes_through_unchanged(value: object) -> None:
    document = json.dumps(value).encode()
    expected = json.loads(document.replace(rb"\u0000", b"").replace(b"\0", b""))
    if rb"\\u0000" not in document:
        assert orjson.loads(storable_json(document)) == expected
