"""Changing the live version in a world, for the tests of promotion."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tutordex_dagster.store.promotion import Action, Promotions, Switched

if TYPE_CHECKING:
    from tests.integration.store.conftest import World


def promotions(world: "World") -> Promotions:
    """Return the promotions of the world's database."""
    return Promotions(world.db, clock=world.clock)


def reparse(world: "World", outcomes: Mapping[int, Sequence[str] | str], version: str = "v2") -> None:
    """Let a version read every post: message id → codes of its segments, or the reason to skip it."""
    world.queue.enqueue_window(version, channel_ids=[5], window=world.day, lane="reparse")
    world.extract(outcomes, version)


def switch(
    world: "World",
    version: str = "v2",
    *,
    live: str = "v1",
    after: int | None = None,
    action: Action = "promote",
) -> Switched:
    """Show a projection that was built, judged against `live`; its work was counted up to `after`, or now."""
    return promotions(world).switch(
        version,
        live=live,
        after=newest(world) if after is None else after,
        action=action,
        actor="me",
        fingerprint="f",
    )


def promote(world: "World", version: str = "v2", *, after: int | None = None) -> Switched:
    """Build a version's projection and show it."""
    promotions(world).build(version)
    return switch(world, version, live=world.assignments.begin_with("v1"), after=after)


def roll_back(world: "World") -> Switched:
    """Show again what was live before v2."""
    promotion = promotions(world).before("v2")
    assert promotion is not None
    promotions(world).build(promotion.previous)
    return switch(world, promotion.previous, live="v2", after=promotion.raw_id, action="rollback")


def newest(world: "World") -> int:
    """Return the newest raw id."""
    return int(world.rows("SELECT max(raw_id) AS n FROM telegram_messages_raw")[0]["n"])


def codes(world: "World") -> dict[int, list[str | None]]:
    """Return the shown codes by message, those of closed rows marked so."""
    found: dict[int, list[str | None]] = {}
    for (message_id, _), (code, status, _) in sorted(world.shown().items()):
        found.setdefault(message_id, []).append(code if status == "open" else f"{code} closed")
    return found
