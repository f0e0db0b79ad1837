"""The loopback Telegram in its own thread, as synchronous tests use it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from telethon import TelegramClient, errors
from telethon.sessions import StringSession
from telethon.tl.types import MessageActionPinMessage, MessageService

from tests.integration.mtproto.world import HISTORY, NAME, START, STEP, connected, heard_by, until
from tests.mtproto.loopback import LoopbackTelegram, fault

REPOSITORY = Path(__file__).parents[3]

T = TypeVar("T")


@pytest.fixture
def telegram() -> Iterator[LoopbackTelegram]:
    with LoopbackTelegram() as telegram:
        telegram.channel(NAME)
        telegram.fill(NAME, 250, START, STEP)
        yield telegram


def with_client(
    telegram: LoopbackTelegram, do: Callable[[TelegramClient], Awaitable[T]], number: int = 0
) -> T:
    """Do something with a connected client of this account, and disconnect it."""
    session = StringSession(telegram.session_string(number))

    async def run() -> T:
        async with connected(session) as client:
            return await do(client)

    return asyncio.run(asyncio.wait_for(run(), 60))


async def texts(client: TelegramClient) -> list[str]:
    """Return the texts of the channel, oldest first."""
    return [each.message async for each in client.iter_messages(NAME, wait_time=0, reverse=True)]


def test_the_truth_is_what_a_client_reads_after_posts_edits_and_deletions(telegram: LoopbackTelegram) -> None:
    posted = telegram.post(NAME, "new", START, push=False)
    telegram.edit(NAME, 3, "changed")
    telegram.delete(NAME, 1, 2)
    truth = telegram.truth(NAME)
    assert (truth[posted], truth[3], posted, len(truth)) == ("new", "changed", 251, 249)
    assert with_client(telegram, texts) == list(truth.values())
    assert telegram.count("GetHistoryRequest") == 4
    assert telegram.calls()[-1].name == "GetHistoryRequest"
    telegram.forget_calls()
    assert telegram.calls() == []


def test_service_messages_are_no_part_of_the_truth(telegram: LoopbackTelegram) -> None:
    def pin(name: str) -> int:
        channel = telegram.server.by_name[name]
        action = MessageActionPinMessage()
        return int(channel.post(MessageService(id=251, peer_id=channel.peer, date=START, action=action)).id)

    assert telegram.run(lambda _: pin(NAME.lower())) == 251
    assert 251 not in telegram.truth(NAME)


def test_what_does_not_exist_cannot_be_deleted_or_edited(telegram: LoopbackTelegram) -> None:
    with pytest.raises(KeyError):
        telegram.delete(NAME, 999)
    with pytest.raises(KeyError):
        telegram.edit(NAME, 999, "never")
    assert len(telegram.truth(NAME)) == 250


def test_messages_carry_the_dates_of_the_servers_clock() -> None:
    noon = datetime(2020, 2, 29, 12, tzinfo=UTC)
    with LoopbackTelegram(clock=lambda: noon) as telegram:
        telegram.channel(NAME)
        telegram.post(NAME, "now")
        telegram.post(NAME, "then", noon - timedelta(days=400))

        async def dates(client: TelegramClient) -> list[datetime]:
            return [each.date for each in await client.get_messages(NAME, limit=2)]

        assert with_client(telegram, dates) == [noon - timedelta(days=400), noon]


def test_a_listening_client_hears_a_post_that_another_thread_makes(telegram: LoopbackTelegram) -> None:
    async def listen(client: TelegramClient) -> list[tuple[object, ...]]:
        heard = heard_by(client)
        await asyncio.to_thread(telegram.post, NAME, "news")
        await until("the post", lambda: heard)
        return heard

    assert with_client(telegram, listen) == [("new", 251, "news")]


def test_a_server_that_was_away_is_back_at_its_port(telegram: LoopbackTelegram) -> None:
    port = telegram.port

    async def read_through_an_outage(client: TelegramClient) -> list[str]:
        await asyncio.to_thread(telegram.stop_listening)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.create_task(texts(client))
        await asyncio.to_thread(telegram.listen_again)
        return await reading

    assert len(with_client(telegram, read_through_an_outage)) == 250
    assert (telegram.port, telegram.most_connections()) == (port, 1)


def test_a_half_open_link_loses_what_is_sent_and_a_new_connection_gets_through(
    telegram: LoopbackTelegram,
) -> None:
    async def read_through_silence(client: TelegramClient) -> list[str]:
        await asyncio.to_thread(telegram.mute)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await texts(client)
        await asyncio.to_thread(telegram.unmute)
        await asyncio.to_thread(telegram.drop_all)
        return await texts(client)

    assert len(with_client(telegram, read_through_silence)) == 250


def test_a_flood_limit_and_faults_hold_until_they_are_lifted(telegram: LoopbackTelegram) -> None:
    async def read_once(client: TelegramClient) -> int:
        client.flood_sleep_threshold = 0
        return len(await client.get_messages(NAME, limit=1))

    telegram.flood(HISTORY, 0, 100)
    with pytest.raises(errors.FloodWaitError) as refused:
        with_client(telegram, read_once)
    assert refused.value.seconds == 100
    telegram.no_flood(HISTORY)
    telegram.on(HISTORY, fault(error=(400, "CHANNEL_INVALID")), times=float("inf"))
    for _ in range(2):
        with pytest.raises(errors.ChannelInvalidError):
            with_client(telegram, read_once)
    telegram.clear_faults()
    telegram.private(NAME)
    with pytest.raises(errors.ChannelPrivateError):
        with_client(telegram, read_once)
    telegram.private(NAME, private=False)
    assert with_client(telegram, read_once) == 1


def test_a_mistake_in_a_fault_answers_at_once_and_is_raised_in_the_end() -> None:
    with pytest.raises(BaseExceptionGroup) as raised, LoopbackTelegram() as telegram:  # noqa: PT012 - leaving raises
        telegram.channel(NAME)
        telegram.on(HISTORY, fault(result=lambda request: request.no_such_field))
        with pytest.raises(errors.BadRequestError, match="LOOPBACK_BUG"):
            with_client(telegram, texts)
    assert [type(each) for each in raised.value.exceptions] == [AttributeError]


def test_a_link_shown_as_code_lets_an_account_in(telegram: LoopbackTelegram) -> None:
    account = telegram.account(1, signed_in=False)

    async def sign_in(client: TelegramClient) -> int:
        code = await client.qr_login()
        waiting = asyncio.create_task(code.wait(10))
        await until("the listener", client.list_event_handlers)
        await asyncio.to_thread(telegram.accept_login, code.url)
        return int((await waiting).id)

    assert with_client(telegram, sign_in, 1) == account.user.id


def test_the_newest_token_is_accepted_when_none_is_named(telegram: LoopbackTelegram) -> None:
    telegram.account(1, signed_in=False)

    async def wait_outside(client: TelegramClient) -> bool:
        await client.qr_login()
        code = await client.qr_login()
        waiting = asyncio.create_task(code.wait(10))
        await until("the listener", client.list_event_handlers)
        await asyncio.to_thread(telegram.accept_login)
        await waiting
        return bool(await client.is_user_authorized())

    assert with_client(telegram, wait_outside, 1)


def test_the_same_seed_knows_the_sessions_of_before() -> None:
    with LoopbackTelegram(seed=b"again") as before:
        session, port = before.session_string(3), before.port
    with LoopbackTelegram(seed=b"again", port=port) as after:
        assert after.session_string(3) == session
        assert after.session_string(4) != session


def test_a_port_in_use_is_said_so(telegram: LoopbackTelegram) -> None:
    with pytest.raises(OSError, match="in use"), LoopbackTelegram(port=telegram.port):
        pass


def test_as_a_program_it_says_where_it_is_and_ends_with_its_input() -> None:
    command = [sys.executable, "-m", "tests.mtproto.serve", "--channels", "2", "--messages", "120"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout
        assert program.stdin
        ready = json.loads(program.stdout.readline())

        async def count() -> list[int]:
            async with connected(StringSession(ready["session"])) as client:
                return [(await client.get_messages(name, limit=0)).total for name in ready["channels"]]

        assert asyncio.run(asyncio.wait_for(count(), 60)) == [120, 120]
        program.stdin.close()
        assert program.wait(20) == 0
