"""Purchases and sales as they were paid, and what a sale came to."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill. `size` in base currency; `quote` is price times size, and `fee` beside it, both in quote currency."""

    at_ms: int
    trade_id: str
    product_id: str
    buys: bool
    size: Decimal
    quote: Decimal
    fee: Decimal
    lot_id: str | None  # None = of no lot that the ledger knows


@dataclass(frozen=True, slots=True)
class Disposal:
    """What a sale took from one purchase. Amounts in quote currency.

    `bought_ms`, `cost` and `gain` are None where more was sold than the ledger saw bought: what that had cost is not
    known, and is never taken as nothing.
    """

    product_id: str
    lot_id: str | None  # of the purchase
    bought_ms: int | None
    sold_ms: int
    size: Decimal
    proceeds: Decimal  # less the fee of the sale
    cost: Decimal | None  # with the fee of the purchase

    @property
    def gain(self) -> Decimal | None:
        return None if self.cost is None else self.proceeds - self.cost

    @property
    def sold_year(self) -> int:
        """UTC."""
        return datetime.fromtimestamp(self.sold_ms / 1000, UTC).year

    @property
    def held_days(self) -> int | None:
        """Whole days of 24 hours between purchase and sale."""
        return None if self.bought_ms is None else (self.sold_ms - self.bought_ms) // 86_400_000


@dataclass(frozen=True, slots=True)
class Holding:
    """What is left of one purchase, and what that part cost with its fee."""

    product_id: str
    lot_id: str | None
    bought_ms: int
    size: Decimal
    cost: Decimal
