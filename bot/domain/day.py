"""The trading day: what it started with, what was realised, and whether its loss shut entries."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from shared.money import ZERO


@dataclass(frozen=True, slots=True)
class TradingDay:
    """One UTC day. Amounts in the quote currency; there is exactly one row for each date."""

    day: str  # YYYY-MM-DD, UTC
    start_equity: Decimal
    start_unrealized: Decimal
    peak_equity: Decimal
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    transfers: Decimal = ZERO  # deposits positive; what the fills do not explain
    breaker_ms: int | None = None
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def loss_base(self) -> Decimal:
        """What the day's loss is a share of: equity at its start; where there was none, what was paid in since."""
        return self.start_equity if self.start_equity > 0 else max(self.transfers, ZERO)

    def counted(self, name: str) -> "TradingDay":
        """The day with one more of `name`."""
        return replace(self, counters={**self.counters, name: self.counters.get(name, 0) + 1})

    def count(self, name: str) -> int:
        return self.counters.get(name, 0)
