"""Executions of own orders."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.kinds import Side


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an own order. `(order_id, trade_id)` names it; a fill seen twice is one fill."""

    order_id: str
    trade_id: str
    client_order_id: str
    product_id: str
    side: Side
    price: Decimal
    base_size: Decimal
    fee: Decimal  # units of `fee_currency`
    liquidity: str  # maker, taker, unknown
    exchange_ms: int
    fee_currency: str | None = None  # None = the quote currency
