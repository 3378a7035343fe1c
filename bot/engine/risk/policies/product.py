"""The exchange trades the product, in the way that an entry needs."""

from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import FAULT, OPEN, Backtest, Failure, Gate, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _product(state: EngineState, market: Market) -> Gate:
    halted = market.instrument.halted
    maker = state.settings.entry_order == "maker"
    if halted is None and not maker and (market.instrument.limit_only or market.instrument.post_only):
        halted = "limit orders only" if market.instrument.limit_only else "post-only"
    if halted is None:
        return Gate("product", "Product", OPEN, "online", None)
    return Gate("product", "Product", FAULT, halted, "online", "when the exchange trades it again")


def _product_of_order(state: EngineState, spec: OrderSpec) -> Refusal | None:
    """Of entries alone: what the product list said may be old, and must not hold back an exit."""
    halted = state.markets.by_product[spec.product_id].instrument.halted
    return Refusal("halted", halted, "online") if halted is not None else None


POLICY = RiskPolicy(
    "product",
    "Product",
    "The exchange trades the product, with orders of the entry's kind",
    Failure.RECOVERABLE,
    Backtest.LIVE_ONLY,
    assumed="every product was always traded",
    judge=_product,
    standing=True,
    check=_product_of_order,
)
