"""The second's look at the risk policies: what latches, what shuts for a while; their limits for the Risk page."""

from bot.engine.risk import failures, last_trips, trips
from bot.engine.risk.guard import Band, Guard, Reading
from bot.engine.risk.policies import registry
from bot.engine.risk.policy import RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.documents.risk import LimitDoc

FAILED = Reading(Band.TRIPPED, None, 0.0, False)


def read(policy: RiskPolicy, guard: Guard, state: EngineState, market: Market, *, looking: bool = False) -> Reading:
    """The guard's answer; one that raises refuses. Looking counts no failure."""
    try:
        return guard.read(state, market)
    except Exception as error:  # fail closed: whatever went wrong, no entry
        if not looking:
            failures.count(state, policy, error)
        return FAILED


def tick(state: EngineState) -> None:
    """Once a second: what latches, latches until a person presses Start; what shuts for a while is written down."""
    if not state.control.ready:
        return
    trips.note(state, registry.POLICIES.all, read)
    before = state.control.entries_latched
    why = state.risk.failed or (None if before else _why_latched(state))
    if why is not None:
        state.latch_entries(why)
        if state.control.entries_latched != before:
            state.note("risk", f"no entry until Start is pressed: {why}", "bad")
    state.risk.failed = None


def _why_latched(state: EngineState) -> str | None:
    market = next(iter(state.markets.by_product.values()), None)
    if market is None:
        return None
    for policy in registry.POLICIES.all:
        try:
            why = policy.latch(state, market) if policy.latch is not None else None
        except Exception as error:  # fail closed
            failures.count(state, policy, error)
            continue
        if why is not None:
            if policy.guard is not None:
                last_trips.seen(state, policy.guard.name)
            return why
    return None


def started(state: EngineState) -> None:
    """A person pressed Start: what waited for that begins anew."""
    for policy in registry.POLICIES.all:
        if policy.restart is not None:
            try:
                policy.restart(state)
            except Exception as error:  # the others begin anew all the same
                failures.count(state, policy, error)
    state.risk.failed = None


def limits(state: EngineState) -> list[LimitDoc]:
    """Every limit in the order of the policies; of a product's guard the product that stands worst."""
    markets, found = list(state.markets.by_product.values()), list[LimitDoc]()
    for policy in registry.POLICIES.all:
        if policy.limits is not None:
            found += policy.limits(state)
        if policy.guard is not None and markets:
            found.append(_limit(policy, policy.guard, state, markets))
    return found


def plain_limits(state: EngineState) -> list[LimitDoc]:
    """Those that are no guards: a value and what it must stay below."""
    return [limit for policy in registry.POLICIES.all if policy.limits is not None for limit in policy.limits(state)]


def _limit(policy: RiskPolicy, guard: Guard, state: EngineState, markets: list[Market]) -> LimitDoc:
    shown = markets if guard.per_product else markets[:1]
    readings = [(read(policy, guard, state, market, looking=True), market) for market in shown]
    reading, market = max(readings, key=lambda pair: _badness(guard, pair[0]))
    shown_band = Band.WARN if reading.band is Band.UNKNOWN and not reading.approved else reading.band
    named = guard.per_product and len(markets) > 1 and reading.band is not Band.OFF
    product = guard.note(state, market) if guard.note is not None else market.instrument.product_id
    return LimitDoc(
        name=guard.name,
        title=guard.title,
        value=round(reading.value, 6) if reading.value is not None else None,
        limit=reading.limit or None,
        unit=guard.unit,
        state=shown_band.value,
        note=product if named else None,
        at_least=guard.at_least,
    )


_WORSE = {Band.OFF: 0, Band.OK: 1, Band.UNKNOWN: 2, Band.WARN: 3, Band.TRIPPED: 4}


def _badness(guard: Guard, reading: Reading) -> tuple[int, float]:
    value = reading.value or 0.0
    return _WORSE[reading.band], -value if guard.at_least else value
