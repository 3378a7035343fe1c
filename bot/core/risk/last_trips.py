"""When each limit last tripped: facts of the ledger, so that a restart does not make it "never"."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.documents import LimitDoc

if TYPE_CHECKING:
    from bot.core.world import World

PREFIX = "last_trip:"
SINCE = "trips_since"
# A value at its limit may go to and fro each second: it counts as clear after it was so for a while.
STEADY_MS = 30_000


def seen(world: "World", name: str) -> None:
    """The limit tripped now."""
    world.save_fact(PREFIX + name, str(world.now_ms))


def at_ms(world: "World", name: str) -> int | None:
    """When it last tripped; None = not since `since_ms`."""
    kept = world.facts.get(PREFIX + name)
    return int(kept) if kept else None


def since_ms(world: "World") -> int | None:
    """From when on trips are remembered: nothing is said of what was before."""
    kept = world.facts.get(SINCE)
    return int(kept) if kept else None


def follow(world: "World", limits: Iterable[LimitDoc]) -> None:
    """Once a second: remember the limits that are over now and were not."""
    if SINCE not in world.facts:
        world.save_fact(SINCE, str(world.now_ms))
    over = world.risk.over_ms
    for limit in limits:
        if limit.state == "tripped":
            if limit.name not in over:
                seen(world, limit.name)
            over[limit.name] = world.now_ms
        elif limit.name in over and world.now_ms - over[limit.name] >= STEADY_MS:
            del over[limit.name]
