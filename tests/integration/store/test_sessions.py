"""Sessions: one holder at a time, one environment for ever, and never again once refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.resilience.errors import SessionBusy, SessionParked
from tutordex_dagster.store.sessions import SessionRow, Sessions

if TYPE_CHECKING:
    from tutordex_dagster.store.database import Database

KEY = "0123456789ab"


@pytest.fixture
def sessions(database: "Database") -> Sessions:
    """Give an empty table of sessions."""
    return Sessions(database)


def acquire(
    sessions: Sessions,
    *,
    holder: str = "host:1",
    environment: str = "test",
    ttl: float = 300,
    name: str = "tail",
    fingerprint: str = KEY,
) -> UUID:
    """Take a session; a ttl of 0 is a lease that has expired already."""
    return sessions.acquire(fingerprint, name=name, environment=environment, holder=holder, ttl_seconds=ttl)


def only(sessions: Sessions) -> SessionRow:
    """Return the only session."""
    (row,) = sessions.all()
    return row


def test_a_session_is_held_until_it_is_given_back(sessions: Sessions) -> None:
    token = acquire(sessions)
    row = only(sessions)
    assert (row.fingerprint, row.name, row.environment, row.holder, row.held) == (
        KEY,
        "tail",
        "test",
        "host:1",
        True,
    )
    assert row.lease_expires_at is not None
    assert row.heartbeat_at is not None
    assert timedelta(seconds=299) < row.lease_expires_at - row.heartbeat_at < timedelta(seconds=301)
    sessions.release(KEY, token)
    assert (only(sessions).holder, only(sessions).lease_expires_at, only(sessions).held) == (
        None,
        None,
        False,
    )
    assert acquire(sessions, holder="host:2") != token


def test_a_held_session_is_refused_naming_the_holder_and_until_when(sessions: Sessions) -> None:
    acquire(sessions)
    until = only(sessions).lease_expires_at
    message = rf"session tail \({KEY}\): is used by host:1 until at least {until:%H:%M:%S} UTC; stop that"
    with pytest.raises(SessionBusy, match=message):
        acquire(sessions, holder="host:2")
    assert only(sessions).holder == "host:1"


def test_an_expired_lease_can_be_taken_and_its_token_is_worth_nothing(sessions: Sessions) -> None:
    old = acquire(sessions, ttl=0)
    assert not only(sessions).held
    new = acquire(sessions, holder="host:2", name="renamed")
    assert (only(sessions).holder, only(sessions).name) == ("host:2", "renamed")
    assert not sessions.renew(KEY, old, 300)
    sessions.release(KEY, old)
    assert only(sessions).held
    assert sessions.renew(KEY, new, 300)


def test_a_renewed_lease_lasts_longer_and_an_expired_one_nobody_took_comes_back(sessions: Sessions) -> None:
    token = acquire(sessions, ttl=0)
    before = only(sessions)
    assert sessions.renew(KEY, token, 300)
    after = only(sessions)
    assert after.held
    assert before.heartbeat_at is not None
    assert after.heartbeat_at is not None
    assert after.heartbeat_at > before.heartbeat_at


def test_a_lease_is_renewed_by_its_token_and_session_only(sessions: Sessions) -> None:
    token = acquire(sessions)
    assert not sessions.renew(KEY, uuid4(), 300)
    assert not sessions.renew("other", token, 300)


def test_of_two_processes_at_once_exactly_one_gets_the_session(sessions: Sessions) -> None:
    def attempt(number: int) -> UUID | None:
        try:
            return acquire(sessions, holder=f"host:{number}", fingerprint=f"{number // 2}", ttl=300)
        except SessionBusy:
            return None

    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(attempt, range(40)))
    assert [
        (first is None) + (second is None) for first, second in zip(tokens[::2], tokens[1::2], strict=True)
    ] == ([1] * 20)


def test_of_two_processes_at_once_exactly_one_takes_over_an_expired_lease(sessions: Sessions) -> None:
    acquire(sessions, ttl=0)

    def attempt(number: int) -> UUID | None:
        try:
            return acquire(sessions, holder=f"host:{number}")
        except SessionBusy:
            return None

    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(attempt, range(8)))
    assert sum(token is not None for token in tokens) == 1


def test_a_parked_session_is_refused_with_its_reason_until_it_is_unparked(sessions: Sessions) -> None:
    token = acquire(sessions)
    sessions.park(KEY, "AUTH_KEY_DUPLICATED")
    sessions.park(KEY, "AUTH_KEY_UNREGISTERED")
    assert not sessions.renew(KEY, token, 300)
    assert (only(sessions).held, only(sessions).parked_reason) == (False, "AUTH_KEY_DUPLICATED")
    with pytest.raises(SessionParked, match=r"tail .*: was refused at .* \(AUTH_KEY_DUPLICATED\); log in"):
        acquire(sessions)
    sessions.unpark(KEY)
    assert (only(sessions).parked_at, only(sessions).parked_reason) == (None, None)
    acquire(sessions)


def test_a_session_of_another_environment_is_refused_free_or_not(sessions: Sessions) -> None:
    acquire(sessions, environment="production", ttl=0)
    message = "session tail .*: belongs to environment production, this is test; log in again"
    with pytest.raises(UsageError, match=message):
        acquire(sessions)
    acquire(sessions, environment="production")
    with pytest.raises(UsageError, match=message):
        acquire(sessions)
    sessions.park(KEY, "gone")
    with pytest.raises(UsageError, match=message):
        acquire(sessions)


def test_the_account_of_a_session_is_remembered(sessions: Sessions) -> None:
    token = acquire(sessions)
    assert only(sessions).account_id is None
    sessions.note_account(KEY, 2**40)
    sessions.release(KEY, token)
    acquire(sessions)
    assert only(sessions).account_id == 2**40


def test_sessions_are_listed_by_environment_and_name(sessions: Sessions) -> None:
    acquire(sessions, fingerprint="c", name="tail")
    acquire(sessions, fingerprint="b", name="recovery")
    acquire(sessions, fingerprint="a", name="tail", environment="production")
    assert [row.fingerprint for row in sessions.all()] == ["a", "b", "c"]


def test_an_unknown_session_is_named_with_the_known_ones(sessions: Sessions) -> None:
    message = r"session x: is not known here; known are: tail \(0123456789ab\)"
    with pytest.raises(UsageError, match="known are: none"):
        sessions.unpark("x")
    acquire(sessions)
    with pytest.raises(UsageError, match=message):
        sessions.unpark("x")
    with pytest.raises(UsageError, match=message):
        sessions.park("x", "gone")
    with pytest.raises(UsageError, match=message):
        sessions.note_account("x", 1)
