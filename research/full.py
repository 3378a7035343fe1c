"""`--engine full`: the bot's own event engine against the in-process exchange, bar by bar. Slow, every mechanism live.

Decisions are made on closed bars; their market orders are sent at the next open, resting takes at once. The exchange
plays each bar as four prints (open, low, high, close) around a book deep enough that no order moves the price. This
is the only module of research that knows the bot's runtime side and the simulator.
"""

import dataclasses
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import jwt
import numpy as np
import orjson
from numpy.typing import NDArray

from bot.coinbase import parse
from bot.core import events as ev
from bot.core.engine import Engine
from bot.core.intents import CancelOrder, FetchFills, Intent, LookUpOrder, PlaceOrder, SaveLot
from bot.core.lots import Lot
from bot.core.model import Bar, ExitReason, FeeRates, Kind, LotKind, OrderSpec, Product, VenueOrder
from bot.core.rules import codes
from bot.core.world import Restored, Signal
from research.data.candles import Candles, Floats
from research.engine import Fill, MarketModel, Prepared, RawResult
from research.errors import ResearchError
from research.loops import types as t
from shared.control import Level
from shared.money import plain
from shared.settings import Settings
from shared.times import from_epoch_ms, iso_ms
from simulator.core.bars import Bar as SimBar
from simulator.core.bars import Print
from simulator.core.fees import Tier
from simulator.core.products import Product as SimProduct
from simulator.core.venue import Rules as VenueRules
from simulator.exchange import Config
from simulator.inprocess import HOST, LocalExchange
from simulator.store import Store

PREFIX = "/api/v3/brokerage"
LEVELS = 40
DEPTH = 10**12  # base units a day: no order is large in such a book
WORDS = {codes.SIGNAL_BUY: "buy", codes.SIGNAL_SELL: "sell", codes.SIGNAL_FLAT: "flat"}
REASONS = {
    ExitReason.STOP: codes.EXIT_STOP,
    ExitReason.TRAIL: codes.EXIT_TRAIL,
    ExitReason.TAKE: codes.EXIT_TAKE,
}


