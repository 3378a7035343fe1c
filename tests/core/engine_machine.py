"""The engine against a faulty venue and a real ledger, driven at random; crashes rebuild it from the ledger alone.

What must hold whatever happens: fills make lots exactly, no more is sold than held, an intent is POSTed once, one
runner for each product with lots, nothing adds exposure while it must not, and money adds up.
"""

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.app.ledger import LedgerWriter
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import (
    Action,
    AskStrategy,
    CancelOrder,
    FetchFills,
    LookUpOrder,
    PlaceOrder,
    Record,
    SaveReceipt,
)
from bot.domain.kinds import LotKind, OrderKind, Purpose, Side
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderSpec, OrderStatus
from bot.engine.engine import Engine
from bot.engine.state.recovered import RecoveredState
from shared.command_table import Cmd
from shared.control import Command, TradingState
from shared.documents.control import ReceiptState
from shared.ledger import schema as t
from shared.ledger.open import open_writer
from shared.ledger.tables import select
from shared.money import ZERO
from shared.times import from_epoch_ms
from tests.core.harness import START_MS, Said, product, quiet_settings
from tests.core.venue_model import LIVE, Venue

PRODUCTS = ("BTC-USD", "ETH-USD")
LAG_MS = 20_000  # an accepted order may be missing from lists for so long
D = Decimal
SHM = Path("/dev/shm")


