"""Open lots of the product and of all products; no second one without pyramiding."""

from bot.engine.risk.limits import plain_limit
from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.entries import lots_open
from shared.documents.risk import LimitDoc


def _lots(state: EngineState, market: Market) -> Gate:
    s = state.settings
    product_id = market.instrument.product_id
    mine, total = len(state.positions.lots.of(product_id)), len(state.positions.lots)
    if mine and not s.allow_pyramiding:
        return Gate("lots", "Lots", SHUT, f"{mine} open", "none open", "when the lot is closed")
    flight, flight_total = state.positions.lots_to_come(product_id), state.positions.lots_to_come()
    if not lots_open(mine, flight, s.max_concurrent_lots):
        return Gate("lots", "Lots", SHUT, str(mine), f"< {s.max_concurrent_lots}", "when a lot is closed")
    if not lots_open(total, flight_total, s.max_total_lots):
        return Gate("lots", "Lots in all", SHUT, str(total), f"< {s.max_total_lots}", "when a lot is closed")
    return Gate("lots", "Lots", OPEN, str(mine), f"< {s.max_concurrent_lots}")


def _limits(state: EngineState) -> list[LimitDoc]:
    return [plain_limit("lots", "Open lots", len(state.positions.lots), state.settings.max_total_lots, "lots")]


POLICY = RiskPolicy(
    "lots",
    "Lots",
    "Open lots of the product and in all below their limits; until a lot is closed",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_CONCURRENT_LOTS", "MAX_TOTAL_LOTS", "ALLOW_PYRAMIDING"),
    judge=_lots,
    of_lots=True,
    limits=_limits,
)
