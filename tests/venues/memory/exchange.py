"""An exchange in memory whose words, symbols, order ids and steps are its own: its adapter translates them all."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

D = Decimal
PRICE_STEP, SIZE_STEP, LEAST = D("0.5"), D("0.001"), D("0.01")
BID, ASK = D("99.5"), D(100)
FEE = D("0.002")


class Refused(Exception):
    """A considered no, with the exchange's word."""


@dataclass
class Row:
    """An order in the exchange's words."""

    number: int
    pair: str
    way: str  # bid, offer
    price: Decimal | None
    amount: Decimal
    made_ms: int
    tag: str | None
    phase: str = "live"  # live, done, pulled
    trades: list[tuple[int, Decimal, Decimal, Decimal, int]] = field(
        default_factory=list
    )  # number, price, size, fee, ms

    @property
    def done(self) -> Decimal:
        return sum((trade[2] for trade in self.trades), D(0))


class MemoryExchange:
    """One market, "btcusd" at a standing price. It keeps client tags only where `tags`."""

    def __init__(self, now_ms: Callable[[], int], *, tags: bool) -> None:
        self.now_ms, self.tags = now_ms, tags
        self.rows: list[Row] = []
        self.trades = 0
        self.purse = {"usd": D(10_000), "btc": D(1)}
        self.heard: list[Callable[[Row], None]] = []

    def place(self, pair: str, way: str, amount: Decimal, price: Decimal | None, tag: str, *, maker: bool) -> Row:
        if pair != "btcusd":
            raise Refused("no such pair")
        if amount < LEAST or amount % SIZE_STEP:
            raise Refused("amount out of step")
        if price is not None and price % PRICE_STEP:
            raise Refused("price out of step")
        if self.tags and any(row.tag == tag for row in self.rows):
            raise Refused("tag used")
        crosses = price is None or (price >= ASK if way == "bid" else price <= BID)
        if crosses and maker:
            raise Refused("would take")
        row = Row(7001 + len(self.rows), pair, way, price, amount, self.now_ms(), tag if self.tags else None)
        self.rows.append(row)
        if crosses:
            self._trade(row, ASK if way == "bid" else BID)
        self._say(row)
        return row

    def _trade(self, row: Row, price: Decimal) -> None:
        self.trades += 1
        fee = price * row.amount * FEE
        row.trades.append((self.trades, price, row.amount, fee, self.now_ms()))
        row.phase = "done"
        sign = 1 if row.way == "bid" else -1
        self.purse["btc"] += sign * row.amount
        self.purse["usd"] -= sign * price * row.amount + fee

    def pull(self, number: int) -> str | None:
        """Cancel; the answer is why not."""
        row = next((row for row in self.rows if row.number == number), None)
        if row is None or row.phase != "live":
            return "nothing to pull"
        row.phase = "pulled"
        self._say(row)
        return None

    def _say(self, row: Row) -> None:
        for hear in self.heard:
            hear(row)
