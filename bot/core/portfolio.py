"""Cash, holdings and equity: what the exchange said last, moved on by every fill since."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from bot.core.model import Balance, FeeRates, Fill, Side
from shared.money import ZERO

EDGE_MS = 2_000  # clocks and the exchange's own books differ by so much at most
UNCERTAIN_MAX = 6


def _moved(fill: Fill, base: str, quote: str) -> dict[str, Decimal]:
    """What one fill and its fee do to the balances."""
    sign = 1 if fill.side is Side.BUY else -1
    return {base: sign * fill.base_size, quote: -sign * fill.price * fill.base_size - fill.fee}


class Portfolio:
    """Balances by currency. A fill moves them at once; a quiet answer of the exchange confirms or corrects them."""

    def __init__(self, quote: str) -> None:
        self.quote = quote
        self.totals: dict[str, Decimal] = {}
        self.rates: FeeRates | None = None
        self.synced_ms: int | None = None
        self.asked_ms = 0  # when the balances were asked for: what was filled before is in them
        self.moved_ms = 0  # when a fill last moved them
        self._uncertain: list[dict[str, Decimal]] = []
        self.doubt: dict[str, Decimal] = {}  # a difference that was seen once; seen again, it is believed

    @property
    def known(self) -> bool:
        return self.synced_ms is not None

    @property
    def cash(self) -> Decimal:
        """Quote currency, available and held."""
        return self.totals.get(self.quote, ZERO)

    def apply_fill(self, fill: Fill, base: str, now_ms: int) -> None:
        """Move base and quote by one fill and its fee."""
        for currency, amount in _moved(fill, base, self.quote).items():
            self.totals[currency] = self.totals.get(currency, ZERO) + amount
        self.moved_ms = now_ms

    def adopt(self, balances: Iterable[Balance], asked_ms: int, now_ms: int) -> dict[str, Decimal] | None:
        """Take the exchange's word for all balances; the answer is by how much each differed from ours.

        None = not taken: a difference that shows for the first time may be a fill whose news is still on its way.
        """
        seen = {balance.currency: balance.total for balance in balances}
        first = not self.known
        differences: dict[str, Decimal] = {}
        for currency in sorted(seen.keys() | self.totals.keys()):
            difference = seen.get(currency, ZERO) - self.totals.get(currency, ZERO)
            if difference and not first:
                differences[currency] = difference
        explained = bool(differences) and self._explained(differences)
        if differences and not explained and differences != self.doubt:
            self.doubt = differences
            return None
        self.doubt, self._uncertain = {}, []
        self.totals, self.asked_ms, self.synced_ms = seen, asked_ms, now_ms
        return {} if explained else differences

    def learn(self, fill: Fill, base: str, exchange_ms: int, now_ms: int) -> None:
        """A fill that is news to us; `exchange_ms` is its time by our clock. An old one is in the balances already."""
        applied = exchange_ms >= self.asked_ms
        if applied:
            self.apply_fill(fill, base, now_ms)
        if self.synced_ms is not None and self.asked_ms - EDGE_MS <= exchange_ms <= self.synced_ms + EDGE_MS:
            # Filled while the balances were being told: whether they hold it, the next answer shows.
            sign = -1 if applied else 1
            moved = _moved(fill, base, self.quote)
            self._uncertain.append({currency: sign * amount for currency, amount in moved.items()})
            del self._uncertain[:-UNCERTAIN_MAX]

    def _explained(self, differences: dict[str, Decimal]) -> bool:
        """Whether some of the uncertain fills make these very differences."""
        for chosen in range(1, 1 << len(self._uncertain)):
            total: dict[str, Decimal] = {}
            for index, moved in enumerate(self._uncertain):
                if chosen >> index & 1:
                    for currency, amount in moved.items():
                        total[currency] = total.get(currency, ZERO) + amount
            if {currency: amount for currency, amount in total.items() if amount} == differences:
                return True
        return False

    def holdings_value(self, mark_of: Callable[[str], Decimal | None]) -> Decimal:
        """Every holding but the quote currency, at its mark; what has no mark counts as nothing."""
        value = ZERO
        for currency, total in self.totals.items():
            if currency != self.quote and total:
                value += total * (mark_of(currency) or ZERO)
        return value
