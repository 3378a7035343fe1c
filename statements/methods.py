"""Which purchase a sale is taken from: the accounting methods of taxes.

Each product is an account of its own: what was bought for one quote currency is not sold for another here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from shared.money import EXACT, ZERO
from statements.trades import Disposal, Holding, Trade

# Method → its words.
METHODS: Mapping[str, str] = {
    "fifo": "first bought, first sold",
    "lifo": "last bought, first sold",
    "hifo": "dearest first",
    "specific": "as the lots were closed",
}


@dataclass(frozen=True, slots=True)
class Account:
    """What all trades come to by one method; both oldest first."""

    method: str
    disposals: tuple[Disposal, ...]
    held: tuple[Holding, ...]


def account(trades: Iterable[Trade], method: str) -> Account:
    """Every sale taken from purchases before it. Raises ValueError for a method that there is not."""
    if method not in METHODS:
        raise ValueError(f"no such method: {method}; there are {', '.join(METHODS)}")
    stocks: dict[str, _Stock] = {}
    disposals: list[Disposal] = []
    # A purchase of the same millisecond as a sale comes first.
    for trade in sorted(trades, key=lambda one: (one.at_ms, not one.buys, one.trade_id)):
        stock = stocks.setdefault(trade.product_id, _Stock(_ORDERS[method]))
        if trade.buys:
            stock.add(trade)
        else:
            disposals += stock.sell(trade)
    held = sorted((one for stock in stocks.values() for one in stock.held), key=lambda one: one.bought_ms)
    return Account(method, tuple(disposals), tuple(held))


Order = Callable[[Sequence[Holding], Trade], Iterable[int]]


def _fifo(held: Sequence[Holding], _sale: Trade) -> Iterable[int]:
    return range(len(held))


def _lifo(held: Sequence[Holding], _sale: Trade) -> Iterable[int]:
    return reversed(range(len(held)))


def _hifo(held: Sequence[Holding], _sale: Trade) -> Iterable[int]:
    """The dearest by unit; of two that cost the same, the older."""
    return sorted(range(len(held)), key=lambda i: (-EXACT.divide(held[i].cost, held[i].size), i))


def _specific(held: Sequence[Holding], sale: Trade) -> Iterable[int]:
    """The sale's own lot; what it has not got any more comes from the oldest."""
    own = [i for i, one in enumerate(held) if sale.lot_id is not None and one.lot_id == sale.lot_id]
    return [*own, *(i for i in range(len(held)) if i not in set(own))]


_ORDERS: Mapping[str, Order] = {"fifo": _fifo, "lifo": _lifo, "hifo": _hifo, "specific": _specific}


@dataclass(slots=True)
class _Stock:
    """What is held of one product, oldest first."""

    order: Order
    held: list[Holding] = field(default_factory=list)

    def add(self, trade: Trade) -> None:
        if trade.size > 0:
            made = Holding(trade.product_id, trade.lot_id, trade.at_ms, trade.size, trade.quote + trade.fee)
            self.held.append(made)

    def sell(self, trade: Trade) -> Iterator[Disposal]:
        """Its parts: the last one takes what is left of proceeds and cost, so that the sums are exact."""
        size, proceeds = trade.size, trade.quote - trade.fee
        for i in self.order(self.held, trade):
            if size <= 0:
                break
            one = self.held[i]
            taken = min(one.size, size)
            cost = one.cost if taken == one.size else EXACT.divide(one.cost * taken, one.size)
            got = proceeds if taken == size else EXACT.divide(proceeds * taken, size)
            self.held[i] = replace(one, size=one.size - taken, cost=one.cost - cost)
            size, proceeds = size - taken, proceeds - got
            yield Disposal(trade.product_id, one.lot_id, one.bought_ms, trade.at_ms, taken, got, cost)
        self.held = [one for one in self.held if one.size > 0]
        if size > 0:
            yield Disposal(trade.product_id, None, None, trade.at_ms, size, proceeds, None)


def cost_of(held: Iterable[Holding]) -> Decimal:
    return sum((one.cost for one in held), ZERO)
