"""A guard: one measured value against one limit, with a warning band below it.

Every guard answers the same way, so the gate list, the Risk page and the latches all read one `Reading`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.risk import guard_shut
from shared.settings import Settings

WARN_FROM = 0.8  # of the limit


class Band(StrEnum):
    OFF = "off"
    OK = "ok"
    WARN = "warn"
    TRIPPED = "tripped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """A guard's answer now. `approved` False = no entry."""

    band: Band
    value: float | None
    limit: float
    approved: bool


Measure = Callable[[EngineState, Market], float | None]  # None = not known (yet)


@dataclass(frozen=True, slots=True)
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

    def read(self, state: EngineState, market: Market) -> Reading:
        limit = self.limit_here(state, market) if self.limit_here is not None else self.limit(state.settings)
        if not limit:
            return Reading(Band.OFF, None, 0.0, True)
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
