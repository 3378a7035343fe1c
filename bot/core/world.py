"""The engine's state, and the few verbs that every part of it uses: emit an intent, note, save."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from bot.core.day import Day
from bot.core.fence_memory import Fence
from bot.core.ids import NO_EPOCH, OwnIds, client_order_id
from bot.core.intents import Intent, Note, SaveDay, SaveFact, SaveLot, SaveOrder
from bot.core.lots import Lot, LotBook
from bot.core.maker_job import MakerJob
from bot.core.market import Market
from bot.core.model import Bar, Kind, OrderSpec, Product, Purpose, VenueOrder
from bot.core.orders import Order, OrderInput, OrderState
from bot.core.portfolio import Portfolio, from_signed
from bot.core.risk.memory import RiskMemory
from bot.core.slicing import Slicing
from bot.core.time_weighted import FACT, PEAK_FACT, Curve
from shared.control import TradingState
from shared.documents import EventDoc
from shared.money import ZERO, plain, to_units
from shared.settings import Mode, Settings
from shared.times import from_epoch_ms, iso_seconds

EVENTS_SHOWN = 30
LOTS_TOO_LARGE = "open lots hold"  # begins the text of a latch that adopting lifts


@dataclass(frozen=True, slots=True)
class Signal:
    """What the strategy says of the newest closed bar."""

    word: str  # buy, sell, flat
    probability: float | None
    values: Mapping[str, float]


class StrategyFailed(Exception):
    """The strategy raised; the text names its file and line."""


class StrategyPort(Protocol):
    """The strategy as the engine sees it: closed bars in, signal out, nothing else."""

    name: str
    warmup_bars: int
    parameters: Mapping[str, str]

    model_mode: str | None

    def latest(self, product: Product, bars: Sequence[Bar]) -> Signal:
        """The newest bar's signal. Raises StrategyFailed with a line for a person."""

    def state(self, product_id: str) -> str | None:
        """What must survive a restart, as text; None = nothing."""

    def fits(self) -> int:
        """How many times a model was fitted."""


@dataclass(frozen=True, slots=True)
class Latch:
    """The kill latch."""

    latch_id: str
    source: str
    at_ms: int


@dataclass(slots=True)
class Flatten:
    """A flatten or close command at work: these lots must go."""

    command_id: str
    lot_ids: set[str]
    started_ms: int
    everything: bool = False  # lots that an entry in flight still opens, too
    fees: Decimal = ZERO
    proceeds: Decimal = ZERO
    fills: int = 0
    dust: dict[str, Decimal] = field(default_factory=dict)  # product → size that was too small to sell


@dataclass(frozen=True, slots=True)
class Restored:
    """What the ledger knew at the start."""

    lots: tuple[Lot, ...] = ()
    next_lot_seq: int = 1
    orders: tuple[Order, ...] = ()  # not settled ones, and those that open lots wait for
    fill_keys: frozenset[tuple[str, str]] = frozenset()
    own_ids: frozenset[str] = frozenset()  # every client order id the ledger holds
    epoch: str = NO_EPOCH  # of this run (`core.ids`)
    earlier_epochs: frozenset[str] = frozenset()  # of the ledger's other runs
    fence_ms: int | None = None  # unknown orders under our name since then (exchange's clock) are a second writer's
    day: Day | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)  # lot id → orders made for its exit
    order_times_ms: tuple[int, ...] = ()  # entries and exits of the last minute: a restart is no way round a limit
    latch: Latch | None = None
    totals: Mapping[str, int] = field(default_factory=dict)  # counters since the ledger began
    events: tuple[EventDoc, ...] = ()


