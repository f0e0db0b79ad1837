"""Signing in with an unmodified client: by code, password, or another device."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from telethon import TelegramClient, errors

from tests.integration.mtproto.world import NAME, connected, in_a_loop, until
from tests.mtproto.accounts import Account
from tests.mtproto.server import MTServer


@dataclass(kw_only=True)
class Door:
    """A server, an account nobody has signed in to, and a client with its key."""

    server: MTServer
    account: Account
    client: TelegramClient


@asynccontextmanager
async def closed_door(password: str | None = None) -> AsyncIterator[Door]:
    """Connect a client with a key that is not signed in."""
    async with MTServer() as server:
        server.add_channel(NAME).post("hello")
        account = server.account(signed_in=False, password=password)
        async with connected(server.session()) as client:
            yield Door(server=server, account=account, client=client)


@in_a_loop
async def test_a_key_nobody_signed_in_with_reads_nothing() -> None:
    async with closed_door() as door:
        assert await door.client.get_me() is None
        assert not await door.client.is_user_authorized()
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await door.client.get_messages(NAME)


@in_a_loop
async def test_the_code_opens_the_account() -> None:
    async with closed_door() as door:
        await door.client.send_code_request(f"+{door.account.phone}")
        with pytest.raises(errors.PhoneCodeInvalidError):
            await door.client.sign_in(code="54321")
        user = await door.client.sign_in(code=door.server.login_code)
        assert user.id == door.account.user.id
        assert [each.message for each in await door.client.get_messages(NAME)] == ["hello"]


@in_a_loop
async def test_a_number_without_account_or_banned_gets_no_code() -> None:
    async with closed_door() as door:
        with pytest.raises(errors.PhoneNumberInvalidError):
            await door.client.send_code_request("+6599999999")
        door.server.ban(door.account)
        with pytest.raises(errors.PhoneNumberBannedError):
            await door.client.send_code_request(door.account.phone)


@in_a_loop
async def test_an_account_with_a_password_asks_for_it_after_the_code() -> None:
    async with closed_door("kaya toast") as door:
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await door.client.sign_in(password="kaya toast")  # noqa: S106 - made up
        await door.client.send_code_request(door.account.phone)
        with pytest.raises(errors.SessionPasswordNeededError):
            await door.client.sign_in(code=door.server.login_code)
        with pytest.raises(errors.PasswordHashInvalidError):
            await door.client.sign_in(password="kopi o")  # noqa: S106 - made up
        assert await door.client.get_me() is None
        user = await door.client.sign_in(password="kaya toast")  # noqa: S106 - made up
        assert user.id == door.account.user.id
        assert await door.client.is_user_authorized()


@in_a_loop
async def test_another_device_lets_the_client_in_by_its_token() -> None:
    async with closed_door() as door:
        code = await door.client.qr_login()
        first = code.token
        await code.recreate()
        assert code.token != first
        waiting = asyncio.create_task(code.wait(10))
        await until("the listener", door.client.list_event_handlers)
        door.server.accept_login(code.token)
        assert (await waiting).id == door.account.user.id
        assert await door.client.is_user_authorized()


@in_a_loop
async def test_a_token_of_an_account_with_a_password_leads_to_the_password() -> None:
    async with closed_door("kaya toast") as door:
        code = await door.client.qr_login()
        waiting = asyncio.create_task(code.wait(10))
        await until("the listener", door.client.list_event_handlers)
        door.server.accept_login(code.token)
        with pytest.raises(errors.SessionPasswordNeededError):
            await waiting
        await door.client.sign_in(password="kaya toast")  # noqa: S106 - made up
        assert await door.client.is_user_authorized()


@in_a_loop
async def test_a_session_ended_elsewhere_can_sign_in_again() -> None:
    async with closed_door() as door:
        for _ in range(2):
            await door.client.send_code_request(door.account.phone)
            assert await door.client.sign_in(code=door.server.login_code)
            door.server.unauthorize(door.account)
            assert await door.client.get_me() is None


@in_a_loop
async def test_after_logging_out_the_key_is_nobodys() -> None:
    async with MTServer() as server:
        async with connected(server.session()) as client:
            assert await client.log_out()
        async with connected(server.session()) as client:
            assert await client.get_me() is None
