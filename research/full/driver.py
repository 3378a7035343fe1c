"""Between the engine and the exchange: intents carried out in bar time, answers told as events."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.domain import events as ev
from bot.domain.balances import FeeRates
from bot.domain.bars import Bar
from bot.domain.intents import (
    AskStrategy,
    CancelOrder,
    FetchFills,
    Intent,
    LookUpOrder,
    PlaceOrder,
    SaveDay,
    SaveKeyValue,
    SaveLot,
)  # fmt: skip
from bot.domain.kinds import OrderKind, Side
from bot.domain.lots import Lot
from bot.domain.orders import OrderSpec, OrderStatus
from bot.domain.targets import Exposure, Signal, SignalSide, Target
from bot.engine.engine import Engine
from bot.engine.state.recovered import RecoveredState
from bot.rules import codes
from research.data.candles import CandleSet
from research.decisions import Said, are_weights
from research.engine import MarketModel, Prepared
from research.full.venue import BacktestVenue, configuration
from research.limits import sides_of
from shared.control import TradingState
from shared.settings import Settings
from shared.times import from_epoch_ms

SIDES = {
    codes.SIGNAL_BUY: SignalSide.BUY,
    codes.SIGNAL_SELL: SignalSide.SELL,
    codes.SIGNAL_FLAT: SignalSide.FLAT,
}


class ArrayStrategy:
    """`bot.engine.ports.StrategyPort` that says what was computed over all of history: signals, or target weights."""

    def __init__(self, settings: Settings, prepared: Prepared, said: Said) -> None:
        self.name = settings.strategy
        self.warmup_bars = self.memory_bars = 1
        self.needs_peers = False
        self.target_type: type[Target] = Exposure if are_weights(said) else Signal
        self.parameters: Mapping[str, str] = {}
        self.model_mode: str | None = None
        calls = said if self.target_type is Exposure else [sides_of(one) for one in said]
        self._said = _by_bar(prepared, calls)
        self._size = _by_bar(prepared, [one["size"] for one in said]) if settings.regime else {}

    def answer(self, question: AskStrategy) -> ev.TargetReady:
        product_id, start_s = question.instrument.product_id, question.bar_start_s
        said = self._said[product_id][start_s]
        if self.target_type is Exposure:  # regimes are in the weights already
            return ev.TargetReady(product_id, start_s, Exposure(said, {}))
        size = self._size[product_id][start_s] if self._size else 1.0
        return ev.TargetReady(product_id, start_s, Signal(SIDES[said], None, {}, size))

    def fits(self) -> int:
        return 0


def _by_bar(prepared: Prepared, columns: Said) -> dict[str, dict[int, Any]]:
    """By product, then by the time at which the bar opened."""
    return {
        one.product_id: dict(zip(one.start_s.tolist(), column.tolist(), strict=True))
        for one, column in zip(prepared.candles, columns, strict=True)
    }


@dataclass(slots=True)
class EquityCurve:
    """Equity and lots' value after every time at which a bar closed."""

    equity: list[float]
    held: list[float]


@dataclass(slots=True)
class LotSales:
    """What was sold of a lot so far: base units, quote currency, how many sales, and the price of the last one."""

    sold: Decimal = Decimal(0)
    proceeds: Decimal = Decimal(0)
    count: int = 0
    price: Decimal = Decimal(0)

    def see(self, lot: Lot) -> None:
        sold = lot.base_bought - lot.base_left - lot.dust
        if sold > self.sold:
            self.count += 1
            self.price = (lot.proceeds - self.proceeds) / (sold - self.sold)
            self.sold, self.proceeds = sold, lot.proceeds