class BarTape:
    """A `simulator.core.tape.Tape` of research's bars: open at the bar's begin, low, high and close near its end.

    `through`: the prints show the bid one tick lower, so that a take exactly at the high is left.
    """

    def __init__(self, prepared: Prepared, through: bool) -> None:
        self.products: tuple[SimProduct, ...] = tuple(_sim_product(one) for one in prepared.candles)
        self.begins = int(prepared.start_s.min()) // 60
        self.ends: int | None = None
        self._length = prepared.granularity_s // 60
        self._less = 1 if through else 0
        self._bars: dict[str, dict[int, tuple[int, int, int, int]]] = {}
        for one, first, end in zip(prepared.candles, prepared.first.tolist(), prepared.end.tolist(), strict=True):
            columns = (column[first:end].tolist() for column in prepared.ticks)
            starts = (prepared.start_s[first:end] // 60).tolist()
            self._bars[one.product_id] = dict(zip(starts, zip(*columns, strict=True), strict=True))

    def minute(self, product_id: str, minute: int) -> SimBar | None:  # noqa: ARG002 - no client asks for candles
        return None

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:  # noqa: ARG002
        return None

    def prints(self, product_id: str, minute: int) -> list[Print]:
        bars, out = self._bars[product_id], []
        opening = bars.get(minute)
        if opening is not None:
            out.append(Print(0, max(opening[0] - self._less, 1), 1, maker_buys=True))
        closing = bars.get(minute - self._length + 1)
        if closing is not None:
            _, high, low, close = closing
            out += [
                Print(offset_us, max(tick - self._less, 1), 1, maker_buys=True)
                for offset_us, tick in ((20_000_000, low), (40_000_000, high), (59_000_000, close))
            ]
        return out

    def gate(self, product_id: str, minute: int) -> str | None:  # noqa: ARG002 - always open
        return None

    def half_spread(self, product_id: str, minute: int) -> int:  # noqa: ARG002
        return 1

    def depth_percent(self, product_id: str, minute: int) -> int:  # noqa: ARG002
        return 100


def _sim_product(one: Candles) -> SimProduct:
    base, _, quote = one.product_id.partition("-")
    return SimProduct(
        one.product_id, base, quote, one.price_increment, one.base_increment, "0.01", one.base_increment,
        "1000000000000", "1", "1000000000000", plain(Decimal(str(float(one.close[0])))), DEPTH,
    )  # fmt: skip


class ArrayStrategy:
    """`bot.core.world.StrategyPort` that says what was computed over all of history."""

    def __init__(self, settings: Settings, prepared: Prepared, said: Sequence[NDArray[np.int8]]) -> None:
        self.name = settings.strategy
        self.warmup_bars = 1
        self.parameters: Mapping[str, str] = {}
        self.model_mode: str | None = None
        self._said = {
            one.product_id: dict(zip(one.start_s.tolist(), calls.tolist(), strict=True))
            for one, calls in zip(prepared.candles, said, strict=True)
        }

    def latest(self, product: Product, bars: Sequence[Bar]) -> Signal:
        return Signal(WORDS[self._said[product.product_id][bars[-1].start_s]], None, {})

    def state(self, product_id: str) -> str | None:  # noqa: ARG002 - nothing to keep
        return None

    def fits(self) -> int:
        return 0


class Venue:
    """The exchange's protocol as the driver needs it: signed requests, parsed answers."""

    def __init__(self, prepared: Prepared, model: MarketModel, start_us: int) -> None:
        maker, taker = (round(pct * 10_000) for pct in (model.maker_pct, model.taker_pct))
        config = Config(
            funds=plain(Decimal(str(model.cash))), rules=VenueRules(maker_ppm=maker, taker_ppm=taker), levels=LEVELS,
            enforce_rate_limits=False,
        )  # fmt: skip
        tape = BarTape(prepared, model.through)
        self.local = LocalExchange(start_us=start_us, config=config, tape=tape, store=Store(None))
        venue = self.local.exchange.venue
        # One tier whatever is traded: the loop's fees don't change either.
        venue.tiers = (Tier("fixed", 0, None, maker, taker),)
        venue.tier = venue.tiers[0]
        self._key = self.local.issue_key()

    def advance(self, us: int) -> None:
        self.local.advance(us)

    def stand_at(self, product_id: str, tick: int) -> None:
        """Bids and asks without end at one price: market orders of any size fill there, as bars say."""
        book = self.local.exchange.venue.markets[product_id].book
        for side in (book.side(True), book.side(False)):
            # Keys grow towards the better price: what is better than `tick` goes.
            for at in [at for at in side.crowd if at * side.sign > tick * side.sign]:
                side.set_crowd(at, 0)
            side.set_crowd(tick, DEPTH * 10**8)

    def ask(self, method: str, path: str, query: str = "", body: Any = None) -> Any:
        """The JSON answer to one signed request. Raises ResearchError for anything but 200."""
        now_s = self.local.now_us // 1_000_000
        claims = {
            "sub": self._key["name"], "iss": "cdp", "nbf": now_s - 5, "exp": now_s + 100,
            "uri": f"{method} {HOST}{PREFIX}{path}",
        }  # fmt: skip
        token = jwt.encode(claims, self._key["privateKey"], "ES256", {"kid": self._key["name"], "nonce": "0"})
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        target = f"{PREFIX}{path}{query}"
        answer = self.local.request(method, target, headers, b"" if body is None else orjson.dumps(body)).response
        if answer.status != 200:
            raise ResearchError(f"the simulator answered {answer.status} to {method} {path}: {answer.body[:200]!r}")
        return orjson.loads(answer.body)

    def products(self) -> tuple[Product, ...]:
        return tuple(parse.product(raw) for raw in self.ask("GET", "/products")["products"])

    def balances(self) -> tuple[Any, ...]:
        return tuple(parse.balance(raw) for raw in self.ask("GET", "/accounts", "?limit=250")["accounts"])

    def order(self, order_id: str) -> VenueOrder:
        return parse.venue_order(self.ask("GET", f"/orders/historical/{order_id}")["order"])

    def when(self, order_id: str) -> tuple[int, int]:
        """Where an order's last fill stands among all: by time, and of one print the lowest price first."""
        order = self.local.store.order(order_id)
        return ((order.last_fill_us or 0), (order.limit or 0)) if order is not None else (0, 0)

    def fills(self, order_id: str, client_order_id: str) -> tuple[Any, ...]:
        raw = self.ask("GET", "/orders/historical/fills", f"?order_ids={order_id}&limit=250")
        return tuple(parse.fill(item, client_order_id) for item in raw["fills"])


def _configuration(spec: OrderSpec) -> dict[str, dict[str, Any]]:
    if spec.kind is Kind.MARKET:
        word, size = ("quote_size", spec.quote_size) if spec.quote_size is not None else ("base_size", spec.base_size)
        assert size is not None
        return {"market_market_ioc": {word: plain(size)}}
    assert spec.base_size is not None and spec.limit_price is not None and spec.end_ms is not None
    terms = {
        "base_size": plain(spec.base_size),
        "limit_price": plain(spec.limit_price),
        "post_only": spec.post_only,
        "end_time": iso_ms(from_epoch_ms(spec.end_ms)),
    }
    return {"limit_limit_gtd": terms}


@dataclass(slots=True)
class Curve:
    """Equity and lots' value after every time at which a bar closed."""

    equity: list[float]
    held: list[float]


class Driver:
    """Carries the engine's intents to the exchange and its answers back, in bar time."""

    def __init__(
        self, prepared: Prepared, said: Sequence[NDArray[np.int8]], settings: Settings, model: MarketModel
    ) -> None:
        self.prepared = prepared
        first_s = int(prepared.start_s.min())
        self.venue = Venue(prepared, model, first_s * 1_000_000 - 1)
        self.now_ms = first_s * 1000 - 1
        strategy = ArrayStrategy(settings, prepared, said)
        self.engine = Engine(settings, strategy, Restored(), Level.RUN, from_epoch_ms(self.now_ms))
        self.held: dict[str, deque[OrderSpec]] = {one.product_id: deque() for one in prepared.candles}
        self.ids: dict[str, str] = {}  # exchange's id -> ours, of orders that may still change
        self.seen: dict[str, tuple[Any, ...]] = {}
        self.opening = False  # bars open now; else they close
        self.closed: list[tuple[Lot, bool]] = []  # and whether that was at an open
        self._start(model)

    def _start(self, model: MarketModel) -> None:
        self.tell(ev.ProductsSeen(self.venue.products()))
        maker, taker = (Decimal(str(pct)) / 100 for pct in (model.maker_pct, model.taker_pct))
        self.tell(ev.FeesSeen(FeeRates(maker, taker, "fixed")))
        self.tell(ev.BalancesSeen(self.venue.balances(), self.now_ms))
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
                if lot.closed_ms is not None:
                    self.closed.append((lot, self.opening))
            case PlaceOrder(spec):
                if spec.kind is Kind.MARKET:
                    self.held[spec.product_id].append(spec)
                    return []
                return self._place(spec)
            case CancelOrder(_, order_id):
                self.venue.ask("POST", "/orders/batch_cancel", body={"order_ids": [order_id]})
                return self._look(order_id)
            case LookUpOrder(client_order_id, order_id, _, _):
                if order_id is not None:
                    return self._handle(ev.LookedUp(client_order_id, self.venue.order(order_id), complete=True))
            case FetchFills(order_id):
                return self._handle(ev.FillsSeen(self.venue.fills(order_id, self.ids.get(order_id, ""))))
            case _:
                pass
        return []

    def _place(self, spec: OrderSpec) -> list[Intent]:
        body = {
            "client_order_id": spec.client_order_id, "product_id": spec.product_id, "side": spec.side.value,
            "order_configuration": _configuration(spec),
        }  # fmt: skip
        answer = self.venue.ask("POST", "/orders", body=body)
        if not answer["success"]:
            refusal = answer["error_response"]
            short = refusal["error"] == "INSUFFICIENT_FUND"
            return self._handle(ev.Refused(spec.client_order_id, str(refusal["error"]), insufficient=short))
        order_id = str(answer["order_id"])
        self.ids[order_id] = spec.client_order_id
        return [*self._handle(ev.Accepted(spec.client_order_id, order_id)), *self._look(order_id)]

    def _look(self, order_id: str) -> list[Intent]:
        """Tell the engine of one order if there is news of it."""
        shown = self.venue.order(order_id)
        state = (shown.status, shown.filled_size)
        if self.seen.get(order_id) == state:
            return []
        self.seen[order_id] = state
        return self._handle(ev.OrdersSeen((shown,), complete=False, asked_ms=self.now_ms))

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
                expired = expired or self.seen[order_id][0] == "EXPIRED"
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

    def close_bar(self, candles: Candles, i: int) -> None:
        """The bar is closed: decisions."""
        bar = Bar(
            int(candles.start_s[i]), float(candles.open[i]), float(candles.high[i]), float(candles.low[i]),
            float(candles.close[i]), float(candles.volume[i]),
        )  # fmt: skip
        self.tell(ev.BarsClosed(candles.product_id, self.engine.world.settings.granularity, (bar,)))

    def price(self, candles: Candles, ticks: int) -> None:
        tick = Decimal(candles.price_increment)
        self.tell(ev.Priced(candles.product_id, ticks * tick, (ticks - 1) * tick, (ticks + 1) * tick))


def run_full(prepared: Prepared, said: Sequence[NDArray[np.int8]], settings: Settings, model: MarketModel) -> RawResult:
    """Trade the bars with the bot's engine. Raises ResearchError for assumptions that this exchange can't make."""
    if model.fill is not Fill.NEXT_OPEN or model.participation or model.impact_bps or model.slippage_bps:
        raise ResearchError("--engine full fills at the next open, without slippage or bounds on volume")
    if model.spread_bps or model.spread_ticks or model.volatility_slippage:
        raise ResearchError("--engine full knows no spread; leave the spread options out")
    if prepared.granularity_s % 60:
        raise ResearchError("--engine full needs bars of whole minutes")
    settings = dataclasses.replace(settings, use_tick_price=False, max_orders_per_min=600)
    driver = Driver(prepared, said, settings, model)
    curve = Curve([], [])
    position = prepared.first.tolist()
    ends, opened = prepared.end.tolist(), [False] * len(position)
    starts = prepared.start_s.tolist()
    while True:
        times = [
            starts[at] + (prepared.granularity_s if is_open else 0)
            for at, end, is_open in zip(position, ends, opened, strict=True)
            if at < end
        ]
        if not times:
            break
        _at_time(driver, curve, min(times), position, opened)
    return _result(driver, curve, model)


def _at_time(driver: Driver, curve: Curve, now_s: int, position: list[int], opened: list[bool]) -> None:
    """Everything that happens at one time: bars close, then bars open."""
    prepared = driver.prepared
    starts, ends, gran = prepared.start_s, prepared.end, prepared.granularity_s
    each = range(len(position))
    closing = [p for p in each if opened[p] and int(starts[position[p]]) + gran == now_s]
    driver.now_ms = now_s * 1000
    driver.opening = False
    driver.venue.advance(now_s * 1_000_000 - 1)
    driver.poll()
    for p in closing:
        driver.price(prepared.candles[p], int(prepared.ticks[3][position[p]]))
    driver.tell(ev.Tick())
    for p in closing:
        at = position[p]
        driver.close_bar(prepared.candles[p], at - int(prepared.first[p]))
        position[p], opened[p] = at + 1, False
    if closing:
        world = driver.engine.world
        curve.equity.append(float(world.equity))
        curve.held.append(float(world.lots_value))
    opening = [p for p in each if not opened[p] and position[p] < int(ends[p]) and int(starts[position[p]]) == now_s]
    if not opening:
        return
    driver.opening = True
    driver.venue.advance(now_s * 1_000_000)
    if driver.poll():
        driver.tell(ev.Tick())  # a take that ended by time rests anew
    for p in opening:
        opened[p] = True
        driver.open_bar(prepared.candles[p].product_id, int(prepared.ticks[0][position[p]]))


def _result(driver: Driver, curve: Curve, model: MarketModel) -> RawResult:
    prepared = driver.prepared
    numbers = {one.product_id: p for p, one in enumerate(prepared.candles)}
    lots = [*driver.closed, *((lot, False) for lot in driver.engine.world.book)]
    ints = np.zeros((len(lots), t.T_INTS), dtype=np.int64)
    floats: Floats = np.zeros((len(lots), t.T_FLOATS))
    for row, real, (lot, at_open) in zip(ints, floats, lots, strict=True):
        _write_row(row, real, lot, at_open, numbers[lot.product_id], prepared)
    account = np.zeros(t.A_SIZE)
    account[t.A_CASH] = float(driver.engine.world.portfolio.cash)
    account[t.A_FEES] = float(floats[:, [t.T_ENTRY_FEE, t.T_EXIT_FEE]].sum())
    account[t.A_ENTRIES] = len(lots)
    account[t.A_TURNOVER] = float(sum(lot.cost + lot.proceeds for lot, _ in lots))
    equity, held = np.array(curve.equity), np.array(curve.held)
    return RawResult(prepared, ints, floats, equity, held, account, model)


def _write_row(row: Any, real: Any, lot: Lot, at_open: bool, p: int, prepared: Prepared) -> None:
    """A lot of the engine as the loop writes its own."""
    one = prepared.candles[p]
    tick, step = Decimal(one.price_increment), Decimal(one.base_increment)
    first, end = int(prepared.first[p]), int(prepared.end[p])
    starts = prepared.start_s[first:end]
    sold = lot.base_bought - lot.base_left - lot.dust
    row[t.T_PRODUCT], row[t.T_OPENED_MS] = p, lot.opened_ms
    row[t.T_CLOSED_MS] = lot.closed_ms or 0
    row[t.T_OPEN_TICKS] = round(lot.open_price / tick)
    row[t.T_EXIT_TICKS] = round(lot.proceeds / sold / tick) if sold else 0
    row[t.T_STEPS] = round(lot.base_bought / step)
    is_open = lot.closed_ms is None
    row[t.T_REASON] = t.EXIT_END if is_open else REASONS.get(lot.exit_reason or ExitReason.TAKE, codes.EXIT_TAKE)
    row[t.T_RUNNER] = 1 if lot.kind is LotKind.RUNNER else 0
    row[t.T_TAKE_TICKS] = lot.take_ticks
    row[t.T_OPEN_BAR] = first + int(np.searchsorted(starts, lot.opened_ms // 1000, side="right")) - 1
    # What was sold while bars closed was sold inside the bar that ended then.
    begin_s = (lot.closed_ms or 0) // 1000 - (0 if at_open else prepared.granularity_s)
    row[t.T_CLOSE_BAR] = end - 1 if is_open else first + int(np.searchsorted(starts, begin_s))
    row[t.T_FILLS] = 0 if is_open else 1
    real[t.T_ENTRY_FEE], real[t.T_EXIT_FEE] = float(lot.entry_fee), float(lot.exit_fee)
    real[t.T_PNL] = 0.0 if is_open else float(lot.realized_pnl or 0)
    real[t.T_TP_PCT], real[t.T_PROCEEDS] = float(lot.tp_pct), float(lot.proceeds)