class World:
    """Everything the engine knows. Parts of the engine are functions over it; the shell never touches it."""

    def __init__(
        self,
        settings: Settings,
        strategy: StrategyPort,
        quote: str,
        restored: Restored,
        level: TradingState,
        now_ms: int,
    ) -> None:
        self.settings = settings
        self.strategy = strategy
        self.now_ms = now_ms
        self.markets: dict[str, Market] = {}
        self.other_products: dict[str, Product] = {}  # not traded, only for the mark of other holdings
        self.facts: dict[str, str] = dict(restored.facts)
        self.portfolio = Portfolio(quote, self.facts.get("balances"))
        self.book = LotBook(restored.lots, restored.next_lot_seq)
        self.orders: dict[str, Order] = {order.spec.client_order_id: order for order in restored.orders}
        self.fill_keys: set[tuple[str, str]] = set(restored.fill_keys)
        self.own_ids = OwnIds(restored.own_ids)
        self.fence = Fence(restored.epoch, restored.earlier_epochs, restored.fence_ms)
        self.fence.restore(self.facts)
        self.attempts: dict[str, int] = dict(restored.attempts)
        self.foreign: dict[str, VenueOrder] = {}
        self.day: Day | None = restored.day
        self.totals: dict[str, int] = dict(restored.totals)
        self.level = level
        self.latch: Latch | None = restored.latch
        self.safe: str | None = None
        self.entries_latched: str | None = self.facts.get("entries_latched") or None
        # Currency → what nobody has explained yet (`core.differences`).
        self.differences: dict[str, Decimal] = from_signed(self.facts.get("differences"))
        # Adopted while it had no price: a transfer as soon as it has one (`core.transfers`).
        self.unpriced: dict[str, Decimal] = from_signed(self.facts.get("unpriced"))
        self.foreign_fills: dict[tuple[str, str], dict[str, Decimal] | None] = {}  # of others: what each moved
        self.ready = False
        self.ready_ms = 0  # since when
        # clock_doubt: our clock jumped, and was not compared with the exchange's since.
        self.feed_up, self.clock_doubt = False, False
        self.feed_note = "not connected yet"
        self.clock_offset_ms: int | None = None
        self.ledger_ok = True
        self.ledger_note = ""
        # Why nothing may be sold: the folder is a copy, DRY_RUN, the instance lock is lost. None = sales may go.
        self.sale_lock: str | None = "not judged yet" if settings.coin_mode is Mode.LIVE else None
        self.risk = RiskMemory.restored(self.facts)
        self.picked = frozenset(filter(None, self.facts.get("picked", "").split(",")))  # by the scanner
        self.makers: dict[str, MakerJob] = {}  # product → its maker entry at work
        self.flattens: dict[str, Flatten] = {}
        self.cancels: dict[str, tuple[str, int]] = {}  # command → (client order id, since)
        self.refused_in_a_row: dict[str, int] = {}  # product → entries refused since the last accepted one
        self.take_hold_ms: dict[str, int] = {}  # lot → no resting take before this
        self.exit_hold_ms: dict[str, int] = {}  # lot → no further exit before this
        self.slicing: dict[str, Slicing] = {}  # lot → its sale that goes in parts
        self.exits_refused: dict[str, int] = {}  # lot → its sales refused in a row
        self.order_times_ms: deque[int] = deque(restored.order_times_ms, maxlen=1000)
        self.events: deque[EventDoc] = deque(restored.events, maxlen=EVENTS_SHOWN)
        self.last_vol_factor: float | None = None
        self.edge_told = ""  # what people were told of a lifted trail (`bot.core.edge`)
        self.out: list[Intent] = []
        self.curve = Curve.restored(self.facts)
        self.curve_saved_ms = 0
        self.deepest_pct = 0.0  # drawdown at its deepest since it was last noted for the charts

    # What follows is asked everywhere.

    @property
    def may_enter(self) -> bool:
        return self.ready and self.level is TradingState.RUN and self.latch is None and self.safe is None

    @property
    def may_exit(self) -> bool:
        open_ = self.ready and self.level <= TradingState.PAUSE and self.latch is None and self.safe is None
        return open_ and self.sale_lock is None

    @property
    def may_sell(self) -> bool:
        """Whether a sale would reach the exchange: what rests for a lot is not cancelled for one that would not."""
        return self.sale_lock is None and self.ledger_ok

    def market(self, product_id: str) -> Market | None:
        return self.markets.get(product_id)

    def mark_of_currency(self, currency: str) -> Decimal | None:
        """Price of one unit of `currency` in the quote currency; None = not known."""
        product_id = f"{currency}-{self.portfolio.quote}"
        if product_id in self.markets:
            return self.markets[product_id].mark
        product = self.other_products.get(product_id)
        return product.price if product else None

    @property
    def equity(self) -> Decimal:
        """Cash and every holding at its mark."""
        return self.portfolio.cash + self.portfolio.holdings_value(self.mark_of_currency)

    def value_of(self, amounts: Mapping[str, Decimal]) -> Decimal:
        """Amounts by currency at their marks; what has no mark counts as nothing."""
        quote, total = self.portfolio.quote, ZERO
        for currency, amount in amounts.items():
            total += amount if currency == quote else amount * (self.mark_of_currency(currency) or ZERO)
        return total

    @property
    def settled_equity(self) -> Decimal:
        """Equity without what nobody has explained: a person's adopting makes a transfer of it."""
        waiting = (self.differences, self.portfolio.gap, self.unpriced)
        return self.equity - sum((self.value_of(amounts) for amounts in waiting), ZERO)

    @property
    def peak_equity(self) -> Decimal:
        """The highest equity, moved by every transfer since."""
        return self.curve.peak_equity

    @property
    def drawdown_pct(self) -> float:
        """The one drawdown: fall of the time-weighted curve from its highest point, in percent."""
        return self.curve.drawdown_pct(self.settled_equity)

    @property
    def lots_value(self) -> Decimal:
        """Open lots at mark."""
        return sum((lot.base_left * (self.mark_of_lot(lot) or ZERO) for lot in self.book), ZERO)

    def mark_of_lot(self, lot: Lot) -> Decimal | None:
        market = self.markets.get(lot.product_id)
        return market.mark if market else None

    @property
    def sizing_equity(self) -> Decimal:
        """Quote cash and our lots at mark: never holdings that are not ours (docs/trading-rules.md §4)."""
        if not self.settings.use_live_equity:
            return Decimal(str(self.settings.usd_equity))
        return self.portfolio.cash + self.lots_value

    @property
    def cash_available(self) -> Decimal:
        """Cash less what own buy orders in flight may still take."""
        return self.cash_free()

    def cash_free(self, without: str | None = None) -> Decimal:
        """Cash less what own buy orders in flight may still take, fees reserved; `without`: not this order.

        What the exchange held when it told the balances is of orders that are not ours: with an own entry in flight
        balances are not taken over.
        """
        in_flight = self.portfolio.holds.get(self.portfolio.quote, ZERO)
        for coid, order in self.orders.items():
            if not order.settled and order.spec.purpose is Purpose.ENTRY and coid != without:
                left = order.spec.notional - order.counted_quote
                in_flight += max(left, ZERO) * (1 + self.maker_rate if order.spec.kind is Kind.LIMIT else 1)
        return max(self.portfolio.cash - in_flight, ZERO)

    @property
    def maker_rate(self) -> Decimal:
        """Fraction of the notional; FEE_RATE_PCT where the tier is not known."""
        rates = self.portfolio.rates
        return rates.maker if rates is not None else Decimal(str(self.settings.fee_rate_pct)) / 100

    def cost_quote(self, spec: OrderSpec) -> Decimal:
        """What a buy may take of the cash: a market order's quote size has its fee in it, a limit order's has not."""
        return spec.notional * (1 + self.maker_rate) if spec.kind is Kind.LIMIT else spec.notional

    def traded(self, product_id: str) -> bool:
        """Whether entries of it are wanted at all: by the scanner where it is on, else by PRODUCTS."""
        if self.settings.scanner_max_products and self.picked:
            return product_id in self.picked
        return product_id in self.settings.products

    def entries_in_flight(self, product_id: str | None = None) -> list[Order]:
        """Entries that are not settled, UNKNOWN ones among them; of one product or of all."""
        return [
            order
            for order in self.orders.values()
            if order.spec.purpose is Purpose.ENTRY
            and not order.settled
            and (product_id is None or order.spec.product_id == product_id)
        ]

    def lots_to_come(self, product_id: str | None = None) -> int:
        """Entries on their way that are no lot yet; a maker entry counts also between two of its orders."""
        coming = {order.spec.lot_id or order.spec.client_order_id for order in self.entries_in_flight(product_id)}
        coming |= {job.lot_id for job in self.makers.values() if product_id in (None, job.product_id)}
        return sum(self.book.get(lot_id) is None for lot_id in coming)

    def price_ticks(self, product: Product, price: Decimal) -> int:
        """The crossing from exact price to the rulebook's whole ticks."""
        return to_units(price, product.price_increment)

    def exit_order(self, lot: Lot) -> Order | None:
        """The order that works for the lot's exit, as long as it may still fill."""
        order = self.orders.get(lot.exit_client_order_id or "")
        return order if order is not None and not order.settled else None

    # Verbs.

    def emit(self, intent: Intent) -> None:
        self.out.append(intent)

    def note(
        self,
        kind: str,
        text: str,
        level: str = "info",
        product_id: str | None = None,
        ref: str | None = None,
        **data: Any,
    ) -> None:
        """One line for the journal, the log and the page."""
        self.emit(Note(kind, text, level, product_id, ref, data))
        at = iso_seconds(from_epoch_ms(self.now_ms))
        self.events.append(EventDoc(at=at, at_ms=self.now_ms, kind=kind, level=level, text=text, product_id=product_id))

    def save_order(self, order: Order) -> None:
        self.orders[order.spec.client_order_id] = order
        self.emit(SaveOrder(order))

    def save_lot(self, lot: Lot) -> None:
        self.book.put(lot)
        self.emit(SaveLot(lot))

    @property
    def exchange_ms(self) -> int:
        """The exchange's clock now, by ours and the difference that was seen last."""
        return self.now_ms + (self.clock_offset_ms or 0)

    def save_day(self, day: Day) -> None:
        self.day = day
        self.emit(SaveDay(day))

    def save_curve(self, curve: Curve) -> None:
        """Keep the curve, and its peak in money beside it."""
        self.curve, self.curve_saved_ms = curve, self.now_ms
        self.save_fact(FACT, curve.to_text())
        self.save_fact(PEAK_FACT, plain(curve.peak_equity))

    @property
    def entries_blocked(self) -> str | None:
        """Why a person must look before the next entry; None = nothing waits for one."""
        if self.fence.second_writer is not None:
            return f"second writer: {self.fence.second_writer}"
        if self.differences:
            return f"the account differs by {self.facts.get('differences')}"
        return self.entries_latched

    def latch_entries(self, text: str) -> None:
        """No entry until a person pressed Start; a restart does not lift it.

        The first cause stands, as the later ones often follow from it; but one that adopting lifts gives way.
        """
        known = self.entries_latched
        if known != text and (not known or known.startswith(LOTS_TOO_LARGE)):
            self.entries_latched = text
            self.save_fact("entries_latched", text)

    def save_fact(self, key: str, value: str) -> None:
        self.facts[key] = value
        self.emit(SaveFact(key, value))

    def count(self, name: str) -> None:
        """One more of `name`, today and since the ledger began."""
        self.totals[name] = self.totals.get(name, 0) + 1
        if self.day is not None:
            self.save_day(self.day.counted(name))

    def step_order(self, order: Order, event: OrderInput, reason: str | None = None) -> Order:
        """Move an order by the table and save it."""
        after = order.after(event, self.now_ms, reason=reason)
        self.save_order(after)
        return after

    def next_id(self, lot_id: str, word: str) -> str:
        """The client order id of the next order made for a lot."""
        number = self.attempts.get(lot_id, 0) + 1
        self.attempts[lot_id] = number
        return self.intent_id(word, lot_id, number)

    def intent_id(self, *facts: object) -> str:
        """The client order id of an intent: the one that it has from whichever run, else a new one of this run."""
        new = client_order_id(self.settings.bot_name, self.fence.epoch, *facts)
        return self.own_ids.known_for(new) or new

    def forget_settled(self) -> None:
        """Drop orders that are over and that nothing waits for; the ledger keeps them."""
        waited = {lot.exit_client_order_id for lot in self.book}
        for coid, order in list(self.orders.items()):
            old = self.now_ms - order.updated_ms > 60_000
            if order.settled and old and coid not in waited and order.state is not OrderState.ABSENT:
                del self.orders[coid]

    def resting_take(self, lot: Lot) -> Order | None:
        """The lot's take profit that rests at the exchange, or may."""
        order = self.exit_order(lot)
        return order if order is not None and order.spec.purpose is Purpose.TAKE else None


def replace_lot(lot: Lot, **changes: Any) -> Lot:
    """`dataclasses.replace`, named for what it does here."""
    return replace(lot, **changes)
