"""Random flows of orders: money is conserved to the last digit, holds are exact, no book is crossed."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.core.amounts import MalformedRequest
from simulator.core.bars import Print
from simulator.core.changes import Edit, check_edit
from simulator.core.lifecycle import Reject
from simulator.core.orders import DONE, TRANSITIONS, OrderType, SimOrder, SimOrderStatus
from simulator.core.units import PPM, to_atoms
from simulator.core.validation import parse_order
from simulator.exchange import Exchange
from tests.simulator.markets import NOW, PRODUCT, quiet_exchange

PRICES = st.integers(9_985, 10_015)  # narrow, so that they meet
SIZES = st.integers(1, 4_000)


def text(number: int, decimals: int) -> str:
    return f"{number / 10**decimals:.{decimals}f}"


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(
            ["market_market_ioc", "limit_limit_gtc", "limit_limit_gtd", "limit_limit_fok", "sor_limit_ioc",
             "stop_limit_stop_limit_gtc", "trigger_bracket_gtc", "twap_limit_gtd",
             "scaled_limit_gtc"]
        )
    )  # fmt: skip
    side = draw(st.sampled_from(["BUY", "SELL"]))
    price, size = draw(PRICES), text(draw(SIZES), 3)
    inner: dict[str, Any] = {"base_size": size}
    if kind == "market_market_ioc" and side == "BUY" and draw(st.booleans()):
        inner = {"quote_size": text(draw(st.integers(50, 400_000)), 2)}
    if kind == "scaled_limit_gtc":
        inner |= {"num_orders": draw(st.integers(2, 4)), "min_price": text(price - 7, 2), "max_price": text(price, 2)}
    elif kind != "market_market_ioc":
        inner["limit_price"] = text(price, 2)
    if kind in ("limit_limit_gtc", "limit_limit_gtd"):
        inner["post_only"] = draw(st.booleans())
    if kind in ("limit_limit_gtd", "twap_limit_gtd"):
        inner["end_time"] = "2026-09-21T14:20:00Z" if kind == "limit_limit_gtd" else "2026-09-21T14:18:00Z"
    if kind == "stop_limit_stop_limit_gtc":
        inner["stop_price"] = text(draw(PRICES), 2)
        inner["stop_direction"] = draw(st.sampled_from(["STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"]))
    if kind == "trigger_bracket_gtc":
        inner["stop_trigger_price"] = text(draw(PRICES), 2)
    if kind == "twap_limit_gtd":
        inner["bucket_duration"] = "20s"
    return {"product_id": "ABC-USD", "side": side, "order_configuration": {kind: inner}}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), bodies(), st.integers(0, 1)),
        st.tuples(st.just("order"), bodies(), st.integers(0, 1)),
        st.tuples(st.just("cancel"), st.integers(0, 99), st.integers(0, 20)),
        st.tuples(st.just("edit"), st.integers(0, 99), st.tuples(PRICES, SIZES, st.integers(0, 20))),
        st.tuples(st.just("crowd"), st.tuples(st.booleans(), PRICES), st.integers(0, 5_000)),
        st.tuples(st.just("print"), st.tuples(st.booleans(), PRICES), st.integers(1, 3_000)),
        st.tuples(st.just("time"), st.integers(1, 30), st.just(0)),
    ),
    min_size=5,
    max_size=60,
)


class World:
    """Two accounts of different users and a crowd."""

    def __init__(self) -> None:
        self.exchange: Exchange = quiet_exchange()
        self.accounts = [self.exchange.portfolio, "other"]
        venue = self.exchange.venue
        for account in self.accounts:
            venue.accounts.deposit(account, "ABC", to_atoms("50"), NOW)
        venue.accounts.deposit("other", "USD", to_atoms("10000"), NOW)
        market = venue.markets["ABC-USD"]
        market.book.bids.set_crowd(9_990, 900)
        market.book.asks.set_crowd(10_010, 900)
        venue.trade(market, 10_000, 1, True, NOW)
        self.exchange.settle()
        self.count = 0
        self.before: dict[str, SimOrderStatus] = {}

    def order(self, body: Mapping[str, Any], who: int) -> None:
        self.count += 1
        exchange = self.exchange
        try:
            order = parse_order(
                exchange.venue, {**body, "client_order_id": str(self.count)}, self.accounts[who], exchange.now_us
            )
            before = {currency: self.held(currency) for currency in ("ABC", "USD")}
            exchange.create(order)
        except Reject:
            return
        except MalformedRequest as wrong:
            raise AssertionError(f"{body} is well-formed") from wrong
        self.check_order(order, before)

    def held(self, currency: str) -> int:
        return sum(w.held for w in self.exchange.venue.accounts.wallets.values() if w.currency == currency)

    def check_order(self, order: SimOrder, before: Mapping[str, int]) -> None:
        fills = self.exchange.store.fills_of(order.order_id)
        if order.post_only:
            assert not any(fill.taker for fill in fills)
        if order.config_key == "limit_limit_fok":
            assert order.filled in (0, order.steps)
            assert order.status is (SimOrderStatus.FILLED if order.filled else SimOrderStatus.CANCELLED)
        if order.quote is not None and order.config_key == "market_market_ioc":
            assert order.filled_value + order.fees <= order.quote
        if order.status in DONE and not order.open:
            assert order.hold == 0 and order.leaves == 0

    def step(self, what: str, a: Any, b: Any) -> None:
        exchange = self.exchange
        market = exchange.venue.markets["ABC-USD"]
        waiting = list(exchange.venue.open.values())
        if what == "order":
            self.order(a, b)
        elif what == "cancel" and waiting:
            order = waiting[a % len(waiting)]
            if order.status not in (SimOrderStatus.CANCEL_QUEUED, SimOrderStatus.EDIT_QUEUED):
                exchange.cancel(order, wait_us=b * 1_000_000)
        elif what == "edit" and waiting:
            order, wish = waiting[a % len(waiting)], Edit(*b[:2])
            if check_edit(order, wish) is None:
                try:
                    exchange.edit(order, wish, b[2] * 1_000_000)
                except Reject:
                    return
        elif what == "crowd":
            buys, tick = a
            if not market.book.crosses(buys, tick):
                market.book.side(buys).set_crowd(tick, b)
        elif what == "print":
            self.print_(a[0], a[1], b)
        elif what == "time":
            exchange.advance(exchange.now_us + a * 1_000_000)

    def print_(self, maker_buys: bool, tick: int, steps: int) -> None:
        """A trade of the crowd: nobody may be left who would have given a better price."""
        exchange = self.exchange
        market = exchange.venue.markets["ABC-USD"]
        stops, book = list(market.stops), market.book
        exchange.driver.players[0].play(Print(0, tick, steps, maker_buys), exchange.now_us)
        if stops:  # one that fires trades on from there
            exchange.settle()
            return
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is None or (bid <= tick if maker_buys else bid < tick)
        assert ask is None or (ask > tick if maker_buys else ask >= tick)
        exchange.settle()

    def check(self) -> None:
        venue = self.exchange.venue
        for currency in ("ABC", "USD"):
            assert venue.accounts.sum(currency) == 0
            assert self.held(currency) == sum(o.hold for o in venue.open.values() if o.held == currency)
        for order in venue.open.values():
            if order.kind is OrderType.LIMIT:
                value = order.leaves * order.limit_price * PRODUCT.unit
                exact = value + value * order.taker_ppm // PPM if order.buys else order.leaves * PRODUCT.step
                assert order.hold == exact
        for wallet in venue.accounts.wallets.values():
            assert 0 <= wallet.held <= wallet.total
        book = venue.markets["ABC-USD"].book
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is None or ask is None or bid < ask
        assert all(steps > 0 for side in (book.bids, book.asks) for _, steps in side.levels())
        for event in venue.order_events:
            was = self.before.get(event.order_id, SimOrderStatus.PENDING)
            assert event.status is was or event.status in TRANSITIONS[was] or was is SimOrderStatus.PENDING
            assert was not in DONE
            self.before[event.order_id] = event.status
        venue.order_events.clear()

    def check_fills(self) -> None:
        """Every fill is priced and charged exactly; orders are the sums of their fills."""
        sums: dict[str, tuple[int, int, int]] = {}
        for fill in self.exchange.store.fills_of(None):
            order = self.exchange.find(fill.order_id)
            assert order is not None
            rate = order.taker_ppm if fill.taker else order.maker_ppm
            assert fill.value == fill.tick * fill.steps * PRODUCT.unit
            assert fill.fee * PPM == fill.value * rate
            if order.config_key in ("limit_limit_gtc", "limit_limit_gtd", "limit_limit_fok", "sor_limit_ioc"):
                assert order.edits or (fill.tick <= order.limit_price if order.buys else fill.tick >= order.limit_price)
            steps, value, fees = sums.get(fill.order_id, (0, 0, 0))
            sums[fill.order_id] = (steps + fill.steps, value + fill.value, fees + fill.fee)
        for order_id, (steps, value, fees) in sums.items():
            order = self.exchange.find(order_id)
            assert order is not None
            assert (order.filled, order.filled_value, order.fees) == (steps, value, fees)


@settings(max_examples=600, deadline=None)
@given(STEPS)
def test_random_flows_keep_every_rule(steps: list[tuple[str, Any, Any]]) -> None:
    world = World()
    for step in steps:
        world.step(*step)
        world.check()
    world.check_fills()
    for order in list(world.exchange.venue.open.values()):
        if order.status is not SimOrderStatus.CANCEL_QUEUED:
            world.exchange.cancel(order)
        world.check()
    world.exchange.advance(world.exchange.now_us + 21_000_000)
    world.check()
    assert not world.exchange.venue.open
    assert world.held("USD") == world.held("ABC") == 0
