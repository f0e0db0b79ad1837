"""The tail service on a Telegram of this machine: pushes, lost links, a session that another one wants."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import pytest

from tests.acceptance.harness import wait_for
from tests.integration.resources.conftest import MakeServices
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.cli.tail import service_on
from tutordex_dagster.resilience.errors import SessionDead
from tutordex_dagster.resources.services import Services

ALPHA, BETA = "alpha_agency", "beta_agency"
LIVE = """
SELECT message_id, text FROM live_messages JOIN channels USING (channel_id)
WHERE reference = %s AND kind = 'post' ORDER BY message_id
"""
QUICK = {
    "tail_check_interval_seconds": 5,
    "connection_check_secs": 0.5,
    "heartbeat_secs": 0.5,
    "backfill_on_start": True,
    "backfill_limit": 100,
}


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service in a thread."""

    stop: Event
    ended: Future[None]

    def end(self) -> None:
        """Stop it as a signal does; raises what it ended with."""
        self.stop.set()
        self.ended.result(30)


Start = Callable[[Services], Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that runs the service until the test ends."""
    started: list[Running] = []

    def run(services: Services) -> Running:
        stop = Event()
        running = Running(stop=stop, ended=threads.submit(service_on(services, stop).run))
        started.append(running)
        return running

    with ThreadPoolExecutor() as threads:
        yield run
        for running in started:
            running.stop.set()


def stored(services: Services, name: str) -> dict[int, str]:
    with services.database.connection() as connection:
        return dict(connection.execute(LIVE, [f"t.me/{name}"]).fetchall())


def same(services: Services, telegram: LoopbackTelegram, name: str = ALPHA) -> Callable[[], bool]:
    return lambda: stored(services, name) == telegram.truth(name)


def test_what_is_pushed_is_stored_within_a_second_without_a_question(
    make_services: MakeServices, telegram: LoopbackTelegram, start: Start
) -> None:
    services = make_services(**QUICK)
    start(services)
    wait_for("the newest posts", same(services, telegram))
    telegram.forget_calls()
    post = telegram.post(ALPHA, "P5 Maths @ Bishan")
    wait_for("a post", same(services, telegram), seconds=2)
    telegram.edit(ALPHA, post, "P5 Maths @ Bishan, taken")
    wait_for("an edit", same(services, telegram), seconds=2)
    telegram.delete(ALPHA, post)
    wait_for("a deletion", same(services, telegram), seconds=2)
    assert telegram.count("GetChannelDifferenceRequest") == telegram.count("GetHistoryRequest") == 0


def test_a_channel_that_was_not_joined_is_asked(
    make_services: MakeServices, telegram: LoopbackTelegram, start: Start
) -> None:
    telegram.channel("gamma_agency", joined=False)
    services = make_services(**QUICK, channel_list="@gamma_agency")
    start(services)
    wait_for("the first look", lambda: services.channels.all() and services.channels.all()[0].cursor_at)
    telegram.post("gamma_agency", "Sec 3 Physics")
    wait_for("the post", same(services, telegram, "gamma_agency"))


def happen_unseen(telegram: LoopbackTelegram) -> None:
    """Let something of every kind happen that nobody is told of."""
    post = telegram.post(ALPHA, "Posted unseen")
    telegram.edit(ALPHA, post, "Edited unseen")
    telegram.delete(ALPHA, min(telegram.truth(ALPHA)))


def test_what_happened_between_two_links_is_found(
    make_services: MakeServices, telegram: LoopbackTelegram, start: Start
) -> None:
    services = make_services(**QUICK)
    start(services)
    wait_for("the newest posts", same(services, telegram))
    telegram.stop_listening()
    happen_unseen(telegram)
    telegram.listen_again()
    wait_for("what happened", same(services, telegram))
    assert telegram.most_connections(0) == 1


def test_a_line_that_died_without_a_word_is_noticed_though_no_channel_has_to_be_asked(
    make_services: MakeServices, telegram: LoopbackTelegram, start: Start
) -> None:
    first = make_services(**QUICK)
    running = start(first)
    wait_for("the newest posts", same(first, telegram))
    running.end()
    services = make_services(**QUICK | {"backfill_on_start": False, "telegram_answer_secs": 1})
    start(services)  # it knows from the start that the channel pushes
    telegram.post(ALPHA, "Posted while the line was good")
    wait_for("the service", same(services, telegram))
    telegram.mute_connections()
    telegram.post(ALPHA, "Pushed into the void")
    wait_for("the post", same(services, telegram), seconds=20)


def test_what_happened_while_telegram_was_away_is_found(
    make_services: MakeServices, telegram: LoopbackTelegram, start: Start
) -> None:
    services = make_services(**QUICK)
    start(services)
    wait_for("the newest posts", same(services, telegram))
    telegram.stop_listening()
    wait_for("the service to notice", states(services, "retrying"))
    happen_unseen(telegram)
    telegram.listen_again()
    wait_for("what happened", same(services, telegram))


def states(services: Services, state: str) -> Callable[[], bool]:
    return lambda: any(beat.detail["state"] == state for beat in services.heartbeats.all())


def test_a_second_service_waits_and_takes_over_when_the_first_ends(
    make_services: MakeServices, telegram: LoopbackTelegram, start: Start
) -> None:
    services = make_services(**QUICK)
    first = start(services)
    wait_for("the newest posts", same(services, telegram))
    second = start(services)
    wait_for("the second to wait", states(services, "waiting"))
    first.end()
    telegram.post(ALPHA, "Posted between the two")
    wait_for("the second", same(services, telegram))
    second.end()
    assert telegram.most_connections(0) == 1


def test_a_session_that_telegram_refuses_ends_the_service_and_is_parked(
    make_services: MakeServices, telegram: LoopbackTelegram, start: Start
) -> None:
    services = make_services(**QUICK)
    telegram.duplicate(0)
    with pytest.raises(SessionDead):
        start(services).ended.result(30)
    (session,) = [row for row in services.sessions.all() if row.name == "tail"]
    assert session.parked_reason
    assert telegram.count("GetConfigRequest") <= 1
