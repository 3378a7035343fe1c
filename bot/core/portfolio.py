"""Cash, holdings and equity: what the exchange said last, moved on by every fill since."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from bot.core.model import Balance, FeeRates, Fill, Side
from shared.money import ZERO


class Portfolio:
    """Balances by currency. A fill moves them at once; a quiet answer of the exchange confirms or corrects them."""

    def __init__(self, quote: str) -> None:
        self.quote = quote
        self.totals: dict[str, Decimal] = {}
        self.rates: FeeRates | None = None
        self.synced_ms: int | None = None
        self.asked_ms = 0  # when the balances were asked for: what was filled before is in them
        self.moved_ms = 0  # when a fill last moved them
        self.last_difference: dict[str, Decimal] = {}

    @property
    def known(self) -> bool:
        return self.synced_ms is not None

    @property
    def cash(self) -> Decimal:
        """Quote currency, available and held."""
        return self.totals.get(self.quote, ZERO)

    def apply_fill(self, fill: Fill, base: str, now_ms: int) -> None:
        """Move base and quote by one fill and its fee."""
        notional = fill.price * fill.base_size
        sign = 1 if fill.side is Side.BUY else -1
        self.totals[base] = self.totals.get(base, ZERO) + sign * fill.base_size
        self.totals[self.quote] = self.cash - sign * notional - fill.fee
        self.moved_ms = now_ms

    def adopt(self, balances: Iterable[Balance], asked_ms: int, now_ms: int) -> dict[str, Decimal]:
        """Take the exchange's word for all balances; the answer is by how much each differed from ours."""
        seen = {balance.currency: balance.total for balance in balances}
        first = not self.known
        differences = {
            currency: seen.get(currency, ZERO) - self.totals.get(currency, ZERO)
            for currency in seen.keys() | self.totals.keys()
        }
        self.totals, self.asked_ms, self.synced_ms = seen, asked_ms, now_ms
        self.last_difference = {} if first else {c: d for c, d in differences.items() if d != 0}
        return self.last_difference

    def holdings_value(self, mark_of: Callable[[str], Decimal | None]) -> Decimal:
        """Every holding but the quote currency, at its mark; what has no mark counts as nothing."""
        value = ZERO
        for currency, total in self.totals.items():
            if currency != self.quote and total:
                value += total * (mark_of(currency) or ZERO)
        return value
