"""Heartbeats: the last sign of life of every component."""

from typing import TYPE_CHECKING

from tutordex_dagster.store.heartbeats import Heartbeat, Heartbeats

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


def test_only_the_last_heartbeat_of_a_component_is_kept(world: "World") -> None:
    heartbeats = Heartbeats(world.db, clock=world.clock)
    assert heartbeats.all() == []
    heartbeats.beat("tail", "host:1", {"channels": 3})
    heartbeats.beat("other", "host:9")
    world.clock.forward(minutes=1)
    heartbeats.beat("tail", "host:2", {"channels": 4, "error": None})
    other, tail = heartbeats.all()
    assert tail == Heartbeat(
        component="tail", holder="host:2", at=world.clock(), detail={"channels": 4, "error": None}
    )
    assert (other.component, other.detail) == ("other", {})
