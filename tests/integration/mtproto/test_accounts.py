"""Keys the loopback server turns away, and how many connections use one."""

import pytest
from telethon import errors

from tests.integration.mtproto.world import NAME, connected, heard_by, in_a_loop, small_world, until
from tests.mtproto.server import MTServer


@in_a_loop
async def test_a_forgotten_key_ends_the_client() -> None:
    async with small_world() as world:
        world.server.revoke(world.server.account())
        world.server.drop_all()
        with pytest.raises(errors.AuthKeyNotFound):
            await world.ids()
        assert not world.client.is_connected()


@in_a_loop
async def test_a_duplicated_key_is_refused_whatever_it_asks() -> None:
    async with small_world() as world:
        world.server.duplicate(world.server.account())
        with pytest.raises(errors.AuthKeyDuplicatedError):
            await world.ids()
        with pytest.raises(errors.AuthKeyDuplicatedError):
            async with connected(world.server.session()):
                pass


@pytest.mark.parametrize(
    ("event", "kind"),
    [(MTServer.ban, errors.UserDeactivatedBanError), (MTServer.unauthorize, errors.SessionRevokedError)],
)
@in_a_loop
async def test_an_account_that_was_shut_out_connects_as_nobody(event: object, kind: type[Exception]) -> None:
    assert callable(event)
    async with small_world() as world:
        event(world.server, world.server.account())
        with pytest.raises(kind):
            await world.ids()
        async with connected(world.server.session()) as client:
            assert await client.get_me() is None


@in_a_loop
async def test_a_shut_out_account_hears_nothing_more() -> None:
    async with MTServer() as server:
        channel, account = server.add_channel(NAME), server.account()
        async with connected(server.session()) as client:
            heard = heard_by(client)
            server.unauthorize(account)
            channel.post("while out")
            account.sign_in()
            channel.post("while in")
            await until("the post", lambda: heard)
            assert heard == [("new", 2, "while in")]


@in_a_loop
async def test_connections_of_one_key_at_once_are_counted() -> None:
    async with MTServer() as server:
        account = server.account()
        for _ in range(3):
            async with connected(server.session()):
                assert server.connections_of(account) == 1
        assert server.most_connections(account) == 1
        async with connected(server.session()), connected(server.session()):
            assert server.connections_of(account) == 2
        assert server.most_connections(account) == 2
        assert server.most_connections(server.account(1)) == 0
