"""What an operator sees of Telegram without any network: sessions, doctor, status, switches."""

import base64
import json
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from tutordex_dagster.capture.contract import ChannelInfo
from tutordex_dagster.capture.telegram.session import SessionString, parse_session, write_session_file
from tutordex_dagster.resilience.breaker import Breaker
from tutordex_dagster.resilience.pacing import Pace
from tutordex_dagster.resources.services import Services
from tutordex_dagster.resources.sessions import Role, session_path
from tutordex_dagster.windows import utc_now

Command = Callable[..., Result]
SessionOf = Callable[..., SessionString]

LISTED = "t.me/slow, t.me/lost, t.me/nobody"


@pytest.fixture
def configured(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - its variables first
    """Set credentials; nothing listens anywhere."""
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    monkeypatch.setenv("TELEGRAM_API_HASH", "0123456789abcdef")
    monkeypatch.setenv("CHANNEL_LIST", LISTED)


@pytest.fixture
def session_of(services: Services) -> SessionOf:
    """Give a function that writes a made-up session into the file of a role."""

    def write(role: Role, key: int = 7) -> SessionString:
        raw = struct.pack(">B4sH256s", 2, bytes([127, 0, 0, 1]), 1, bytes([key]) * 256)
        session = parse_session(f"1{base64.urlsafe_b64encode(raw).decode()}", where="test")
        write_session_file(session_path(services.settings, role), session)
        return session

    return write


@pytest.fixture
def used(services: Services) -> Callable[..., str]:
    """Give a function that makes a session known, as its first use does, and frees it again."""

    def use(fingerprint: str, name: str = "tail", environment: str = "development") -> str:
        token = services.sessions.acquire(
            fingerprint, name=name, environment=environment, holder="host:1", ttl_seconds=60
        )
        services.sessions.release(fingerprint, token)
        return fingerprint

    return use


def test_sessions_says_how_to_make_one_when_there_is_none(tutordex: Command) -> None:
    assert tutordex("sessions").stdout == "No session was used yet; make one with: tutordex login\n"


@pytest.mark.parametrize("arguments", [("sessions",), ("status",), ("doctor",)])
@pytest.mark.usefixtures("configured")
def test_brackets_in_the_name_of_a_deployment_are_shown_as_they_are(
    tutordex: Command,
    session_of: SessionOf,
    used: Callable[..., str],
    arguments: tuple[str, ...],
) -> None:
    used(session_of("tail").fingerprint, "tail", "[/dev] [red]1[/red]")
    assert "[/dev] [red]1[/red]" in tutordex(*arguments, exit_code=int("doctor" in arguments)).stdout


def test_sessions_shows_who_has_which_and_which_was_refused(
    tutordex: Command, services: Services, used: Callable[..., str]
) -> None:
    used("free00000000", "recovery")
    services.sessions.acquire(
        "held00000000", name="tail", environment="development", holder="host:9", ttl_seconds=60
    )
    services.sessions.park(used("parked000000", "media"), "AUTH_KEY_DUPLICATED")
    services.sessions.note_account("free00000000", 5)
    lines = {line.split()[0]: line.rstrip() for line in tutordex("sessions").stdout.splitlines()[1:]}
    assert "free" in lines["recovery"]
    assert lines["recovery"].endswith("known")
    assert "held by host:9 until" in lines["tail"]
    assert "not known yet" in lines["tail"]
    assert "parked since" in lines["media"]


@pytest.mark.parametrize("name", ["tail", "parked000000"])
def test_unpark_lets_a_session_be_used_again_and_is_on_record(
    tutordex: Command, services: Services, used: Callable[..., str], name: str
) -> None:
    services.sessions.park(used("parked000000"), "banned for a day")
    result = tutordex("sessions", "unpark", name)
    assert result.stdout == (
        "session tail (parked000000) may be used again; it was parked: banned for a day\n"
    )
    (row,) = services.sessions.all()
    assert row.parked_at is None
    with services.database.connection() as connection:
        deeds = connection.execute("SELECT action, actor <> '', detail->>'session' FROM audit").fetchall()
    assert deeds == [("session unpark", True, "parked000000")]


def test_unpark_of_what_is_not_parked_changes_nothing(
    tutordex: Command, services: Services, used: Callable[..., str]
) -> None:
    used("free00000000")
    result = tutordex("sessions", "unpark", "tail", exit_code=2)
    assert result.stderr == "tutordex: tail: is no parked session; parked are: none\n"
    for fingerprint in ("first0000000", "second000000"):
        services.sessions.park(used(fingerprint), "duplicated")
    result = tutordex("sessions", "unpark", "tail", exit_code=2)
    assert "several parked sessions; give one of first0000000, second000000" in result.stderr
    assert sum(row.parked_at is not None for row in services.sessions.all()) == 2


def test_doctor_for_a_backfill_names_everything_that_is_missing(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_RAW_ENABLED", "0")
    monkeypatch.setenv("EXTRACTION_QUEUE_ENABLED", "0")
    output = tutordex("doctor", "--mode", "backfill", exit_code=1).stdout
    assert "fail raw log          SUPABASE_RAW_ENABLED is 0" in output
    assert "warn queue            EXTRACTION_QUEUE_ENABLED is 0" in output
    assert "fail telegram         TELEGRAM_API_ID and TELEGRAM_API_HASH are not set" in output


def test_doctor_names_the_credential_that_is_missing_while_the_other_is_set(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    output = tutordex("doctor", "--mode", "backfill", exit_code=1).stdout
    assert output.startswith(
        "fail settings         TELEGRAM_API_HASH: is missing while TELEGRAM_API_ID is set"
    )


@pytest.mark.usefixtures("configured")
def test_doctor_without_a_session_says_how_to_log_in(tutordex: Command) -> None:
    output = tutordex("doctor", exit_code=1).stdout
    assert "fail session tail     SESSION_STRING is not set" in output
    assert "→ log in: tutordex login --session tail" in output


@pytest.mark.usefixtures("configured")
def test_doctor_sees_what_is_wrong_with_sessions(
    tutordex: Command, services: Services, session_of: SessionOf, used: Callable[..., str]
) -> None:
    session = session_of("tail")
    session_path(services.settings, "tail").chmod(0o644)
    output = tutordex("doctor").stdout
    assert "can be read by others (mode 644)" in output
    assert "history is read through the session that follows" in output
    services.sessions.park(used(session.fingerprint), "AUTH_KEY_DUPLICATED")
    session_of("recovery", key=8)
    output = tutordex("doctor", exit_code=1).stdout
    assert f"fail session tail     {session.fingerprint} is parked: AUTH_KEY_DUPLICATED" in output
    assert "ok   session recovery" in output
    assert "history is read through" not in output


@pytest.mark.usefixtures("configured")
def test_doctor_of_a_file_that_is_no_session_goes_on_with_the_rest(
    tutordex: Command, services: Services
) -> None:
    path = session_path(services.settings, "tail")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not a session")
    output = tutordex("doctor", exit_code=1).stdout
    assert "is no Telethon session string" in output
    assert "no breaker is open" in output


@pytest.mark.usefixtures("configured")
def test_doctor_and_status_name_gates_channels_and_a_silent_tail(
    tutordex: Command, services: Services, session_of: SessionOf
) -> None:
    trouble(services, session_of("tail").fingerprint)
    doctor = tutordex("doctor").stdout
    status = tutordex("status").stdout
    for output in (doctor, status):
        assert "no answer" in output
        assert "GetHistoryRequest" in output
        assert "is private" in output
        assert "is nobody's name" in output
    assert "t.me/slow        not a member" in doctor
    assert status.startswith("Wrong now\n")
    assert all(len(line) <= 100 for line in status.splitlines())
    assert "asked, not joined" in status


@pytest.mark.usefixtures("configured")
def test_the_json_of_status_has_everything_and_no_secret(
    tutordex: Command, services: Services, session_of: SessionOf
) -> None:
    session = session_of("tail")
    trouble(services, session.fingerprint)
    services.metrics.count("retries_total", target="telegram", reason="timeout")
    text = tutordex("status", "--json").stdout
    record = json.loads(text)
    assert record["telegram"]["chosen"] == dict.fromkeys(("tail", "recovery"), session.fingerprint)
    assert record["telegram"]["not_found"] == {"t.me/nobody": "is nobody's name; correct it in CHANNEL_LIST"}
    assert {row["name"] for row in record["metrics"]} == {"retries_total"}
    assert record["services"][0]["component"] == "tail"
    assert len(record["wrong"]) == 5
    assert session.text[:40] not in text


def test_a_channel_list_that_cannot_be_read_hides_nothing_else_of_the_status(
    tutordex: Command, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble(services, "0" * 12)
    monkeypatch.setenv("CHANNEL_LIST", "not a channel")
    output = tutordex("status").stdout
    assert "'not a channel': is no channel name" in output
    assert "breaker telegram: open since" in output


def test_status_sums_the_counters_up_and_shows_each_when_asked(tutordex: Command, services: Services) -> None:
    assert "No metrics yet" in tutordex("status", "--metrics").stdout
    services.metrics.count("retries_total", 3, target="telegram", reason="timeout")
    services.metrics.observe("fetch_duration_seconds", 1.5, chat="t.me/a")
    output = tutordex("status", "--metrics").stdout
    assert "reason=timeout, target=telegram" in output
    assert "fetch_duration_seconds_bucket" in output


def test_channels_shows_how_each_is_followed_and_which_were_not_found(
    tutordex: Command, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble(services, "0" * 12)
    monkeypatch.setenv("CHANNEL_LIST", LISTED)
    output = tutordex("channels").stdout
    assert "t.me/slow" in output
    assert "Not found" in output
    assert "t.me/nobody" in output
    monkeypatch.setenv("CHANNEL_LIST", "t.me/slow")
    assert "t.me/nobody" not in tutordex("channels").stdout


@pytest.mark.parametrize(
    ("variable", "verb"),
    [
        ("SUPABASE_RAW_ENABLED", ("backfill",)),
        ("SUPABASE_RAW_ENABLED", ("enqueue",)),
        ("SUPABASE_ENABLED", ("drain", "--oneshot")),
    ],
)
def test_a_verb_refuses_what_was_switched_off(
    tutordex: Command, monkeypatch: pytest.MonkeyPatch, variable: str, verb: tuple[str, ...]
) -> None:
    monkeypatch.setenv(variable, "0")
    result = tutordex(*verb, exit_code=2)
    assert result.stderr.startswith(f"tutordex: {variable}: is 0, so")
    assert result.stderr.endswith("; set it to 1\n")


def trouble(services: Services, fingerprint: str) -> None:
    """Store everything that can be wrong: a breaker, a flood wait, three channels and a silent tail."""
    now = utc_now()
    services.breakers.update(
        "telegram", lambda _: (Breaker(state="open", opened_at=now, reason="no answer"), None)
    )
    flood = Pace(allowed=8, flooded_until=now + timedelta(hours=1), changed_at=now)
    services.paces.save(fingerprint, "GetHistoryRequest", flood)
    for number, name in enumerate(("slow", "lost"), start=1):
        info = ChannelInfo(channel_id=number, reference=f"t.me/{name}", title=name)
        services.channels.register(info, source="telegram", collect_since=now)
    services.channels.note_member(1, member=False)
    services.channels.note_problem(2, "t.me/lost: is private; join it with the account", now)
    services.channels.note_wanted("t.me/nobody", "is nobody's name; correct it in CHANNEL_LIST", now)
    with services.database.connection() as connection:
        connection.execute(
            "UPDATE channels SET cursor = 1, cursor_at = now() WHERE channel_id = 1;"
            "INSERT INTO heartbeats VALUES ('tail', 'host:42', now() - interval '1 hour', '{}');"
        )
