"""The byte level of exports: repaired escapes at any chunk boundary, chats found wherever they stand."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutordex_dagster.capture import export_json
from tutordex_dagster.capture.export_json import ChatHead, Cut, read_chats, repaired
from tutordex_dagster.errors import PermanentError

ESCAPES = [
    (rb"plain", rb"plain"),
    (rb"a\x0Bb", rb"a\u000Bb"),
    (rb"\x0b\x1F", rb"\u000b\u001F"),
    (rb"\\x41", rb"\\x41"),
    (rb"\\\x41", rb"\\\u0041"),
    (rb"\\\\x41 \\\\\x41", rb"\\\\x41 \\\\\u0041"),
    (rb"\n\"\u0041\x07", rb"\n\"\u0041\u0007"),
    (rb"\xZZ", rb"\\xZZ"),
    (rb"\x4", rb"\\x4"),
    (rb"end\\", rb"end\\"),
]


@pytest.mark.parametrize(("text", "valid"), ESCAPES)
def test_invalid_hex_escapes_are_repaired_and_valid_ones_kept(text: bytes, valid: bytes) -> None:
    assert b"".join(repaired([text])) == valid


@pytest.mark.parametrize(("text", "valid"), ESCAPES)
def test_an_escape_may_be_cut_by_chunks_at_any_two_places(text: bytes, valid: bytes) -> None:
    for one in range(len(text) + 1):
        for two in range(one, len(text) + 1):
            assert b"".join(repaired([text[:one], text[one:two], text[two:]])) == valid


@given(
    parts=st.lists(st.sampled_from([b"\\", b"x", b"4", b"G", b'"', b" x41", b"\\x07"])),
    size=st.integers(1, 5),
)
def test_the_size_of_chunks_never_matters_to_the_repair(parts: list[bytes], size: int) -> None:
    text = b"".join(parts)
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    assert b"".join(repaired(chunks)) == b"".join(repaired([text]))


def chat(
    name: str | None, chat_id: object, messages: list[Any], kind: str = "public_channel"
) -> dict[str, Any]:
    return {"name": name, "type": kind, "id": chat_id, "messages": messages}


def account(chats: list[dict[str, Any]], left: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "about": 'says "messages": [ in a string',
        "contacts": {"list": [{"first_name": "A"}]},
        "chats": {"about": "…", "list": chats},
        "left_chats": {"about": "…", "list": left},
    }


def chats_in(path: Path) -> list[tuple[int, list[Any]]]:
    return [(head.chat_id, list(raws)) for head, raws in read_chats(path, on_bytes=lambda _count: None)]


def written(folder: Path, value: object, how: dict[str, Any] | None = None) -> Path:
    path = folder / "result.json"
    path.write_text(json.dumps(value, **how or {}), encoding="utf-8")
    return path


FIRST: list[Any] = [
    {"id": 1, "type": "message", "text": '"messages": ['},
    {"id": 2, "type": "message", "messages": [1], "deep": {"messages": [1]}},
]
SECOND: list[Any] = [{"id": 3, "text": "{ } ] \\ é 🎓"}, "no object", 5]


@pytest.fixture(params=[1, 2, 7, 100, 1 << 18])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in chunks of this size."""
    monkeypatch.setattr(export_json, "_CHUNK", request.param)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("how", [{"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_a_single_chat_is_read_whatever_the_chunks_and_the_indent(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    assert chats_in(written(tmp_path, chat("One", 11, FIRST), how)) == [(11, FIRST)]


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("how", [{"indent": 1}, {"separators": (",", ":")}])
def test_every_chat_of_an_account_is_read_with_its_own_messages(tmp_path: Path, how: dict[str, Any]) -> None:
    whole = account([chat("One", 11, FIRST), chat(None, "12", [])], [chat("{{ [", 13, SECOND)])
    assert chats_in(written(tmp_path, whole, how)) == [(11, FIRST), (12, []), (13, SECOND)]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = written(tmp_path, chat("One", 11, FIRST))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert chats_in(path) == [(11, FIRST)]


def test_an_account_with_only_left_chats_is_read(tmp_path: Path) -> None:
    assert chats_in(written(tmp_path, account([], [chat("One", 11, SECOND)]))) == [(11, SECOND)]


def test_chats_that_nobody_reads_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, account([chat("One", 11, FIRST), chat("Two", 12, SECOND)], []))
    wanted = [
        list(raws) for head, raws in read_chats(path, on_bytes=lambda _count: None) if head.chat_id == 12
    ]
    assert wanted == [SECOND]


def test_a_chat_left_half_read_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, account([chat("One", 11, FIRST), chat("Two", 12, SECOND)], []))
    firsts = [next(raws) for _, raws in read_chats(path, on_bytes=lambda _count: None)]
    assert firsts == [FIRST[0], SECOND[0]]


@pytest.mark.parametrize(
    ("written_id", "chat_id"),
    [(12, 12), ("12", 12), ("channel12", 12), (-10012, 12), ("-10012", 12), (None, 0), ("x", 0), (-5, -5)],
)
def test_ids_of_chats_are_made_bare(tmp_path: Path, written_id: object, chat_id: int) -> None:
    heads = [head for head, _ in read_chats(written(tmp_path, chat("One", written_id, [])), on_bytes=print)]
    assert heads == [ChatHead(chat_id=chat_id, name="One", kind="public_channel", in_account=False)]


@given(st.data())
def test_a_file_cut_off_anywhere_keeps_every_whole_message_and_tells_the_cut(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.json"
    text = json.dumps(chat("One", 11, FIRST)).encode()
    end = data.draw(st.integers(text.index(b'"messages": [') + 13, len(text) - 1))
    path.write_bytes(text[:end])
    [(_, raws)] = chats_in(path)
    whole = [each for each in raws if not isinstance(each, Cut)]
    assert whole == FIRST[: len(whole)]
    assert len(whole) == sum(json.dumps(each).encode() in text[:end] for each in FIRST)
    assert isinstance(raws[-1], Cut)
    assert "cut off" in raws[-1].reason


def test_a_chat_that_is_no_json_does_not_cost_the_next_one(tmp_path: Path) -> None:
    path = written(tmp_path, account([chat("One", 11, FIRST), chat("Two", 12, SECOND)], []))
    path.write_bytes(path.read_bytes().replace(b'"deep"', b"deep"))
    (_, broken), second = chats_in(path)
    assert broken[0] == FIRST[0]
    assert "no JSON" in broken[1].reason
    assert second == (12, SECOND)


@pytest.mark.parametrize(
    "text", ["", "no json", "[1, 2]", '"messages": [1]', '{"messages": 5}', '{"chats": {"list": []}}']
)
def test_a_file_without_chats_has_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, encoding="utf-8")
    assert chats_in(path) == []


def test_a_file_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"gone\.json"):
        chats_in(tmp_path / "gone.json")


def test_the_bytes_read_add_up_to_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, chat("One", 11, FIRST))
    counts: list[int] = []
    for _, raws in read_chats(path, on_bytes=counts.append):
        list(raws)
    assert sum(counts) == path.stat().st_size
