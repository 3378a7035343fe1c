"""Guards that shut entries for a while: one line in the journal when one does, and one when it opens again.

A guard at its limit may go to and fro with every price: it counts as open again after it was so for a while.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bot.core.market import Market
from bot.core.risk import last_trips
from bot.core.risk.guard import Band, Guard, Reading
from bot.core.risk.memory import Trip
from shared.figures import plainly

if TYPE_CHECKING:
    from bot.core.world import World

STEADY_MS = 30_000


def note(world: "World", guards: Sequence[Guard], read: Callable[[Guard, "World", Market], Reading]) -> None:
    """Compare what is shut now with what was."""
    markets = list(world.markets.values())
    for guard in guards:
        for market in markets if guard.per_product else markets[:1]:
            reading = read(guard, world, market)
            key = (guard.name, market.product.product_id if guard.per_product else "")
            trip = world.risk.tripped.get(key)
            if reading.band is Band.TRIPPED:
                if trip is None:
                    world.risk.tripped[key] = Trip(world.now_ms, world.now_ms)
                    last_trips.seen(world, guard.name)
                    _say(world, guard, key[1], reading)
                else:
                    trip.shut_ms = world.now_ms
            elif trip is not None and world.now_ms - trip.shut_ms >= STEADY_MS:
                del world.risk.tripped[key]
                seconds = (trip.shut_ms - trip.at_ms) // 1000
                _write(world, key[1], f"{guard.title}: open again after {seconds} s", "info")


def _say(world: "World", guard: Guard, product_id: str, reading: Reading) -> None:
    value = f"{plainly(reading.value, 6)}" if reading.value is not None else "not a number"
    unit = f" {guard.unit}" if guard.unit else ""
    text = f"{guard.title}: {value}{unit} (limit {plainly(reading.limit)}): no entries; opens again {guard.opens}"
    _write(world, product_id, text, "bad" if guard.broken else "warn")


def _write(world: "World", product_id: str, text: str, level: str) -> None:
    named = f"{product_id}: {text}" if product_id else text
    world.note("risk", named, level, product_id or None)
