"""Lots, rebuilt from the exchange's orders and fills alone.

Which orders belong to one lot is told from outside (`OwnOrder.lot_id`), since the exchange does not know of lots; what
was bought and sold, when and for how much, is the exchange's word.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import NamedTuple

NEWS_US = 6_000_000  # how long the news of a fill takes at most where nothing is in its way: a lookup and a list
UNSURE = Decimal("0.03")  # of the price: so near to the least value it is open whether a rest is dust
NEVER_US = 2**62


class ProductRule(NamedTuple):
    """Increments and least sizes of a product."""

    tick: Decimal
    step: Decimal
    base_min: Decimal
    quote_min: Decimal

    def floor(self, size: Decimal) -> Decimal:
        return size // self.step * self.step

    def sellable(self, size: Decimal, price: Decimal) -> bool | None:
        """Whether the exchange takes a sale of so much; None = it depends on the last price."""
        base = self.floor(size)
        if base <= 0 or base < self.base_min or base * price * (1 + UNSURE) < self.quote_min:
            return False
        return True if base * price * (1 - UNSURE) >= self.quote_min else None


class OwnFill(NamedTuple):
    us: int
    size: Decimal
    price: Decimal
    fee: Decimal


@dataclass(slots=True)
class OwnOrder:
    """One order of the bot at the exchange. `lot_id`: what it was made for."""

    client_order_id: str
    lot_id: str
    product_id: str
    buys: bool
    limit: Decimal | None
    size: Decimal | None
    sent_us: int
    created_us: int
    done_us: int | None
    fills: list[OwnFill] = field(default_factory=list)

    @property
    def over_us(self) -> int:
        return self.done_us if self.done_us is not None else NEVER_US


@dataclass(slots=True)
class BoughtLot:
    """What one entry bought, and what was sold of it."""

    lot_id: str
    product_id: str
    purchases: list[OwnOrder]
    sales: list[OwnOrder]
    opened_us: int  # its first fill
    whole_us: int  # nothing is bought for it any more
    closed_us: int = NEVER_US
    unsure_us: int = NEVER_US  # from then on it is open whether it is closed: what is left may be dust
    dust: bool = False  # what was bought is too little to be sold

    def bought(self, until_us: int = NEVER_US) -> Decimal:
        return sum((f.size for o in self.purchases for f in o.fills if f.us <= until_us), Decimal(0))

    def left(self, at_us: int) -> Decimal:
        """Base units that are held."""
        sold = sum((f.size for o in self.sales for f in o.fills if f.us <= at_us), Decimal(0))
        return self.bought(at_us) - sold

    @property
    def cost(self) -> Decimal:
        return sum((f.size * f.price for o in self.purchases for f in o.fills), Decimal(0))

    @property
    def open_price(self) -> Decimal:
        """Average price of what was bought."""
        with localcontext() as context:
            context.prec = 50
            return self.cost / self.bought()

    @property
    def sent_us(self) -> int:
        return min(order.sent_us for order in self.purchases)

    @property
    def result(self) -> Decimal:
        """Realised after both fees, of the part that was sold."""
        gone = [f for o in self.sales for f in o.fills]
        sold = sum((f.size for f in gone), Decimal(0))
        paid = self.cost + sum((f.fee for o in self.purchases for f in o.fills), Decimal(0))
        return sum((f.size * f.price - f.fee for f in gone), Decimal(0)) - paid * sold / self.bought()


class Reign(NamedTuple):
    """How long one lot was its product's runner."""

    lot: BoughtLot
    from_us: int
    to_us: int
    promoted: bool  # it was opened as a scalp, or became the runner when another closed
    sure: bool


def lots_from(orders: Iterable[OwnOrder], rules: dict[str, ProductRule], maker_timeout_us: int) -> list[BoughtLot]:
    """Every lot that was ever opened, by product and time of its first fill."""
    by_lot: dict[str, list[OwnOrder]] = defaultdict(list)
    for order in orders:
        by_lot[order.lot_id].append(order)
    found = []
    for lot_id, mine in by_lot.items():
        purchases = sorted((o for o in mine if o.buys), key=lambda o: o.created_us)
        fills = [fill for order in purchases for fill in order.fills]
        if not fills:
            continue
        sales = sorted((o for o in mine if not o.buys), key=lambda o: o.created_us)
        last = purchases[-1]
        whole_us = max(order.over_us for order in purchases)
        if last.limit is not None:  # it may bid again until its time is up
            whole_us = max(whole_us, purchases[0].sent_us + maker_timeout_us)
        opened_us = min(fill.us for fill in fills)
        lot = BoughtLot(lot_id, last.product_id, purchases, sales, opened_us, whole_us)
        _close(lot, rules[last.product_id])
        found.append(lot)
    return sorted(found, key=lambda lot: (lot.product_id, lot.opened_us))


def _close(lot: BoughtLot, rule: ProductRule) -> None:
    """When nothing was left of it that can be sold."""
    if rule.sellable(lot.bought(), lot.open_price) is not True:
        lot.dust, lot.unsure_us = True, lot.opened_us
    for order in lot.sales:
        if not order.fills:
            continue
        last = order.fills[-1]
        left = lot.left(last.us)
        if left <= 0:
            lot.closed_us = min(lot.closed_us, last.us)
            return
        if order.done_us is None:
            continue
        takes = rule.sellable(lot.left(order.done_us), last.price)
        if takes is not True:
            lot.unsure_us = min(lot.unsure_us, order.done_us)
            if takes is False and not lot.dust:
                lot.closed_us = min(lot.closed_us, order.done_us)
                return


def reigns(lots: list[BoughtLot], hidden: Callable[[int, int], bool]) -> list[Reign]:
    """Who was the runner of one product, and when. `lots`: the product's; `hidden`: news may have been late then.

    The lot that is opened when there is no runner is one; when it closes, the newest lot left becomes it. Unsure is
    what depends on whether the bot heard of the closing or of an opening first.
    """
    events = sorted([(lot.opened_us, 1, lot) for lot in lots] + [(lot.closed_us, 0, lot) for lot in lots],
                    key=lambda event: event[:2])  # fmt: skip
    open_lots: list[BoughtLot] = []
    found: list[Reign] = []
    runner: tuple[BoughtLot, int, bool] | None = None
    sure = True
    for us, opens, lot in events:
        if us == NEVER_US:
            break
        if opens:
            open_lots.append(lot)
            if runner is None:
                runner = (lot, us, False)
            continue
        if lot not in open_lots:  # sold before it was bought: others judge that
            continue
        open_lots.remove(lot)
        if runner is None or runner[0] is not lot:
            continue
        found.append(Reign(lot, runner[1], us, runner[2], sure))
        slack_us = NEWS_US if not hidden(us, us + NEWS_US) else 20 * NEWS_US
        sure = sure and not any(abs(o.opened_us - us) <= slack_us for o in lots if o is not lot)
        if not open_lots:
            runner, sure = None, True  # the next lot is the runner, whatever was heard first
            continue
        runner = (open_lots[-1], us, True)
    if runner is not None:
        found.append(Reign(runner[0], runner[1], NEVER_US, runner[2], sure))
    doubt_us = min((lot.unsure_us for lot in lots), default=NEVER_US)
    return [reign._replace(sure=reign.sure and reign.from_us < doubt_us) for reign in found]
