"""When each limit last tripped: kept as key-value pairs in the ledger, so that a restart does not make it "never"."""

from collections.abc import Iterable

from bot.engine.state.engine_state import EngineState
from shared.documents.risk import LimitDoc

PREFIX = "last_trip:"
SINCE = "trips_since"
# A value at its limit may go to and fro each second: it counts as clear after it was so for a while.
STEADY_MS = 30_000


def seen(state: EngineState, name: str) -> None:
    """The limit tripped now."""
    state.save_value(PREFIX + name, str(state.clock.now_ms))


def at_ms(state: EngineState, name: str) -> int | None:
    """When it last tripped; None = not since `since_ms`."""
    kept = state.records.key_values.get(PREFIX + name)
    return int(kept) if kept else None


def since_ms(state: EngineState) -> int | None:
    """From when on trips are remembered: nothing is said of what was before."""
    kept = state.records.key_values.get(SINCE)
    return int(kept) if kept else None


def follow(state: EngineState, limits: Iterable[LimitDoc]) -> None:
    """Once a second: remember the limits that are over now and were not."""
    if SINCE not in state.records.key_values:
        state.save_value(SINCE, str(state.clock.now_ms))
    over = state.risk.over_ms
    for limit in limits:
        if limit.state == "tripped":
            if limit.name not in over:
                seen(state, limit.name)
            over[limit.name] = state.clock.now_ms
        elif limit.name in over and state.clock.now_ms - over[limit.name] >= STEADY_MS:
            del over[limit.name]
