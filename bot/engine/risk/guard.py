"""A guard: one measured value against one limit, with a warning band below it.

Every guard answers the same way, so the gate list, the Risk page and the latches all read one `Reading`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from bot.domain.kinds import OrderKind
from bot.domain.orders import OrderSpec
from bot.engine.risk import target_weight
from bot.engine.risk.limits import WARN_FROM
from bot.engine.risk.sizing import entry_size_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.risk import guard_shut
from shared.settings import Settings


class Band(StrEnum):
    OFF = "off"
    OK = "ok"
    WARN = "warn"
    TRIPPED = "tripped"
    UNKNOWN = "unknown"


class Reading(NamedTuple):
    """A guard's answer now. `approved` False = no entry."""

    band: Band
    value: float | None
    limit: float
    approved: bool


SWITCHED_OFF = Reading(Band.OFF, None, 0.0, True)


class Planned(NamedTuple):
    """An entry that is to be made. `own` is its client order id, where it is recorded and must not count twice."""

    quote: Decimal
    base: Decimal | None  # None = no price to turn `quote` with
    rests: bool  # post-only: it takes nothing from the book
    own: str | None = None


Measure = Callable[[EngineState, Market], float | None]  # None = not known (yet)
EntryMeasure = Callable[[EngineState, Market, Planned], float | None]


def planned_now(state: EngineState, market: Market) -> Planned:
    """The entry that would be made now."""
    quote, mark = entry_size_quote(state, market), market.mark
    base = quote / mark if mark is not None else None
    s = state.settings
    rests = s.exposure_maker_sec > 0 if target_weight.is_asked_for(state) else s.entry_order == "maker"
    return Planned(quote, base, rests)


def planned_of(market: Market, spec: OrderSpec) -> Planned:
    """The entry that `spec` is."""
    base = spec.base_size
    if base is None:
        base = spec.notional / (spec.limit_price or market.mark or spec.expected_price)
    return Planned(spec.notional, base, spec.kind is not OrderKind.MARKET, spec.client_order_id)


def at_decision(of_entry: EntryMeasure) -> Measure:
    """The measure of the entry that would be made now."""
    return lambda state, market: of_entry(state, market, planned_now(state, market))


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """`limit` 0 = off. Without `at_least` the value must stay below the limit, else it must reach it."""

    name: str
    title: str
    unit: str
    limit: Callable[[Settings], float]
    measure: Measure
    opens: str  # what opens it again, for a person
    at_least: bool = False
    reaching_is_fine: bool = False  # a cap: exactly at it is within
    unknown_shuts: bool = False
    broken: bool = False  # tripped means that something is wrong, not that a choice does its job
    latches: bool = False  # tripped once, a person must press Start
    per_product: bool = False
    unknown: str = "not known yet"  # what is said then
    # Where a limit is the product's own, or depends on what else is held: instead of `limit`.
    limit_here: Callable[[EngineState, Market], float] | None = None
    note: Callable[[EngineState, Market], str] | None = None  # what the Risk page says beside the product's name
    of_entry: EntryMeasure | None = None  # what `measure` takes of an entry: an order is judged by it as well

    def limit_of(self, state: EngineState, market: Market) -> float:
        """The limit in force; 0 = off."""
        return self.limit_here(state, market) if self.limit_here is not None else self.limit(state.settings)

    def read(self, state: EngineState, market: Market) -> Reading:
        # As `limit_of`, without a call: a page asks some hundred times for it, and so does each second.
        limit = self.limit_here(state, market) if self.limit_here is not None else self.limit(state.settings)
        if not limit:
            return SWITCHED_OFF
        value = self.measure(state, market)
        if value is None:
            return Reading(Band.UNKNOWN, None, limit, not self.unknown_shuts)
        if not math.isfinite(value):
            return Reading(Band.TRIPPED, None, limit, False)
        band = self._band(value, limit)
        return Reading(band, value, limit, band is not Band.TRIPPED)

    def _band(self, value: float, limit: float) -> Band:
        if guard_shut(value, limit, self.at_least, self.reaching_is_fine):
            return Band.TRIPPED
        near = value * WARN_FROM < limit if self.at_least else value >= WARN_FROM * limit
        return Band.WARN if near else Band.OK
