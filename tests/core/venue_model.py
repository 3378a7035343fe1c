"""A small venue for property tests: it fills, delays, reorders, loses and repeats, and knows what really happened."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.domain.fills import Fill
from bot.domain.kinds import OrderKind, Side
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from shared.money import ZERO, floor_to

TAKER, MAKER = Decimal("0.009"), Decimal("0.005")
LIVE = (OrderStatus.WORKING,)


@dataclass
class Placed:
    """One order at the venue."""

    spec: OrderSpec
    order_id: str
    size: Decimal
    at_ms: int
    status: OrderStatus = OrderStatus.WORKING
    fills: list[Fill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.base_size for fill in self.fills), ZERO)

    @property
    def left(self) -> Decimal:
        return self.size - self.filled if self.status in LIVE else ZERO


class Venue:
    """Books nothing but our own orders; prices are given. Raises AssertionError where the bot breaks a promise."""

    def __init__(self, cash: Decimal) -> None:
        self.start_cash = self.cash = cash
        self.base: dict[str, Decimal] = {}
        self.orders: dict[str, Placed] = {}  # by client order id
        self.posted: set[str] = set()
        self.trades = 0

    def post(self, spec: OrderSpec, price: Decimal, at_ms: int, share: Decimal) -> Placed | None:
        """Take an order; None = refused for want of funds. A market order trades `share` of itself at once."""
        assert spec.client_order_id not in self.posted, f"POSTed twice: {spec}"
        self.posted.add(spec.client_order_id)
        if spec.side is Side.BUY:
            assert spec.quote_size is not None
            live = [o for o in self.live() if o.spec.side is Side.BUY and o.spec.product_id == spec.product_id]
            assert not live, "two entries of one product at work"
            if spec.quote_size > self.cash:
                return None
            size = floor_to(spec.quote_size / (1 + TAKER) / price, Decimal("0.00000001"))
        else:
            assert spec.base_size is not None
            size = spec.base_size
            held, offered = self.base.get(spec.product_id, ZERO), self.offered(spec.product_id)
            assert offered + size <= held, f"sells {offered} + {size} of {held}"
        placed = Placed(spec, f"v{len(self.orders)}", size, at_ms)
        self.orders[spec.client_order_id] = placed
        if spec.kind is OrderKind.MARKET:
            self.trade(placed, price, share, at_ms)
            if placed.status in LIVE:
                placed.status = OrderStatus.CANCELLED  # what an IOC order does not get is cancelled
        return placed

    def live(self) -> list[Placed]:
        return [order for order in self.orders.values() if order.status in LIVE]

    def offered(self, product_id: str) -> Decimal:
        """Base that resting sales hold."""
        return sum((o.left for o in self.live() if o.spec.side is Side.SELL and o.spec.product_id == product_id), ZERO)

    def trade(self, order: Placed, price: Decimal, share: Decimal, at_ms: int) -> None:
        """Fill `share` (0 to 1) of what is left."""
        size = order.left if share >= 1 else floor_to(order.left * share, Decimal("0.00000001"))
        if size <= 0:
            return
        spec = order.spec
        rate = MAKER if spec.kind is OrderKind.LIMIT else TAKER
        fee = price * size * rate
        self.trades += 1
        order.fills.append(
            Fill(
                order.order_id, f"t{self.trades}", spec.client_order_id, spec.product_id, spec.side, price, size, fee,
                "maker" if spec.kind is OrderKind.LIMIT else "taker", at_ms,
            )
        )  # fmt: skip
        sign = 1 if spec.side is Side.BUY else -1
        self.base[spec.product_id] = self.base.get(spec.product_id, ZERO) + sign * size
        self.cash -= sign * price * size + fee
        assert self.base[spec.product_id] >= 0, "sold what was not held"
        if order.filled >= order.size:
            order.status = OrderStatus.FILLED

    def cancel(self, order_id: str) -> None:
        for order in self.orders.values():
            if order.order_id == order_id and order.status in LIVE:
                order.status = OrderStatus.CANCELLED

    # What it says.

    def shown(self, order: Placed) -> OrderReport:
        spec = order.spec
        return OrderReport(
            order.order_id, spec.client_order_id, spec.product_id, spec.side, order.status, order.filled, order.at_ms
        )

    def open_list(self, asked_ms: int) -> ev.OrderReports:
        return ev.OrderReports(tuple(self.shown(o) for o in self.live()), complete=True, asked_ms=asked_ms)

    def balances(self, asked_ms: int) -> ev.BalanceReport:
        found = [Balance("USD", self.cash, ZERO)]
        found += [Balance(p.partition("-")[0], size, ZERO) for p, size in self.base.items()]
        return ev.BalanceReport(tuple(found), asked_ms)

    def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        return next((tuple(o.fills) for o in self.orders.values() if o.order_id == order_id), ())
