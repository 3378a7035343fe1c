"""An engine alone: events in, intents out, time turned by hand. No exchange, no file, no loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from bot.domain import events as ev
from bot.domain.balances import Balance, FeeRates
from bot.domain.bars import Bar
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.intents import (
    AskStrategy,
    CancelOrder,
    FetchFills,
    Intent,
    LookUpOrder,
    Note,
    PlaceOrder,
    SaveLot,
    SaveReceipt,
)
from bot.domain.kinds import Side
from bot.domain.lots import Lot
from bot.domain.order_life import Order
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from bot.domain.targets import Signal, SignalSide, Target
from bot.engine.engine import Engine
from bot.engine.state.recovered import RecoveredState
from bot.engine.views.engine_view import EngineView
from bot.engine.views.markets import MarketView
from shared.command_table import Cmd
from shared.control import Command, TradingState
from shared.documents.risk import LimitDoc
from shared.settings import Settings
from shared.times import from_epoch_ms

START_MS = 1_795_176_000_000  # 2026-11-20T12:00:00Z
T = TypeVar("T")
D = Decimal


def product(product_id: str = "BTC-USD", **changes: Any) -> Instrument:
    base, _, quote = product_id.partition("-")
    terms: dict[str, Any] = {
        "product_id": product_id,
        "base": base,
        "quote": quote,
        "base_increment": D("0.00000001"),
        "quote_increment": D("0.01"),
        "price_increment": D("0.01"),
        "base_min_size": D("0.00000001"),
        "base_max_size": D("1000000"),
        "quote_min_size": D(1),
        "quote_max_size": D("100000000"),
        "price": D(100),
    }
    return Instrument(**(terms | changes))


@dataclass
class Said:
    """A strategy that says what it was told to say."""

    word: str = "flat"
    name: str = "said"
    warmup_bars: int = 1
    memory_bars: int = 1
    target_type: type[Target] = Signal
    parameters: dict[str, str] = field(default_factory=dict)
    model_mode: str | None = None
    needs_peers: bool = False

    def latest(self, product: Instrument, bars: Sequence[Bar]) -> Signal:
        return Signal(SignalSide(self.word), None, {})

    def answer(self, question: AskStrategy) -> ev.TargetReady:
        target = self.latest(question.instrument, question.bars)
        return ev.TargetReady(question.instrument.product_id, question.bar_start_s, target)

    def fits(self) -> int:
        return 0


def quiet_settings(**changes: Any) -> Settings:
    """Settings whose side rules stay out of the way: no edge gate, no volatility factor."""
    terms: dict[str, Any] = {"products": ("BTC-USD",), "edge_gate": False, "vol_risk_adjust": False}
    terms |= {"max_impact_bp": 0.0, "min_depth_usd": 0.0}  # prices come without a book
    return Settings(**(terms | changes))


class Rig:
    """One engine with its strategy, ready to trade at a price of 100."""

    def __init__(
        self,
        *,
        cash: str = "10000",
        restored: RecoveredState | None = None,
        level: TradingState = TradingState.RUN,
        now_ms: int = START_MS,
        ready: bool = True,
        holdings: dict[str, str] | None = None,
        list_price: str = "100",
        **settings: Any,
    ) -> None:
        self.now_ms = now_ms
        self.settings = quiet_settings(**settings)
        self.strategy = self.says()
        self.answers = True  # the strategy's answer comes at once
        self.engine = Engine(self.settings, self.strategy, restored or RecoveredState(), level, from_epoch_ms(now_ms))
        self.intents: list[Intent] = []
        self._next_lot_seq = (restored or RecoveredState()).next_lot_seq
        self.trades = 0
        self.bar_s = now_ms // 60_000 * 60 - 60
        for product_id in self.settings.products:
            self.send(ev.InstrumentList((product(product_id, price=D(list_price)),)))
        self.send(ev.FeeUpdate(FeeRates(D("0.005"), D("0.009"), "Intro 1")))
        totals = {"USD": cash} | (holdings or {})
        balances = tuple(Balance(currency, D(total), D(0)) for currency, total in totals.items())
        self.send(ev.BalanceReport(balances, now_ms))
        self.send(ev.Tick())
        if ready:
            self.send(ev.FeedChanged(True, "up"))
            self.send(ev.TradingReady())

    def says(self) -> Said:
        """The strategy that the engine is given."""
        return Said()

    # Time and market.

    def send(self, event: ev.Event, after_ms: int = 0) -> list[Intent]:
        """One event, `after_ms` later; the intents it led to."""
        self.now_ms += after_ms
        found = self.engine.handle(event, from_epoch_ms(self.now_ms))
        if self.answers:
            for question in [intent for intent in found if isinstance(intent, AskStrategy)]:
                found = found + self.engine.handle(self.strategy.answer(question), from_epoch_ms(self.now_ms))
        self.intents.extend(found)
        return found

    def price(self, price: str, product_id: str = "BTC-USD", after_ms: int = 1000) -> list[Intent]:
        value = D(price)
        half = D("0.01")
        return self.send(ev.PriceUpdate(product_id, value, value - half, value + half), after_ms)

    def bar(self, word: str, price: str = "100", product_id: str = "BTC-USD", after_ms: int = 0) -> list[Intent]:
        """A bar closes, `after_ms` later, and the strategy says `word`; a price comes, so that gates are judged."""
        self.now_ms += after_ms
        self.strategy.word = word
        self.bar_s = max(self.bar_s + 60, self.now_ms // 60_000 * 60 - 60)
        close = float(price)
        bar = Bar(self.bar_s, close, close, close, close, 1.0)
        found = self.send(ev.BarsClosed(product_id, "ONE_MINUTE", (bar,)))
        return found + self.price(price, product_id)

    def tick(self, times: int = 1) -> list[Intent]:
        found: list[Intent] = []
        for _ in range(times):
            found += self.send(ev.Tick(), 1000)
        return found

    # The exchange's answers.

    def accept(self, spec: OrderSpec, order_id: str | None = None) -> list[Intent]:
        return self.send(ev.OrderAccepted(spec.client_order_id, order_id or venue_id(spec)), 10)

    def seen(self, spec: OrderSpec, status: OrderStatus, filled: str = "0") -> list[Intent]:
        return self.send(ev.OrderReports((self.shown(spec, status, filled),), complete=False, asked_ms=0), 10)

    def shown(self, spec: OrderSpec, status: OrderStatus, filled: str = "0") -> OrderReport:
        return OrderReport(
            venue_id(spec), spec.client_order_id, spec.product_id, spec.side, status, D(filled), self.now_ms
        )

    def fill(self, spec: OrderSpec, size: str, price: str, *, fee: str = "0", trade: str | None = None) -> list[Intent]:
        return self.send(ev.FillReports((self.make_fill(spec, size, price, fee=fee, trade=trade),)), 10)

    def make_fill(self, spec: OrderSpec, size: str, price: str, *, fee: str = "0", trade: str | None = None) -> Fill:
        self.trades += 1
        return Fill(
            venue_id(spec),
            trade or f"t{self.trades}",
            spec.client_order_id,
            spec.product_id,
            spec.side,
            D(price),
            D(size),
            D(fee),
            "taker",
            self.now_ms,
        )

    def fills_all(self, spec: OrderSpec, size: str, price: str, fee: str = "0") -> list[Intent]:
        """Accepted, filled at once, told by stream and by the list of fills."""
        found = self.accept(spec)
        found += self.seen(spec, OrderStatus.FILLED, size)
        return found + self.fill(spec, size, price, fee=fee)

    def command(self, cmd: Cmd, command_id: str = "c1", **args: str) -> list[Intent]:
        return self.send(ev.CommandReceived(Command(seq=1, id=command_id, cmd=cmd, at="", args=args)))

    def level(self, level: TradingState) -> list[Intent]:
        return self.send(ev.TradingStateSet(level, "test"))

    def restored(self) -> RecoveredState:
        """What a ledger would give a new start: open lots, orders that are not settled, facts, the day."""
        view = self.view
        return RecoveredState(
            lots=view.positions.lots(),
            next_lot_seq=max(self._next_lot_seq, *(i.lot.seq + 1 for i in self.intents if isinstance(i, SaveLot)), 1),
            orders=view.orders.working(),
            fill_keys=view.orders.fill_keys,
            own_ids=view.orders.own_ids,
            day=view.account.day,
            key_values=view.records.values,
            attempts=view.orders.attempts,
            totals=view.records.totals,
        )

    # What is to be looked at.

    def exit_id(self) -> str:
        """Of the one lot's exit."""
        return one(self.lots).exit_client_order_id or ""

    @property
    def lots(self) -> list[Lot]:
        return list(self.view.positions.lots())

    @property
    def view(self) -> EngineView:
        return self.engine.view

    def order(self, wanted: OrderSpec | str) -> Order:
        """By its terms or by our id of it."""
        found = self.view.orders.get(wanted if isinstance(wanted, str) else wanted.client_order_id)
        assert found is not None, wanted
        return found

    def market(self, product_id: str = "BTC-USD") -> MarketView:
        return market_of(self.engine, product_id)

    def limit(self, name: str) -> LimitDoc:
        """As the risk document shows it."""
        return next(limit for limit in self.view.risk.document().limits if limit.name == name)

    # What no event does.

    def asked(self, function: Callable[..., T], *terms: Any) -> T:
        """The answer of one of the engine's own functions over its state; a product's id stands for its market."""
        assert function.__module__.startswith("bot.engine"), "a test's own function would be a back door"
        state = self.engine.state
        return function(
            state, *(state.markets.by_product.get(term, term) if isinstance(term, str) else term for term in terms)
        )

    def show_at(self, now_ms: int) -> None:
        """Time goes by for what is shown and judged; nothing happens."""
        self.engine.seen_at(from_epoch_ms(now_ms))

    def lose(self, share: str) -> None:
        """The account falls by a loss that no fill and no balance report tells of."""
        self.move(USD=-self.view.account.cash * D(share))

    def move(self, **amounts: Decimal) -> None:
        """The account's currencies move by trades that no fill and no balance report tells of."""
        totals = self.engine.state.account.portfolio.totals
        for currency, amount in amounts.items():
            totals[currency] = totals.get(currency, D(0)) + amount

    def forget_refusals(self) -> None:
        """As if the refusals so far lay long back; time that goes by would end what is counted by the minute, too."""
        risk = self.engine.state.risk
        risk.refused_in_a_row.clear()
        risk.outcomes.clear()
        risk.pauses.clear()

    def open_runner(self, size: str = "1", price: str = "100", fee: str = "0") -> tuple[OrderSpec, OrderSpec | None]:
        """Buy, filled; (the entry, the take that rests then)."""
        entry = one(places(self.bar("buy", price)))
        rest = places(self.fills_all(entry, size, price, fee))
        self.strategy.word = "flat"
        return entry, rest[0] if rest else None


