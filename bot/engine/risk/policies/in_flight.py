"""One entry of a product at a time: no other may still fill."""

from bot.engine.risk.policy import FAULT, OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _in_flight(state: EngineState, market: Market) -> Gate:
    name, title, product_id = "in_flight", "Entry in flight", market.instrument.product_id
    entries = state.orders.entries_in_flight(product_id)
    if not entries and product_id in state.positions.makers:
        return Gate(name, title, SHUT, "one, being repriced", "none", "when it is filled or given up")
    if not entries and product_id in state.positions.rebalances:
        return Gate(name, title, SHUT, "on its way to its target", "none", "when it is at its target")
    if not entries:
        return Gate(name, title, OPEN, "none", "none")
    unknown = any(order.state.value == "unknown" for order in entries)
    verdict, value = (FAULT, "answer unknown") if unknown else (SHUT, "one")
    return Gate(name, title, verdict, value, "none", "when the exchange shows what became of it")


POLICY = RiskPolicy(
    "in_flight",
    "Entry in flight",
    "No other entry of the product may still fill",
    Failure.CRITICAL,
    Backtest.MODELLED,
    judge=_in_flight,
)
