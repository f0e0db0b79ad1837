"""Session strings and files."""

import sqlite3
import stat
from pathlib import Path

import pytest
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession, StringSession

from tutordex_dagster.capture.telegram.session import (
    SessionString,
    parse_session,
    read_session_file,
    write_session_file,
)
from tutordex_dagster.errors import UsageError

KEY = bytes(range(256))
FINGERPRINT = "40aff2e9d2d8"
"""First 12 digits of sha256 of the key."""


def telethon_session(address: str = "149.154.167.51", key: bytes = KEY) -> str:
    session = StringSession()
    session.set_dc(2, address, 443)
    session.auth_key = AuthKey(key)
    return str(session.save())


def read(text: str) -> SessionString:
    return parse_session(text, where="SESSION_STRING")


@pytest.mark.parametrize("address", ["149.154.167.51", "127.0.0.1", "2001:67c:4e8:f002::a"])
def test_what_telethon_writes_is_read_and_given_back_unchanged(address: str) -> None:
    text = telethon_session(address)
    assert read(text) == SessionString(text=text, fingerprint=FINGERPRINT)


def test_what_copying_does_to_a_string_is_mended() -> None:
    text = telethon_session()
    for spoilt in (f" {text}\n", f"'{text}'", f'"{text}"', text.rstrip("="), f"{text[:80]}\n{text[80:]}"):
        assert read(spoilt).text == text


def test_the_fingerprint_is_that_of_the_key_alone() -> None:
    other = bytes(reversed(KEY))
    assert read(telethon_session("10.0.0.1")).fingerprint == read(telethon_session()).fingerprint
    assert read(telethon_session(key=other)).fingerprint != FINGERPRINT


@pytest.mark.parametrize(
    "nonsense", ["", "1", "hunter2-hunter2", "1" + "A" * 100, "2" + "A" * 352, "1ä", telethon_session()[:-8]]
)
def test_nonsense_is_refused_without_repeating_it(nonsense: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(nonsense)
    message = "SESSION_STRING: is no Telethon session string; make one with `tutordex login`"
    assert str(refused.value) == message
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_session_without_a_key_was_never_signed_in() -> None:
    with pytest.raises(UsageError, match="never signed in"):
        read(telethon_session(key=bytes(256)))


def test_a_session_is_not_shown() -> None:
    assert repr(read(telethon_session())) == f"SessionString(fingerprint='{FINGERPRINT}')"


def test_a_written_session_is_read_again_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "tutordex.session"
    session = read(telethon_session())
    for _ in range(2):
        write_session_file(path, session)
        assert read_session_file(path) == session
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write_session_file(tmp_path / "a.session", read(telethon_session()))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file/a\.session: cannot be written"):
        write_session_file(tmp_path / "file" / "a.session", read(telethon_session()))
    folder = tmp_path / "folder"
    (folder / "in the way").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be written"):
        write_session_file(folder, read(telethon_session()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def telethon_database(path: Path) -> None:
    session = SQLiteSession(str(path))
    session.set_dc(2, "149.154.167.51", 443)
    session.auth_key = AuthKey(KEY)
    session.save()
    session.close()


def test_a_database_of_telethon_is_converted_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "old #1.session"
    telethon_database(path)
    before, listing = path.read_bytes(), list(tmp_path.iterdir())
    path.chmod(0o400)
    assert read_session_file(path) == read(telethon_session())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == listing


def test_a_database_that_a_running_program_writes_to_is_read(tmp_path: Path) -> None:
    path = tmp_path / "used.session"
    telethon_database(path)
    writer = sqlite3.connect(path)
    writer.execute("UPDATE sessions SET port = 80")
    assert read_session_file(path) == read(telethon_session())
    writer.close()


def test_a_database_without_a_session_is_refused(tmp_path: Path) -> None:
    never_used = tmp_path / "never.session"
    SQLiteSession(str(never_used)).close()
    other = tmp_path / "other.session"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE sessions (x)")
    database.close()
    broken = tmp_path / "broken.session"
    broken.write_bytes(b"SQLite format 3\x00 and then nothing")
    for path in (never_used, other, broken):
        with pytest.raises(UsageError, match=r"holds no Telethon session|never signed in"):
            read_session_file(path)


def test_a_file_that_is_missing_or_holds_something_else_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.session: does not exist; make one"):
        read_session_file(tmp_path / "a.session")
    with pytest.raises(UsageError, match="cannot be read"):
        read_session_file(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UsageError, match=r"photo\.jpg: is no Telethon session string"):
        read_session_file(tmp_path / "photo.jpg")
