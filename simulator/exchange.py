"""One exchange: the venue with its market, candles and archive, moved by the time that it is given.

Sans-IO but for its archive. Both shells (the TLS server and the in-process one) drive this class alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.core import changes, execution, lifecycle, scaled, triggers, validation
from simulator.core.accounts import PortfolioRecord
from simulator.core.candles import CandleSeries
from simulator.core.driver import MarketDriver
from simulator.core.ids import Ids
from simulator.core.orders import OrderType as OrderKind
from simulator.core.orders import SimOrder, SimOrderStatus, Trigger
from simulator.core.products import TradingStatus
from simulator.core.tape import MarketSource
from simulator.core.units import to_atoms
from simulator.core.venue import ExchangeState, MarketState, PublicTrade, VenueRules
from simulator.store import Store

TradeListener = Callable[[MarketState, list[PublicTrade]], None]


@dataclass(frozen=True, slots=True)
class Config:
    """How an exchange is set up."""

    seed: int = 1
    funds: str = "10000"  # USD of a new account
    rules: VenueRules = VenueRules()
    levels: int = 5000  # of the crowd's book, each side
    quotes_us: int = 800_000  # while nothing trades, best quotes change so often, or half as often
    client_id: bool = True
    order_type_capitals: bool = False  # user channel: "LIMIT" instead of "Limit"
    enforce_rate_limits: bool = True


class Exchange:
    """The venue at work."""

    def __init__(self, tape: MarketSource, store: Store, config: Config, now_us: int) -> None:
        self.tape = tape
        self.store = store
        self.config = config
        self.started_us = now_us
        self.now_us = now_us
        products = {product.product_id: product for product in tape.products}
        identity = store.meta("identity")
        if identity is None:
            identity = f"{config.seed}/{now_us}"
            store.set_meta("identity", identity)
        self.venue = ExchangeState(products, store, Ids(identity), config.rules)
        store.products = self.venue.listed
        self.portfolio = self._open_account(now_us)
        self.driver = MarketDriver(self.venue, tape, config.seed, config.levels, config.quotes_us)
        self.candles = {name: CandleSeries(tape, name, now_us) for name in products}
        self._spawned: set[str] = set()  # entries of this run whose bracket was opened
        self.listeners: list[TradeListener] = []
        self.driver.start(now_us)

    def _open_account(self, now_us: int) -> str:
        """The stored account, or a new one with its funds; gives the default portfolio."""
        venue, store = self.venue, self.store
        waiting = store.load(venue)
        default = store.meta("portfolio")
        if default is None:
            default = venue.ids.uuid("portfolio")
            venue.accounts.portfolios[default] = PortfolioRecord(default, "Default", "DEFAULT")
            venue.accounts.deposit(default, "USD", to_atoms(self.config.funds), now_us)
            store.save(venue)
            store.save_portfolios(venue)
            store.set_meta("portfolio", default)
        self.waiting = waiting
        return default

    def resume(self) -> None:
        """Put the stored open orders back where they were; what crossed meanwhile trades now."""
        for order in self.waiting:
            market = self.venue.market(order.product.product_id)
            if market is None:
                continue
            self.venue.open[order.order_id] = order
            market.open_orders += 1
            self._replace(market, order)
        self.waiting = []
        self.settle()

    def _replace(self, market: MarketState, order: SimOrder) -> None:
        venue = self.venue
        if order.status is SimOrderStatus.QUEUED:
            lifecycle.activate(venue, market, order, self.now_us)
            return
        if order.kind is OrderKind.SCALED:
            return  # its legs stand for it
        if order.status is SimOrderStatus.CANCEL_QUEUED:
            changes.carry_out(venue, order, self.now_us)
            return
        if order.end_us is not None:
            venue.add_timer(order.end_us, order.order_id)
        if order.queued_us is not None:
            venue.add_timer(order.queued_us, order.order_id)
        if order.kind is OrderKind.TWAP:
            venue.add_timer(self.now_us, order.order_id)
            return
        if order.trigger is Trigger.PENDING:
            market.stops.append(order)
            if order.kind is OrderKind.STOP_LIMIT:
                return
        if order.limit is not None and market.book.crosses(order.buys, order.limit):
            # The price came by while nothing ran: the order had been resting, so it was hit as a maker.
            execution.hit_at_limit(venue, market, order, self.now_us)
        else:
            market.book.side(order.buys).join(order)

    def advance(self, now_us: int) -> None:
        """Let the market play up to `now_us`."""
        self.now_us = max(self.now_us, now_us)
        self.driver.advance(self.now_us)
        self.settle()

    def leap(self, now_us: int) -> None:
        """Go on from another time, forward or back, without playing what lies between (the machine slept).

        Dated orders end; resting orders that the price came by are filled at their own prices.
        """
        before, self.now_us = self.now_us, now_us
        triggers.run_timers(self.venue, now_us)
        self.driver.leap(now_us)
        for candles in self.candles.values():
            candles.leap(before, now_us)
        for market in self.venue.markets.values():
            for buys in (True, False):
                for tick in list(market.book.side(buys).orders):
                    execution.hit_if_crossed(self.venue, market, buys, tick, now_us)
            if market.last is not None:
                triggers.on_trade_price(self.venue, market, now_us)
        self.settle()

    def settle(self) -> None:
        """After anything that may have traded: fire stops, count candles, tell listeners, save."""
        venue = self.venue
        self._spawn_attached()
        for name, market in venue.markets.items():
            if not market.fresh:
                continue
            if market.stops:
                triggers.on_trade_price(venue, market, self.now_us)
            fresh, market.fresh = market.fresh, []
            candles = self.candles[name]
            for trade in fresh:
                candles.add(trade)
            for listener in self.listeners:
                listener(market, fresh)
        scaled.gather(venue, self.now_us)
        for order in venue.dirty.values():
            order.updated_us = self.now_us
        self.store.save(venue)

    def _spawn_attached(self) -> None:
        """Open the brackets that were attached to entries which are now done and filled something."""
        venue = self.venue
        for entry in list(venue.dirty.values()):
            if not entry.attached or entry.open or not entry.filled or entry.order_id in self._spawned:
                continue
            self._spawned.add(entry.order_id)
            bracket = validation.attached_order(entry, self.now_us)
            try:
                lifecycle.create(venue, bracket, self.now_us)
            except lifecycle.Reject as reject:
                bracket.move(SimOrderStatus.FAILED)
                bracket.reject_reason, bracket.reject_message = reject.error, reject.message or reject.preview
                venue.changed(bracket)

    def create(self, order: SimOrder) -> SimOrder:
        """Accept a new order. Raises Reject."""
        self.venue.refresh_tier(self.now_us)
        if order.kind is OrderKind.SCALED:
            scaled.create_scaled(self.venue, order, self.now_us)
        else:
            lifecycle.create(self.venue, order, self.now_us)
        self.settle()
        return order

    def cancel(self, order: SimOrder, *, wait_us: int | None = None) -> None:
        """Accept a cancel; the engine carries it out after `wait_us`, None = the usual time."""
        changes.ask_cancel(self.venue, order, self.now_us, self._queue_us(wait_us))
        self.settle()

    def edit(self, order: SimOrder, wish: changes.Edit, wait_us: int | None = None) -> None:
        """Accept an edit that `changes.check_edit` let pass; carried out after `wait_us`. Raises Reject."""
        changes.ask_edit(self.venue, order, wish, self.now_us, self._queue_us(wait_us))
        self.settle()

    def _queue_us(self, wait_us: int | None) -> int:
        return self.venue.rules.queue_us if wait_us is None else wait_us

    def find(self, order_id: str) -> SimOrder | None:
        """An order, open or done."""
        return self.venue.open.get(order_id) or self.store.order(order_id)

    def set_gate(self, product_id: str, gate: TradingStatus) -> None:
        """Change what a product lets through; queued orders start when an auction ends."""
        market = self.venue.markets[product_id]
        was_auction = market.gate.auction_mode
        market.gate = gate
        market.gate_changed = True
        if was_auction and not gate.auction_mode:
            for order in [o for o in self.venue.open.values() if o.product is market.product and o.status == "QUEUED"]:
                lifecycle.activate(self.venue, market, order, self.now_us)
        self.settle()
