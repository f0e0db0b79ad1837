"""What Telegram pushes while a connection listens."""

from telethon.tl import types

from tests.integration.telegram.world import NAME, Connect, ids, texts, wait_for
from tests.mtproto.loopback import LoopbackTelegram
from tutordex_dagster.capture.tail import Pushed

Seen = list[Pushed]


def test_posts_edits_and_deletions_are_pushed_in_order(telegram: LoopbackTelegram, connect: Connect) -> None:
    seen: Seen = []
    connect(on_push=seen.append).open()
    new = telegram.post(NAME, "posted")
    telegram.edit(NAME, new, "edited")
    telegram.delete(NAME, new, 5, 6)
    wait_for("three updates", lambda: len(seen) == 3)
    assert [texts(pushed.found) for pushed in seen] == [["posted"], ["edited"], []]
    assert [list(pushed.deleted) for pushed in seen] == [[], [], [new, 5, 6]]
    assert [(pushed.pts, pushed.pts_count) for pushed in seen] == [(2, 1), (3, 1), (6, 3)]
    assert {pushed.channel_id for pushed in seen} == {1_500_000_000}


def test_a_burst_is_pushed_whole_and_in_order(telegram: LoopbackTelegram, connect: Connect) -> None:
    seen: Seen = []
    connect(on_push=seen.append).open()
    posted = [telegram.post(NAME, str(number)) for number in range(200)]
    wait_for("all of them", lambda: len(seen) == 200)
    assert [ids(pushed.found) for pushed in seen] == [[number] for number in posted]
    assert telegram.count("GetChannelDifferenceRequest") == 0


def test_a_gap_shows_at_once_and_nobody_asks_behind_the_guards_back(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    seen: Seen = []
    connect(on_push=seen.append).open()
    telegram.forget_calls()
    telegram.post(NAME, "first")
    telegram.post(NAME, "in the gap", push=False)
    for number in range(20):
        telegram.post(NAME, f"after it {number}")
    wait_for("what was pushed", lambda: len(seen) == 21)
    assert [(pushed.pts, pushed.pts_count) for pushed in seen[:3]] == [(2, 1), (4, 1), (5, 1)]
    assert telegram.calls() == []


def test_too_much_to_push_counts_as_a_new_link(telegram: LoopbackTelegram, connect: Connect) -> None:
    connection = connect(on_push=lambda _pushed: None)
    connection.open()
    before = connection.generation
    telegram.run(lambda server: server.push(types.UpdatesTooLong()))
    wait_for("it to be told", lambda: connection.generation > before)
    assert connection.connected


def test_pushes_go_on_over_a_new_link_and_only_once(telegram: LoopbackTelegram, connect: Connect) -> None:
    seen: Seen = []
    connection = connect(on_push=seen.append)
    connection.open()
    for number in range(3):
        telegram.drop_all()
        wait_for("the loss", lambda: not connection.connected or telegram.connections() == 1)
        connection.reconnect()
        telegram.post(NAME, f"after loss {number}")
        wait_for("the post", lambda: len(seen) == number + 1)  # noqa: B023 - it is called at once
    assert [texts(pushed.found) for pushed in seen] == [[f"after loss {number}"] for number in range(3)]


def test_a_connection_that_does_not_listen_asks_for_no_updates(
    telegram: LoopbackTelegram, connect: Connect
) -> None:
    connect().open()
    assert telegram.run(lambda server: [each.wants_updates for each in server.connections]) == [False]
