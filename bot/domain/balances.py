"""Balances and fee rates as the exchange states them."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    currency: str
    available: Decimal
    hold: Decimal

    @property
    def total(self) -> Decimal:
        return self.available + self.hold


@dataclass(frozen=True, slots=True)
class FeeRates:
    """The live tier; rates are fractions of the notional (0.009 = 0.9 %)."""

    maker: Decimal
    taker: Decimal
    tier: str
