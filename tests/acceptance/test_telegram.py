"""Live Telegram end to end: log in, follow, lose every process in turn, and end with what Telegram holds."""

from pathlib import Path

from tests.acceptance.following import (
    API_HASH,
    NAMES,
    dump,
    equal,
    going_on,
    holder,
    settled,
    system,
    tail_service,
    telegram,
)
from tests.acceptance.harness import System, keys, wait_for
from tests.acceptance.life import Life, broken_promises, channel_ids, stored_differs
from tests.acceptance.processes import kill_code_server, kill_daemon, kill_run_worker
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.windows import HOUR, hour_of, utc_now

__all__ = ["system", "telegram"]

RAW = ["raw_messages"]

TOMBSTONES = "SELECT count(*) FROM telegram_messages_raw WHERE kind = 'tombstone'"
PARKED = "SELECT parked_reason FROM telegram_sessions WHERE name = 'tail' AND parked_at IS NOT NULL"


def test_a_login_a_channel_list_and_up_lead_to_rows_and_sealed_hours(
    system: System, telegram: LoopbackTelegram
) -> None:
    wait_for("the channels", lambda: len(channel_ids(system, NAMES)) == len(NAMES))
    wait_for("history and all", equal(lambda: stored_differs(system, telegram, NAMES)), seconds=180)
    last = hour_of(utc_now() - HOUR / 30) - HOUR
    hours = {key for name in NAMES for key in keys([f"t.me/{name}"], last - HOUR, 2)}
    wait_for("its hours in the UI", lambda: hours <= system.materialized(RAW), seconds=180)
    assert broken_promises(system, NAMES) == []
    assert telegram.count("ResolveUsernameRequest") <= 2 * len(NAMES)  # once an account


def test_the_sensor_stores_posts_edits_and_deletions_and_closes_assignments(
    system: System, telegram: LoopbackTelegram
) -> None:
    life = Life(telegram=telegram, names=NAMES, seed=1)
    for _ in range(60):
        life.event(push=False)
    assert any(life.gone.values())
    settled(system, telegram)
    assert system.sql(TOMBSTONES)[0][0] > 0


def test_a_service_takes_the_session_over_and_stores_within_a_second(
    system: System, telegram: LoopbackTelegram
) -> None:
    with tail_service(system) as service:
        wait_for("the service", lambda: holder(system).endswith(f":{service.pid}"), seconds=40)
        telegram.forget_calls()
        for number in range(5):
            message_id = telegram.post(NAMES[0], f"Push {number}")
            stored = "SELECT true FROM telegram_messages_raw WHERE channel_id = %s AND message_id = %s"
            channel_id = channel_ids(system, NAMES)[NAMES[0]]
            wait_for("a pushed post", lambda: system.sql(stored, channel_id, message_id), seconds=5)  # noqa: B023 - called at once
        assert telegram.count("GetHistoryRequest") == 0
    assert service.returncode == 0
    assert telegram.most_connections(0) == 1


def test_a_second_service_waits_for_the_first_and_never_connects(
    system: System, telegram: LoopbackTelegram
) -> None:
    with tail_service(system) as first:
        wait_for("the service", lambda: holder(system).endswith(f":{first.pid}"), seconds=40)
        with tail_service(system, "second") as second:
            said = system.folder / "second.out"
            wait_for("the second to wait", lambda: f":{first.pid}" in said.read_text())
            assert holder(system).endswith(f":{first.pid}")
        assert second.returncode == 0
    assert telegram.most_connections(0) == 1


def test_whatever_process_is_killed_nothing_is_lost(system: System, telegram: LoopbackTelegram) -> None:
    life = Life(telegram=telegram, names=NAMES, seed=2)
    with going_on(life, 0.2), tail_service(system) as service:
        wait_for("the service", lambda: holder(system).endswith(f":{service.pid}"), seconds=40)
        service.kill()
    settled(system, telegram, seconds=240)
    for kills in ((kill_daemon,), (kill_run_worker, kill_code_server)):
        with going_on(life, 0.2):
            for kill in kills:
                wait_for(kill.__name__, lambda: kill(system), seconds=60)  # noqa: B023 - called at once
        settled(system, telegram, seconds=240)


def test_more_changes_than_telegram_can_tell_are_found_by_reading_again(
    system: System, telegram: LoopbackTelegram
) -> None:
    life = Life(telegram=telegram, names=NAMES, seed=3)
    for _ in range(120):
        life.event(push=False)
    for name in NAMES:
        telegram.forget_log(name)
    settled(system, telegram, seconds=240)


def test_a_channel_that_turns_private_stops_no_other_and_comes_back(
    system: System, telegram: LoopbackTelegram
) -> None:
    telegram.private(NAMES[0])
    post = telegram.post(NAMES[1], "still here")
    ids = channel_ids(system, NAMES)
    stored = "SELECT true FROM telegram_messages_raw WHERE channel_id = %s AND message_id = %s"
    wait_for("the others", lambda: system.sql(stored, ids[NAMES[1]], post))
    problem = "SELECT problem FROM channels WHERE channel_id = %s"
    wait_for("the problem", lambda: system.sql(problem, ids[NAMES[0]])[0][0])
    assert f"t.me/{NAMES[0]}" in system.run("doctor", exit_code=1).stdout
    telegram.private(NAMES[0], private=False)


def test_a_duplicated_key_is_parked_and_said_so(system: System, telegram: LoopbackTelegram) -> None:
    telegram.duplicate(0)
    wait_for("the session to be parked", lambda: system.sql(PARKED), seconds=60)
    connects = telegram.count("GetConfigRequest")
    refused = system.run("tail", exit_code=1)
    assert "tutordex login" in refused.stderr
    assert telegram.count("GetConfigRequest") == connects
    assert "parked" in system.run("sessions").stdout


def test_no_secret_is_anywhere_but_in_its_file(system: System, telegram: LoopbackTelegram) -> None:
    secrets = [API_HASH, telegram.session_string(0)[10:60], telegram.session_string(1)[10:60]]
    texts = {
        path: path.read_text(errors="replace")
        for path in [*system.folder.rglob("*.log"), *system.folder.glob("*.out")]
    }
    assert texts
    texts |= {Path(f"{database}.sql"): dump(system, database) for database in ("tutordex", "dagster")}
    found = [(path, secret) for path, text in texts.items() for secret in secrets if secret in text]
    assert found == []
