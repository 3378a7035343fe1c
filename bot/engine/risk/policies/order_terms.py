"""The order's own terms: one size above zero, a price where it needs one, whole increments, the product's range."""

from bot.domain.kinds import OrderKind
from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import Backtest, Failure, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.money import plain


def _order_terms(state: EngineState, spec: OrderSpec) -> Refusal | None:
    found = _impossible(spec)
    if found is not None:
        return found
    market = state.markets.get(spec.product_id)
    if market is None:
        return Refusal("product", spec.product_id, "a product that is traded")
    return _increments(market, spec) or _range(market, spec)


def _impossible(spec: OrderSpec) -> Refusal | None:
    if not spec.client_order_id:
        return Refusal("client_order_id", "none", "an id of ours")
    sizes = [size for size in (spec.base_size, spec.quote_size) if size is not None]
    if len(sizes) != 1 or not sizes[0].is_finite() or sizes[0] <= 0:
        return Refusal("size", str(sizes), "one size above zero")
    price = spec.limit_price
    if spec.kind is OrderKind.LIMIT and (price is None or not price.is_finite() or price <= 0):
        return Refusal("price", str(price), "a price above zero")
    return None


def _increments(market: Market, spec: OrderSpec) -> Refusal | None:
    instrument = market.instrument
    for value, increment, code in (
        (spec.base_size, instrument.base_increment, "base_increment"),
        (spec.quote_size, instrument.quote_increment, "quote_increment"),
        (spec.limit_price, instrument.price_increment, "price_increment"),
    ):
        if value is not None and value % increment != 0:
            return Refusal(code, plain(value), f"whole steps of {plain(increment)}")
    return None


def _range(market: Market, spec: OrderSpec) -> Refusal | None:
    instrument = market.instrument
    if spec.base_size is not None and not instrument.base_min_size <= spec.base_size <= instrument.base_max_size:
        return Refusal(
            "base_size", plain(spec.base_size), f"{instrument.base_min_size:f} to {instrument.base_max_size:f}"
        )
    if spec.quote_size is not None and not instrument.quote_min_size <= spec.quote_size <= instrument.quote_max_size:
        text = f"{instrument.quote_min_size:f} to {instrument.quote_max_size:f}"
        return Refusal("quote_size", plain(spec.quote_size), text)
    return None


POLICY = RiskPolicy(
    "order_terms",
    "Order terms",
    "One size above zero, a price where one is needed, whole increments, within the product's range",
    Failure.CRITICAL,
    Backtest.MODELLED,
    check=_order_terms,
    entries_only=False,
)
