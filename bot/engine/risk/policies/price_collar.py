"""An entry's price against two sources: the last trade, and the middle of the book."""

from decimal import Decimal

from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import FAULT, OPEN, UNKNOWN, Backtest, Failure, Gate, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.figures import plainly


def _off_pct(price: Decimal, source: Decimal) -> Decimal:
    return abs(price - source) / source * 100


def _collar(state: EngineState, market: Market) -> Gate:
    name, title, most = "collar", "Price collar", state.settings.price_collar_pct
    limit = f"≤ {plainly(most)} %"
    if market.price is None or market.bid is None or market.ask is None:
        return Gate(name, title, UNKNOWN, "one source", limit, "with both prices")
    if not market.bid < market.ask or market.bid <= 0:
        return Gate(name, title, FAULT, "crossed book", limit, "when the best bid is below the best ask")
    off_pct = float(_off_pct(market.price, (market.bid + market.ask) / 2))
    verdict = OPEN if off_pct <= most else FAULT
    return Gate(name, title, verdict, f"{off_pct:.2f} %", limit, "when trade and book agree")


def _collar_of_order(state: EngineState, spec: OrderSpec) -> Refusal | None:
    market, limit = state.markets.by_product[spec.product_id], state.settings.price_collar_pct
    if market.price is None or market.bid is None or market.ask is None:
        return Refusal("collar", "one source", "two sources")
    price = spec.limit_price or spec.expected_price
    for source in (market.price, (market.bid + market.ask) / 2):
        off_pct = _off_pct(price, source)
        if off_pct > Decimal(str(limit)):
            return Refusal("collar", f"{off_pct:.2f} %", f"{plainly(limit)} %")
    return None


POLICY = RiskPolicy(
    "collar",
    "Price collar",
    "Last trade, middle of the book and the entry's price agree",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    ("PRICE_COLLAR_PCT",),
    "there is one source of prices, so none contradicted another",
    judge=_collar,
    check=_collar_of_order,
)
