"""One channel of Telegram as a source."""

from datetime import UTC, datetime, timedelta

import pytest
from telethon.tl import TLRequest, functions, types

from tests.integration.telegram.world import NAME, START, STEP, ids, texts
from tests.mtproto.loopback import LoopbackTelegram, fault
from tutordex_dagster.capture.contract import Changes, Message, Unreadable
from tutordex_dagster.capture.telegram.source import TelegramSource
from tutordex_dagster.windows import Window

HISTORY = functions.messages.GetHistoryRequest
DIFFERENCE = functions.updates.GetChannelDifferenceRequest
Habit = bool
"""Which of two ways the real servers may go."""

BOTH_READINGS = pytest.mark.parametrize("date_inclusive", [False, True])


def after(**time: float) -> datetime:
    return START + timedelta(**time)


def read_dates(telegram: LoopbackTelegram, *, inclusively: bool) -> None:
    telegram.server.habits.date_inclusive = inclusively


def changes(source: TelegramSource, since: int) -> Changes:
    found = source.changes(since)
    assert found is not None
    return found


@BOTH_READINGS
@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(after(), after(seconds=1)), range(1, 2)),
        (Window(after(hours=1), after(hours=2)), range(361, 721)),
        (Window(after(hours=1, seconds=1), after(hours=1, seconds=10)), range(0)),
        (Window(after(hours=1, seconds=1), after(hours=1, seconds=11)), range(362, 363)),
        (Window(after(hours=2), after(hours=9)), range(721, 1001)),
        (Window(after(hours=8), after(hours=9)), range(0)),
        (Window(after(hours=-9), after(hours=-8)), range(0)),
        (Window(datetime(1999, 1, 1, tzinfo=UTC), after(seconds=20)), range(1, 3)),
    ],
)
def test_a_window_holds_what_was_posted_in_it_however_telegram_reads_dates(
    telegram: LoopbackTelegram, source: TelegramSource, date_inclusive: Habit, window: Window, expected: range
) -> None:
    read_dates(telegram, inclusively=date_inclusive)
    assert ids(source.read(window)) == list(expected)


@BOTH_READINGS
def test_several_messages_of_one_second_on_the_edges_are_read_whole(
    telegram: LoopbackTelegram, source: TelegramSource, date_inclusive: Habit
) -> None:
    read_dates(telegram, inclusively=date_inclusive)
    since, until = after(days=1), after(days=1, hours=1)
    edges = [since - timedelta(seconds=1)] * 3 + [since] * 150 + [until] * 3
    posted = [telegram.post(NAME, "x", date, push=False) for date in edges]
    assert ids(source.read(Window(since, until))) == posted[3:153]