class Trading(RuleBasedStateMachine):
    """One account from its first order to a quiet end."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=SHM if SHM.is_dir() else None))
        self.now_ms = START_MS
        self.venue = Venue(D(10_000))
        self.prices = dict.fromkeys(PRODUCTS, D(100))
        self.bar_s = START_MS // 1000 - 60
        self.pending: list[Any] = []  # requests and answers on their way
        self.crash_at = ""
        self.level = TradingState.RUN
        self.killed = False
        self.flattens = 0
        self.ended: dict[str, ReceiptState] = {}
        self.db = self.open_ledger()

    def open_ledger(self) -> Any:
        return open_writer(self.folder / "ledger.db")

    @initialize(take=st.sampled_from(["limit", "market"]))
    def start(self, take: str) -> None:
        self.settings = quiet_settings(
            products=PRODUCTS, stop_loss_pct=3.0, take_profit_order=take, pyramid_min_adverse_pct=0.5,
            pyramid_decay_min_pct=0.1, trail_activate_pct=1.0, max_daily_loss_pct=100.0, max_orders_per_min=600,
        )  # fmt: skip
        self.boot()

    def teardown(self) -> None:
        try:
            if hasattr(self, "engine"):
                self.come_to_rest()
        finally:
            self.db.dispose()
            shutil.rmtree(self.folder)

    # The shell.

    def boot(self) -> None:
        """As the bot's boot: restore, ask what became of what was in flight, sync, trade."""
        self.db.dispose()
        self.db = self.open_ledger()
        self.ledger = LedgerWriter(self.db, f"boot-{self.now_ms}")
        self.pending.clear()
        self.strategy = Said()
        now = from_epoch_ms(self.now_ms)
        restored: RecoveredState = self.ledger.restore(now)
        self.engine = Engine(self.settings, self.strategy, restored, self.level, now)
        for product_id in PRODUCTS:
            self.dispatch(ev.InstrumentList((product(product_id, price=self.prices[product_id]),)))
        for order in self.engine.view.orders.all():
            if order.state in (OrderState.NEW, OrderState.SENT):
                self.dispatch(ev.OutcomeUnknown(order.spec.client_order_id, "the bot ended before an answer came"))
        if self.killed:
            self.dispatch(ev.KillLatched("kill-1", "test", self.now_ms))
        self.sync()
        self.dispatch(ev.FeedChanged(True, "up"))
        self.dispatch(ev.TradingReady())

    def sync(self) -> None:
        self.dispatch(self.venue.open_list(self.now_ms))
        self.dispatch(self.venue.balances(self.now_ms))

    def dispatch(self, event: ev.Event) -> None:
        """Engine, ledger, wire; with a crash in between where one was asked for."""
        intents = self.engine.handle(event, from_epoch_ms(self.now_ms))
        places = any(isinstance(intent, PlaceOrder) for intent in intents)
        if places and self.crash_at == "before commit":
            self.crash_at = ""
            self.boot()
            return
        records = [intent for intent in intents if isinstance(intent, Record)]
        if records:
            self.ledger.commit(records, self.now_ms)
        for record in records:
            if isinstance(record, SaveReceipt):
                self.ended[record.command_id] = record.state
        if places and self.crash_at == "after commit":
            self.crash_at = ""
            self.boot()
            return
        for intent in intents:
            if not isinstance(intent, Record):
                self.carry_out(intent)

    def carry_out(self, action: Action) -> None:
        if isinstance(action, PlaceOrder):
            if action.spec.side is Side.BUY:
                assert self.level is TradingState.RUN and not self.killed, (
                    f"an entry while {self.level}, {self.killed=}"
                )
            if self.killed:
                assert action.spec.purpose is Purpose.FLATTEN, "only a flatten passes the latch"
            self.pending.append(action.spec)
        elif isinstance(action, AskStrategy):
            self.dispatch(self.strategy.answer(action))
        else:
            self.pending.append(action)

    def say(self, event: ev.Event) -> None:
        self.pending.append(event)

    # The wire: each item arrives, is lost, or comes twice.

    def arrive(self, item: Any, fate: int = 0) -> None:
        """Fate: 0 arrives, 1 is lost, 2 arrives twice (news) or its answer is lost (requests), 3 only in part."""
        if isinstance(item, OrderSpec):
            self.arrive_post(item, fate)
        elif isinstance(item, CancelOrder):
            if fate != 1:
                self.venue.cancel(item.order_id)
                self.tell(item.client_order_id)
        elif isinstance(item, LookUpOrder):
            order = self.venue.orders.get(item.client_order_id)
            if fate == 1:
                return
            hidden = order is not None and fate == 2 and self.now_ms - order.at_ms < LAG_MS
            found = self.venue.shown(order) if order is not None and not hidden else None
            self.dispatch(ev.LookupResult(item.client_order_id, found, complete=fate != 3))
        elif isinstance(item, FetchFills):
            fills = self.venue.fills_of(item.order_id)
            if fate != 1:
                self.dispatch(ev.FillReports(fills[: len(fills) // 2] if fate == 3 else fills))
        elif fate != 1 or isinstance(
            item, ev.OutcomeUnknown | ev.OrderAccepted | ev.VenueRejected
        ):  # each POST ends in one of them
            self.dispatch(item)
            if fate == 2:
                self.dispatch(item)

    def arrive_post(self, spec: OrderSpec, fate: int) -> None:
        if fate == 1:  # never got there, and nobody can tell
            self.say(ev.OutcomeUnknown(spec.client_order_id, "timeout"))
            return
        crossing = spec.kind is OrderKind.LIMIT and spec.limit_price is not None
        if crossing and spec.post_only and self.prices[spec.product_id] > (spec.limit_price or ZERO):
            self.say(ev.VenueRejected(spec.client_order_id, "INVALID_LIMIT_PRICE_POST_ONLY"))
            return
        share = D("0.37") if fate == 3 else D(1)
        placed = self.venue.post(spec, self.prices[spec.product_id], self.now_ms, share)
        if placed is None:
            self.say(ev.VenueRejected(spec.client_order_id, "INSUFFICIENT_FUND", insufficient=True))
        elif fate == 2:
            self.say(ev.OutcomeUnknown(spec.client_order_id, "timeout"))
        else:
            self.say(ev.OrderAccepted(spec.client_order_id, placed.order_id))
        self.tell(spec.client_order_id)

    def tell(self, client_order_id: str) -> None:
        """The user channel's news of one order."""
        order = self.venue.orders.get(client_order_id)
        if order is not None:
            self.say(ev.OrderReports((self.venue.shown(order),), complete=False, asked_ms=0))

    # What happens.

    @rule(which=st.integers(0, 9), fate=st.sampled_from([0, 0, 0, 0, 1, 2, 3]))
    def something_arrives(self, which: int, fate: int) -> None:
        if self.pending:
            self.arrive(self.pending.pop(which % len(self.pending)), fate)

    @rule(count=st.integers(1, 5))
    def all_arrives_in_order(self, count: int) -> None:
        for _ in range(count):
            if self.pending:
                self.arrive(self.pending.pop(0))

    @rule(
        product_id=st.sampled_from(PRODUCTS),
        change=st.sampled_from(["-4", "-1.2", "-0.8", "-0.3", "0.4", "1.1", "2.5", "5"]),
        word=st.sampled_from(["buy", "buy", "flat", ""]),
        arrive=st.integers(0, 6),
    )
    def the_market_trades(self, product_id: str, change: str, word: str, arrive: int) -> None:
        """A price, maybe a closed bar with a signal, and some of what is on its way arrives in order."""
        price = (self.prices[product_id] * (1 + D(change) / 100)).quantize(D("0.01"))
        self.prices[product_id] = price
        self.now_ms += 1000
        for order in self.venue.live():
            if order.spec.product_id == product_id and order.spec.limit_price and price >= order.spec.limit_price:
                self.venue.trade(order, order.spec.limit_price, D(1), self.now_ms)
                self.tell(order.spec.client_order_id)
        self.dispatch(ev.PriceUpdate(product_id, price, price - D("0.01"), price + D("0.01")))
        if word:
            self.bar_s += 60
            self.strategy.word = word
            bar = Bar(self.bar_s, *[float(price)] * 4, 1.0)
            self.dispatch(ev.BarsClosed(product_id, "ONE_MINUTE", (bar,)))
        for _ in range(arrive):
            if self.pending:
                self.arrive(self.pending.pop(0))

    @rule(which=st.integers(0, 5), share=st.sampled_from(["0.2", "0.5"]))
    def a_take_fills_in_part(self, which: int, share: str) -> None:
        resting = [order for order in self.venue.live() if order.spec.limit_price]
        if resting:
            order = resting[which % len(resting)]
            assert order.spec.limit_price is not None
            self.venue.trade(order, order.spec.limit_price, D(share), self.now_ms)
            self.tell(order.spec.client_order_id)

    @rule(count=st.sampled_from([1, 3, 35]))
    def time_goes_by(self, count: int) -> None:
        for _ in range(count):
            self.now_ms += 1000
            self.dispatch(ev.Tick())

    @rule()
    def the_lists_are_read(self) -> None:
        self.sync()

    @rule(which=st.integers(0, 5), status=st.sampled_from([OrderStatus.EXPIRED, OrderStatus.CANCELLED]))
    def the_exchange_ends_an_order(self, which: int, status: OrderStatus) -> None:
        live = self.venue.live()
        if live:
            order = live[which % len(live)]
            order.status = status
            self.tell(order.spec.client_order_id)

    @rule(what=st.sampled_from(["run"] * 4 + ["pause", "stop", "kill", "flatten"]))
    def control(self, what: str) -> None:
        if what == "kill":
            if not self.killed:
                self.killed = True
                dropped = [item for item in self.pending if isinstance(item, OrderSpec)]
                self.pending = [item for item in self.pending if not isinstance(item, OrderSpec)]
                for spec in dropped:  # the gate shuts before they are sent
                    self.dispatch(ev.RiskRejected(spec.client_order_id, "killed"))
                self.dispatch(ev.KillLatched("kill-1", "test", self.now_ms))
        elif what == "flatten":
            self.flattens += 1
            self.level = max(self.level, TradingState.STOP)
            command = Command(seq=1, id=f"flat-{self.flattens}", cmd=Cmd.FLATTEN, at="", args={})
            self.ledger.command_seen(command, self.now_ms)
            self.dispatch(ev.CommandReceived(command))
        else:
            if self.killed and what == "run":
                self.killed = False
                self.dispatch(ev.KillLifted("kill-1", "test"))
            self.level = TradingState[what.upper()]
            self.dispatch(ev.TradingStateSet(self.level, "test"))

    @rule(post_arrives=st.booleans())
    def crash(self, post_arrives: bool) -> None:
        """kill -9: what is in memory is gone; a request that was on its way may arrive all the same."""
        for item in self.pending:
            if post_arrives and isinstance(item, OrderSpec):
                self.venue.post(item, self.prices[item.product_id], self.now_ms, D(1))
        self.boot()

    @rule(point=st.sampled_from(["before commit", "after commit"]))
    def crash_around_the_next_order(self, point: str) -> None:
        self.crash_at = point

    @rule()
    def a_buy_that_comes_through(self) -> None:
        """So that there is something to go wrong with: everything that waits arrives, then a lot is opened."""
        self.control("run")
        for _ in range(40):
            if self.pending:
                self.arrive(self.pending.pop(0))
        self.the_market_trades(PRODUCTS[0], "-0.8", "buy", 6)

    # What must hold at every moment.

    @invariant()
    def lots_are_what_the_fills_made(self) -> None:
        if not hasattr(self, "engine"):
            return
        with self.db.connect() as db:
            fills, rows = db.rows(select(t.fills), of=t.fills), db.rows(select(t.lots), of=t.lots)
        for product_id in PRODUCTS:
            signed = [f.base_size if f.side == "BUY" else -f.base_size for f in fills if f.product_id == product_id]
            kept = sum((row.base_left + row.dust for row in rows if row.product_id == product_id), ZERO)
            assert kept == sum(signed, ZERO), product_id
        stored = {row.lot_id: row.base_left for row in rows if row.closed_ms is None}
        assert stored == {lot.lot_id: lot.base_left for lot in self.engine.view.positions.lots()}

    @invariant()
    def one_runner_where_lots_are(self) -> None:
        if not hasattr(self, "engine"):
            return
        for product_id in PRODUCTS:
            lots = self.engine.view.positions.lots(product_id)
            assert sum(lot.kind is LotKind.RUNNER for lot in lots) == bool(lots)
            assert all(lot.base_left > 0 for lot in lots)

    @invariant()
    def one_entry_in_flight_for_each_product(self) -> None:
        if hasattr(self, "engine"):
            for product_id in PRODUCTS:
                assert len(self.engine.view.orders.entries_in_flight(product_id)) <= 1

    # The end: faults off, everything arrives, nothing is left open.

    def come_to_rest(self) -> None:
        self.crash_at = ""
        for _ in range(200):
            for _ in range(50):
                if not self.pending:
                    break
                self.arrive(self.pending.pop(0))
            self.now_ms += 1000
            self.dispatch(ev.Tick())
            if not self.pending and all(o.settled or self.rests(o) for o in self.orders()):
                break
        for _ in range(2):  # what was seen once is believed the second time
            self.now_ms += 10_000
            self.sync()
        for _ in range(5):
            self.now_ms += 1000
            self.dispatch(ev.Tick())
            for _ in range(200):
                if self.pending:
                    self.arrive(self.pending.pop(0))
            assert not self.pending, "it never comes to rest"
        self.lots_are_what_the_fills_made()
        self.nothing_was_missed()
        self.money_adds_up()

    @staticmethod
    def rests(order: Any) -> bool:
        return order.spec.purpose is Purpose.TAKE_PROFIT and order.state is OrderState.OPEN

    def orders(self) -> list[Any]:
        return list(self.engine.view.orders.all())

    def nothing_was_missed(self) -> None:
        with self.db.connect() as db:
            counted = {(row.order_id, row.trade_id) for row in db.rows(select(t.fills), of=t.fills)}
            known = {row.client_order_id for row in db.rows(select(t.orders), of=t.orders)}
        there = {(f.order_id, f.trade_id) for order in self.venue.orders.values() for f in order.fills}
        assert counted == there
        assert set(self.venue.orders) <= known, "an order without an intent"
        assert not [o for o in self.orders() if o.state is OrderState.UNKNOWN]
        resting = {o.spec.client_order_id for o in self.venue.orders.values() if o.status in LIVE}
        assert resting == {o.spec.client_order_id for o in self.orders() if not o.done}

    def money_adds_up(self) -> None:
        """cash = capital + realised + what open lots brought and cost, to the last digit of a division."""
        with self.db.connect() as db:
            lots = db.rows(select(t.lots), of=t.lots)
        cash = self.venue.start_cash
        for lot in lots:
            if lot.closed_ms is None:
                cash += lot.proceeds - lot.exit_fee - lot.cost - lot.entry_fee
            else:
                cash += lot.realized_pnl - (lot.cost + lot.entry_fee) * lot.dust / lot.base_bought
        assert abs(cash - self.venue.cash) < D("1e-30")
        assert self.engine.view.account.cash == self.venue.cash
        assert all(
            self.engine.view.account.totals.get(p.partition("-")[0], ZERO) == size
            for p, size in self.venue.base.items()
        )