class BarDriver:
    """Carries the engine's intents to the exchange and its answers back, in bar time."""

    def __init__(self, prepared: Prepared, said: Said, settings: Settings, model: MarketModel) -> None:
        self.prepared = prepared
        first_s = int(prepared.start_s.min())
        self.venue = BacktestVenue(prepared, model, first_s * 1_000_000 - 1)
        self.now_ms = first_s * 1000 - 1
        strategy = ArrayStrategy(settings, prepared, said)
        self.engine = Engine(settings, strategy, RecoveredState(), TradingState.RUN, from_epoch_ms(self.now_ms))
        self.held: dict[str, deque[OrderSpec]] = {one.product_id: deque() for one in prepared.candles}
        self.ids: dict[str, str] = {}  # exchange's id -> ours, of orders that may still change
        self.seen: dict[str, tuple[Any, ...]] = {}
        self.opening = False  # bars open now; else they close
        self.at_weights = strategy.target_type is Exposure
        self.closed: list[tuple[Lot, bool]] = []  # and whether that was at an open
        self.sales: dict[str, LotSales] = {}  # by lot
        self.breaker_days: set[str] = set()  # days whose loss limit was reached
        self.refused = [0, 0]  # entries that the exchange refused: for funds, for another reason
        self.latched_ms = 0  # when the drawdown limit shut entries for good; 0 = it did not
        self._start(model)

    def _start(self, model: MarketModel) -> None:
        self.tell(ev.InstrumentList(self.venue.products()))
        maker, taker = (Decimal(str(pct)) / 100 for pct in (model.maker_pct, model.taker_pct))
        self.tell(ev.FeeUpdate(FeeRates(maker, taker, "fixed")))
        self.tell(ev.BalanceReport(self.venue.balances(), self.now_ms))
        self.tell(ev.FeedChanged(True, ""))
        self.tell(ev.TradingReady())

    def tell(self, event: Any) -> None:
        """One event, and everything that comes of it now."""
        waiting = deque(self.engine.handle(event, from_epoch_ms(self.now_ms)))
        while waiting:
            waiting.extend(self._carry_out(waiting.popleft()))

    def _handle(self, event: Any) -> list[Intent]:
        return self.engine.handle(event, from_epoch_ms(self.now_ms))

    def _carry_out(self, intent: Intent) -> list[Intent]:
        match intent:
            case SaveLot(lot):
                self.sales.setdefault(lot.lot_id, LotSales()).see(lot)
                if lot.closed_ms is not None:
                    self.closed.append((lot, self.opening))
            case SaveDay(day):
                if day.breaker_ms is not None:
                    self.breaker_days.add(day.day)
            case SaveKeyValue("entries_latched", text):
                if text.startswith("drawdown") and not self.latched_ms:
                    self.latched_ms = self.now_ms
            case AskStrategy():
                return self._handle(self.engine.state.strategy.answer(intent))
            case PlaceOrder(spec):
                if spec.kind is OrderKind.MARKET:
                    self.held[spec.product_id].append(spec)
                    return []
                return self._place(spec)
            case CancelOrder(_, order_id):
                self.venue.ask("POST", "/orders/batch_cancel", body={"order_ids": [order_id]})
                return self._look(order_id)
            case LookUpOrder(client_order_id, order_id, _, _):
                if order_id is not None:
                    return self._handle(ev.LookupResult(client_order_id, self.venue.order(order_id), complete=True))
            case FetchFills(order_id):
                return self._handle(ev.FillReports(self.venue.fills(order_id, self.ids.get(order_id, ""))))
            case _:
                pass
        return []

    def _place(self, spec: OrderSpec) -> list[Intent]:
        body = {
            "client_order_id": spec.client_order_id, "product_id": spec.product_id, "side": spec.side.value,
            "order_configuration": configuration(spec),
        }  # fmt: skip
        answer = self.venue.ask("POST", "/orders", body=body)
        if not answer["success"]:
            refusal = answer["error_response"]
            short = refusal["error"] == "INSUFFICIENT_FUND"
            if spec.side is Side.BUY:
                self.refused[0 if short else 1] += 1
            return self._handle(ev.VenueRejected(spec.client_order_id, str(refusal["error"]), insufficient=short))
        order_id = str(answer["order_id"])
        self.ids[order_id] = spec.client_order_id
        return [*self._handle(ev.OrderAccepted(spec.client_order_id, order_id)), *self._look(order_id)]

    def _look(self, order_id: str) -> list[Intent]:
        """Tell the engine of one order if there is news of it."""
        shown = self.venue.order(order_id)
        state = (shown.status, shown.filled_size)
        if self.seen.get(order_id) == state:
            return []
        self.seen[order_id] = state
        return self._handle(ev.OrderReports((shown,), complete=False, asked_ms=self.now_ms))

    def poll(self) -> bool:
        """Tell the engine of every order that the market moved; True = one came to its end by time."""
        expired = False
        still = self.venue.local.exchange.venue.open
        moved = [order_id for order_id in self.ids if order_id not in still or still[order_id].filled]
        for order_id in sorted(moved, key=self.venue.when):
            waiting = deque(self._look(order_id))
            while waiting:
                waiting.extend(self._carry_out(waiting.popleft()))
            if order_id not in still:
                expired = expired or self.seen[order_id][0] is OrderStatus.EXPIRED
                self.ids.pop(order_id, None)
        return expired

    def open_bar(self, product_id: str, tick: int) -> None:
        """The product's open has been played: send what was decided on the bar before."""
        waiting = self.held[product_id]
        if waiting:
            self.venue.stand_at(product_id, tick)
        while waiting:
            intents = deque(self._place(waiting.popleft()))
            while intents:
                intents.extend(self._carry_out(intents.popleft()))

    def sells_first(self, product_id: str) -> int:
        """For the order in which products open: those that sell before those that buy."""
        waiting = self.held[product_id]
        return 1 if waiting and waiting[0].side is Side.BUY else 0

    def go_on(self, candles: CandleSet, ticks: int) -> None:
        """What is held at weights is brought all the way at this open: one order follows the other within seconds."""
        self.price(candles, ticks)
        self._second()
        while self.held[candles.product_id]:
            self.open_bar(candles.product_id, ticks)
            self._second()

    def _second(self) -> None:
        self.now_ms += 1000
        self.tell(ev.Tick())

    def close_bar(self, candles: CandleSet, i: int) -> None:
        """The bar is closed: decisions."""
        bar = Bar(
            int(candles.start_s[i]), float(candles.open[i]), float(candles.high[i]), float(candles.low[i]),
            float(candles.close[i]), float(candles.volume[i]),
        )  # fmt: skip
        self.tell(ev.BarsClosed(candles.product_id, self.engine.view.settings.granularity, (bar,)))

    def price(self, candles: CandleSet, ticks: int) -> None:
        tick = Decimal(candles.price_increment)
        self.tell(ev.PriceUpdate(candles.product_id, ticks * tick, (ticks - 1) * tick, (ticks + 1) * tick))
