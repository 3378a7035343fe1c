"""What an event costs in the engine: prices with 20 lots over 10 products and a BUY signal on every one of them."""

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal

from bench.measurement import Measurement, measured
from bot.domain import events as ev
from bot.domain.balances import Balance, FeeRates
from bot.domain.bars import Bar
from bot.domain.instrument import Instrument
from bot.domain.intents import AskStrategy
from bot.domain.kinds import LotKind
from bot.domain.lots import Lot
from bot.domain.targets import Signal, SignalSide, Target
from bot.engine.engine import Engine
from bot.engine.state.recovered import RecoveredState
from shared.control import TradingState
from shared.settings import Settings
from shared.times import from_epoch_ms

PRODUCTS = tuple(f"P{number}-USD" for number in range(10))
START_MS = 1_800_000_000_000
EVENTS = 30_000
D = Decimal


class _Buys:
    """A strategy that always buys."""

    name = "buys"
    warmup_bars = memory_bars = 1
    target_type: type[Target] = Signal
    model_mode: str | None = None
    needs_peers: bool = False
    parameters: Mapping[str, str] = {}

    def answer(self, question: AskStrategy) -> ev.TargetReady:
        target = Signal(SignalSide.BUY, 0.6, {})
        return ev.TargetReady(question.instrument.product_id, question.bar_start_s, target)

    def fits(self) -> int:
        return 0


def engine_with_lots(lots: int = 20, held_products: int = len(PRODUCTS)) -> Engine:
    """Ready to trade, every product held, nothing reached: each price is judged against all of its lots and gates."""
    settings = Settings(products=PRODUCTS, tick_interval_sec=0.0, take_profit_order="market", edge_gate=False,
                        min_depth_usd=0.0, max_impact_bp=0.0)  # fmt: skip
    held = tuple(_lot(number, held_products) for number in range(lots))
    engine = Engine(settings, _Buys(), RecoveredState(lots=held), TradingState.RUN, from_epoch_ms(START_MS))
    now = from_epoch_ms(START_MS)
    step, small = D("0.01"), D("0.00000001")
    for name in PRODUCTS:
        product = Instrument(name, name[:2], "USD", small, step, step, small, D(10**6), D(1), D(10**8), D(100))
        engine.handle(ev.InstrumentList((product,)), now)
    engine.handle(ev.FeeUpdate(FeeRates(D("0.005"), D("0.009"), "Intro 1")), now)
    balances = (Balance("USD", D(10**5), D(0)), *(Balance(name[:2], D(lots), D(0)) for name in PRODUCTS))
    engine.handle(ev.BalanceReport(balances, START_MS), now)
    engine.handle(ev.FeedChanged(True, "up"), now)
    for name in PRODUCTS:
        engine.handle(ev.PriceUpdate(name, D(100), D("99.99"), D("100.01")), now)
        closed = ev.BarsClosed(name, "ONE_MINUTE", (Bar(START_MS // 1000 - 60, 100, 100, 100, 100, 1),))
        for intent in engine.handle(closed, now):
            if isinstance(intent, AskStrategy):
                engine.handle(engine.state.strategy.answer(intent), now)
    engine.handle(ev.Tick(), now)
    engine.handle(ev.TradingReady(), now)
    return engine


def _lot(number: int, held_products: int) -> Lot:
    kind = LotKind.RUNNER if number < held_products else LotKind.SCALP
    name = PRODUCTS[number % held_products]
    return Lot(
        f"lot-{number}", number + 1, name, kind, START_MS, D(1), D(1), D(100), D("0.9"), D("3.8"), D("0.01"), 10380, 0
    )


def costs_us(engine: Engine, events: Sequence[ev.Event]) -> list[float]:
    """Microseconds of each event, a millisecond of the engine's time apart."""
    found = []
    now_ms = START_MS
    for event in events:
        now_ms += 1
        now = from_epoch_ms(now_ms)
        began = time.perf_counter_ns()
        engine.handle(event, now)
        found.append((time.perf_counter_ns() - began) / 1000)
    return found


def prices(count: int) -> list[ev.PriceUpdate]:
    """Prices that move a little, product by product."""
    found: list[ev.PriceUpdate] = []
    for index in range(count):
        price = D(9990 + index * 7 % 20) / 100
        found.append(ev.PriceUpdate(PRODUCTS[index % len(PRODUCTS)], price, price - D("0.01"), price + D("0.01")))
    return found


def measure() -> list[Measurement]:
    """Prices, the tick of each second, and what the page's documents cost beside them."""
    engine = engine_with_lots()
    costs_us(engine, prices(3000))
    priced = costs_us(engine, prices(EVENTS))
    one = engine_with_lots(held_products=1)
    alone = costs_us(one, [event for event in prices(EVENTS) if event.product_id == PRODUCTS[0]])
    ticks = costs_us(engine, [ev.Tick()] * 500)
    shown = []
    for _ in range(100):
        began = time.perf_counter_ns()
        engine.view.gates.document()
        engine.view.risk.document()
        shown.append((time.perf_counter_ns() - began) / 1000)
    return [
        Measurement("price with 20 lots, 10 products, p50", measured(priced, 50), "us"),
        Measurement("price with 20 lots, 10 products, p99", measured(priced, 99), "us", 50.0),
        Measurement("price of a product that holds all 20, p99", measured(alone, 99), "us"),
        Measurement("tick of a second, p99", measured(ticks, 99), "us", note="off the way of a price"),
        Measurement("all gates and limits for the page, p50", measured(shown, 50), "us", note="twice a second"),
    ]
