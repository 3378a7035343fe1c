"""Guards that shut entries for a while: one line in the activity log when one does, one when it opens.

A guard at its limit may go to and fro with every price: it counts as open again after it was so for a while.
"""

from collections.abc import Callable, Sequence

from bot.engine.risk import last_trips
from bot.engine.risk.guard import Band, Guard, Reading
from bot.engine.risk.policy import RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.risk import Trip
from shared.figures import plainly

STEADY_MS = 30_000


Read = Callable[[RiskPolicy, Guard, EngineState, Market], Reading]


def note(state: EngineState, policies: Sequence[RiskPolicy], read: Read) -> None:
    """Compare what is shut now with what was; what latches has its own line."""
    markets = list(state.markets.by_product.values())
    for policy in policies:
        guard = policy.guard
        if guard is None or guard.latches:
            continue
        for market in markets if guard.per_product else markets[:1]:
            reading = read(policy, guard, state, market)
            if reading.band is not Band.TRIPPED and not state.risk.tripped:
                continue
            key = (guard.name, market.instrument.product_id if guard.per_product else "")
            trip = state.risk.tripped.get(key)
            if reading.band is Band.TRIPPED:
                if trip is None:
                    state.risk.tripped[key] = Trip(state.clock.now_ms, state.clock.now_ms)
                    last_trips.seen(state, guard.name)
                    _say(state, guard, key[1], reading)
                else:
                    trip.shut_ms = state.clock.now_ms
            elif trip is not None and state.clock.now_ms - trip.shut_ms >= STEADY_MS:
                del state.risk.tripped[key]
                seconds = (trip.shut_ms - trip.at_ms) // 1000
                _write(state, key[1], f"{guard.title}: open again after {seconds} s", "info")


def _say(state: EngineState, guard: Guard, product_id: str, reading: Reading) -> None:
    value = f"{plainly(reading.value, 6)}" if reading.value is not None else "not a number"
    unit = f" {guard.unit}" if guard.unit else ""
    text = f"{guard.title}: {value}{unit} (limit {plainly(reading.limit)}): no entries; opens again {guard.opens}"
    _write(state, product_id, text, "bad" if guard.broken else "warn")


def _write(state: EngineState, product_id: str, text: str, level: str) -> None:
    named = f"{product_id}: {text}" if product_id else text
    state.note("risk", named, level, product_id or None)