def market_of(engine: Engine | None, product_id: str) -> MarketView:
    """The market as it is now; asked for again to see it later."""
    assert engine is not None
    found = engine.view.markets.get(product_id)
    assert found is not None, product_id
    return found


def venue_id(spec: OrderSpec) -> str:
    return f"v-{spec.client_order_id[-12:]}"


def of(intents: Sequence[Intent], kind: type[T]) -> list[T]:
    return [intent for intent in intents if isinstance(intent, kind)]


def places(intents: Sequence[Intent]) -> list[OrderSpec]:
    return [intent.spec for intent in of(intents, PlaceOrder)]


def cancels(intents: Sequence[Intent]) -> list[str]:
    return [intent.client_order_id for intent in of(intents, CancelOrder)]


def looks(intents: Sequence[Intent]) -> list[str]:
    return [intent.client_order_id for intent in of(intents, LookUpOrder)]


def fetches(intents: Sequence[Intent]) -> list[str]:
    return [intent.order_id for intent in of(intents, FetchFills)]


def notes(intents: Sequence[Intent]) -> list[str]:
    return [intent.text for intent in of(intents, Note)]


def receipts(intents: Sequence[Intent]) -> list[SaveReceipt]:
    return of(intents, SaveReceipt)


def one(items: Sequence[T]) -> T:
    assert len(items) == 1, items
    return items[0]


def sells(intents: Sequence[Intent]) -> list[OrderSpec]:
    return [spec for spec in places(intents) if spec.side is Side.SELL]