def test_an_hour_of_360_messages_takes_four_calls(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    assert len(list(source.read(Window(after(hours=1), after(hours=2))))) == 360
    assert telegram.count("GetHistoryRequest") == 4


def test_holes_in_the_ids_are_no_end(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    telegram.delete(NAME, *range(100, 400), *range(501, 1000, 2), push=False)
    left = [*range(1, 100), *range(400, 501), *range(502, 1001, 2)]
    assert ids(source.read(Window(after(), after(days=1)))) == left
    assert ids(source.newer(350)) == [number for number in left if number > 350]


def test_a_page_that_telegram_cut_short_is_no_end(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    def only_the_first(request: TLRequest) -> object:
        request.limit, request.add_offset = 1, -1
        return telegram.server.handlers[HISTORY](telegram.server, telegram.server.calls[-1])

    telegram.on(HISTORY, fault(result=only_the_first))
    assert ids(source.newer(0)) == list(range(1, 1001))


def test_posts_that_arrive_meanwhile_are_read_once_and_deletions_lose_nothing(
    telegram: LoopbackTelegram, source: TelegramSource
) -> None:
    found: list[Message | Unreadable] = []
    for number, message in enumerate(source.read(Window(after(), after(days=1)))):
        found.append(message)
        if number == 150:
            telegram.post(NAME, "new", after(hours=20), push=False)
            telegram.delete(NAME, 10, 120, 201, 205, push=False)
    assert ids(found) == [*range(1, 201), 202, 203, 204, *range(206, 1002)]


def test_newer_yields_what_exists_after_an_id(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    assert ids(source.newer(0)) == list(range(1, 1001))
    assert ids(source.newer(990)) == list(range(991, 1001))
    assert ids(source.newer(1000)) == []
    assert ids(source.newer(5000)) == []
    telegram.post(NAME, "one more", push=False)
    assert texts(source.newer(1000)) == ["one more"]


def test_newest_returns_the_last_ones_oldest_first(
    telegram: LoopbackTelegram, source: TelegramSource
) -> None:
    assert ids(source.newest(3)) == [998, 999, 1000]
    telegram.forget_calls()
    assert ids(source.newest(250)) == list(range(751, 1001))
    assert telegram.count("GetHistoryRequest") == 3
    assert ids(source.newest(5000)) == list(range(1, 1001))
    assert ids(source.newest(0)) == []


def test_the_difference_tells_posts_edits_and_deletions(
    telegram: LoopbackTelegram, source: TelegramSource
) -> None:
    for real_pts in (True, False):
        telegram.server.habits.diff_real_pts = real_pts
        since = source.cursor()
        new = telegram.post(NAME, "as posted", push=False)
        telegram.edit(NAME, new, "as edited", push=False)
        telegram.edit(NAME, 5, f"old, edited {real_pts}", push=False)
        telegram.delete(NAME, 6 + real_pts, push=False)
        found = changes(source, since)
        assert texts(found.found) == ["as posted", "as edited", f"old, edited {real_pts}"]
        assert ids(found.found) == [new, new, 5]
        assert list(found.deleted) == [6 + real_pts]
        assert (found.cursor, found.final) == (telegram.pts(NAME), True)
        assert changes(source, found.cursor) == Changes(found=(), deleted=(), cursor=found.cursor)


def test_a_long_difference_comes_in_parts(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    telegram.server.habits.diff_too_long = False
    cursor = source.cursor()
    parts: list[Changes] = []
    posted = [telegram.post(NAME, str(number), push=False) for number in range(250)]
    while not parts or not parts[-1].final:
        parts.append(changes(source, cursor))
        cursor = parts[-1].cursor
    assert [message_id for part in parts for message_id in ids(part.found)] == posted
    assert [len(part.found) for part in parts] == [100, 100, 50]
    assert cursor == telegram.pts(NAME)


def test_too_much_or_too_old_a_difference_cannot_be_told(
    telegram: LoopbackTelegram, source: TelegramSource
) -> None:
    since = source.cursor()
    for number in range(101):
        telegram.post(NAME, str(number), push=False)
    assert source.changes(since) is None
    assert source.changes(since + 1) is not None
    telegram.forget_log(NAME)
    assert source.changes(since + 100) is None


@pytest.mark.parametrize("refusal", ["PERSISTENT_TIMESTAMP_INVALID", "PERSISTENT_TIMESTAMP_EMPTY"])
def test_a_cursor_that_telegram_refuses_cannot_be_told(
    telegram: LoopbackTelegram, source: TelegramSource, refusal: str
) -> None:
    telegram.on(DIFFERENCE, fault(error=(400, refusal)))
    assert source.changes(1) is None


def test_records_tell_where_they_come_from(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    telegram.post(NAME, "hello", push=False)
    first = next(source.read(Window(START, START + STEP)))
    last = changes(source, 1).found[0]
    assert isinstance(first, Message)
    assert isinstance(last, Message)
    assert first.payload.startswith(b'{"layer":229,"via":"history","pts":2,"message":{"_":"Message","id":1,')
    assert last.payload.startswith(b'{"layer":229,"via":"difference","pts":2,"message":{"_":"Message"')


def test_a_defective_message_spoils_only_itself(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    telegram.post(NAME, "from before Telegram", datetime(2001, 1, 1, tzinfo=UTC), push=False)
    telegram.post(NAME, "fine", after(days=1), push=False)
    bad, good = source.newer(1000)
    assert bad == Unreadable(
        reason="message 1001 cannot be read (it is dated 2001-01-01, before Telegram began)", message_id=1001
    )
    assert isinstance(good, Message)


def test_service_messages_are_read_as_such(telegram: LoopbackTelegram, source: TelegramSource) -> None:
    channel = telegram.server.by_name[NAME]
    renamed = types.MessageActionChatEditTitle("New name")
    service = types.MessageService(id=1001, peer_id=channel.peer, date=after(days=1), action=renamed)
    telegram.run(lambda _: channel.post(service, push=False))
    (message,) = source.newer(1000)
    assert isinstance(message, Message)
    assert (message.kind, message.text) == ("service", "")


def test_the_source_vouches_for_everything_until_now(source: TelegramSource) -> None:
    assert source.vouches_until(START) == source.observed_at(START) == START
    assert source.authoritative
    assert source.kind == "telegram"
