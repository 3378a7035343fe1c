"""RECORD=true: a tape of what the engine was told and what it decided, for the parity report (`shared.tape`).

One line for one event: the market's part of it (`price`, `bars`, `fees`, `products`) and what came of it (`signal`,
`orders`, `ends`, `fills`, `lots`, `shut`). The loop only keeps what an event was; texts, compression and the disk are
the offload's. A tape that cannot be written is said once and given up: trading never waits for it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from bot.app.offload import Offload
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.day import TradingDay
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.intents import Intent, PlaceOrder, SaveFill, SaveKeyValue, SaveLot, SaveOrder
from bot.domain.lots import Lot
from bot.domain.orders import OrderSpec
from bot.domain.timeframe import Timeframe
from bot.engine.state.fence import SECOND_WRITER
from bot.engine.views.engine_view import EngineView
from bot.engine.views.markets import MarketView
from shared.money import plain
from shared.ports import Clock
from shared.settings import Settings, public_values
from shared.tape import VERSION, TapeWriter
from shared.times import from_epoch_ms

log = logging.getLogger("tape")
FLUSH_S = 5.0
WAITING_MAX = 100_000
COMPUTING = "computing"  # in place of a signal, until the strategy has answered
_PRODUCT = ("price_increment", "base_increment", "quote_increment", "base_min_size", "quote_min_size", "price")
Line = dict[str, Any]


class EventRecorder:
    """Lines that wait, and what was told last, so that only news is kept."""

    def __init__(self, settings: Settings, clock: Clock, offload: Offload, about: Mapping[str, str]) -> None:
        self._settings, self._clock, self._offload = settings, clock, offload
        self._writer = TapeWriter(settings.paths.tape)
        self._waiting: list[Line] = []
        self._lost = 0
        self._broken: str | None = None
        self._prices: dict[str, tuple[Any, ...]] = {}
        self._judged_ms: dict[str, int] = {}
        self._bar_s: dict[tuple[str, str], int] = {}
        self._signal_s: dict[str, int | None] = {}
        self._shut: dict[str, str | None] = {}
        self._cash: tuple[Decimal, str] | None = None
        self._day: tuple[Any, ...] | None = None
        self._may: tuple[bool, bool] | None = None
        self._about = dict(about)
        self._begun = False

    def heard(self, event: ev.Event, intents: Sequence[Intent], view: EngineView) -> None:
        """Keep one event that the engine has handled. Never raises."""
        if self._broken is not None:
            return
        try:
            self._hear(event, intents, view)
        except Exception as error:  # the tape is a witness: it must not stop what it looks at
            self._give_up(f"{type(error).__name__}: {error}")

    def _hear(self, event: ev.Event, intents: Sequence[Intent], view: EngineView) -> None:
        line: Line = {}
        if not self._begun:
            self._begun = True
            about = {**self._about, "version": VERSION, "settings": public_values(self._settings)}
            about["by_hand"] = sorted(self._settings.by_hand)
            self._keep({"t": view.now_ms, "boot": about})
        match event:
            case ev.PriceUpdate(product_id):
                self._price(line, view, view.markets.get(product_id))
            case ev.BarsClosed(product_id, granularity, bars):
                self._bars(line, view, view.markets.get(product_id), granularity, bars)
            case ev.TargetReady(product_id):
                self._target(line, view, view.markets.get(product_id))
            case ev.InstrumentList(products):
                line["products"] = [_product(one) for one in products if one.product_id in view.markets.product_ids]
            case ev.FeeUpdate(rates):
                line["fees"] = [plain(rates.maker), plain(rates.taker)]
            case ev.SettingsReloaded(settings):
                self._settings = settings
                line["reload"] = {"settings": public_values(settings), "by_hand": sorted(settings.by_hand)}
            case ev.TradingReady():
                line["ready"] = _ready(view)
            case _:
                pass
        _acts(line, intents)
        day = view.account.day
        if day is not None and _of_day(day) != self._day:
            self._day = _of_day(day)
            line["day"] = self._day
        may = (view.control.may_enter, view.control.may_exit)
        if may != self._may:
            line["may"] = self._may = may
        if view.account.known:
            self._money(line, view)
        if line:
            line["t"] = view.now_ms
            self._keep(line)

    def _money(self, line: Line, view: EngineView) -> None:
        account = view.account
        cash, waiting = account.cash, account.unexplained_text
        if (cash, waiting) == self._cash:
            return
        self._cash = (cash, waiting)
        line["cash"] = plain(cash)
        # Less what nobody has explained: no limit is judged by it.
        line["other"] = plain(account.settled_equity - cash - view.positions.value)

    def _price(self, line: Line, view: EngineView, market: MarketView | None) -> None:
        if market is None or market.price is None:
            return
        product_id, now_ms = market.product_id, view.now_ms
        again = self._judged_ms.get(product_id) == now_ms and self._settings.tick_interval_sec > 0
        judged = self._settings.use_tick_price and market.judged_ms == now_ms and not again
        shown = (market.price, market.bid, market.ask)
        if judged:
            self._judge(line, view, market)
        if judged or shown != self._prices.get(product_id):
            self._prices[product_id] = shown
            line["price"] = (product_id, *shown, int(judged))

    def _bars(
        self, line: Line, view: EngineView, market: MarketView | None, granularity: str, bars: tuple[Bar, ...]
    ) -> None:
        if market is None or granularity not in (Timeframe.MINUTE, self._settings.granularity):
            return
        product_id = market.product_id
        known = self._bar_s.get((product_id, granularity), -1)
        fresh = [bar for bar in bars if bar.start_s > known]
        if not fresh:
            return
        self._bar_s[product_id, granularity] = fresh[-1].start_s
        line["bars"] = (product_id, granularity, fresh)
        if granularity != self._settings.granularity:
            return
        if market.asked_bar_s is not None:
            line["signal"] = (product_id, market.asked_bar_s, COMPUTING, None)
        self._judged(line, view, market)

    def _target(self, line: Line, view: EngineView, market: MarketView | None) -> None:
        """What the strategy answered, and what is made of it at the price of now."""
        if market is None or market.asked_bar_s is not None:
            return
        product_id = market.product_id
        if market.signal_bar_s != self._signal_s.get(product_id):
            self._signal_s[product_id] = market.signal_bar_s
            line["signal"] = (product_id, market.signal_bar_s, market.signal, market.probability)
            self._judged(line, view, market)

    def _judged(self, line: Line, view: EngineView, market: MarketView) -> None:
        if view.control.ready and market.judged_price is not None:
            self._judge(line, view, market)
            product_id = market.product_id
            line["price"] = (product_id, market.mark, market.bid, market.ask, market.judged_price)

    def _judge(self, line: Line, view: EngineView, market: MarketView) -> None:
        product_id = market.product_id
        self._judged_ms[product_id] = view.now_ms
        if market.signal != "buy" or not view.control.may_enter:
            return
        shut = market.shut_by
        if shut != self._shut.get(product_id):
            self._shut[product_id] = shut
            line["shut"] = (product_id, shut)

    def _keep(self, line: Line) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._lost += 1
            return
        if self._lost:
            self._waiting.append({"t": line["t"], "lost": self._lost})
            self._lost = 0
        self._waiting.append(line)

    async def run(self) -> None:
        """Write every five seconds, for ever."""
        while True:
            await self._clock.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting or self._broken is not None:
            return
        try:
            await self._offload.run(lambda: self._write(waiting))
        except OSError as error:
            # A full disk may have room again: what waited is lost, and the tape says so.
            self._lost += len(waiting)
            log.warning("tape: %s; %d lines are left out", error.strerror or error, len(waiting))

    async def close(self) -> None:
        await self.flush()
        try:
            await self._offload.run(self._writer.close)
        except OSError as error:
            log.warning("tape: %s", error.strerror or error)

    def _write(self, lines: list[Line]) -> None:
        by_day: dict[str, list[Line]] = {}
        for line in lines:
            by_day.setdefault(f"{from_epoch_ms(line['t']):%Y-%m-%d}", []).append(_texts(line))
        for day, texts in by_day.items():
            if not self._writer.append(day, texts):
                self._lost += len(texts)
                log.debug("tape: the file of %s is full", day)

    def _give_up(self, why: str) -> None:
        self._broken, self._waiting = why, []
        log.error("tape: %s; nothing more is recorded until the bot restarts", why)


def _acts(line: Line, intents: Sequence[Intent]) -> None:
    """What came of the event."""
    for intent in intents:
        match intent:
            case PlaceOrder(spec):
                line.setdefault("orders", []).append(_order(spec))
            case SaveOrder(order) if order.settled:
                line.setdefault("ends", []).append((order.spec.client_order_id, order.state.value))
            case SaveFill(fill, lot_id, _):
                line.setdefault("fills", []).append({**_fill(fill), "lot_id": lot_id})
            case SaveLot(lot):
                line.setdefault("lots", []).append(_lot(lot))
            case SaveKeyValue(key, value) if key == SECOND_WRITER:
                line["entries_latched"] = value
            case SaveKeyValue(("entries_latched" | "peak_equity" | "loss_streak") as key, value):
                line[key] = value
            case _:
                pass


def _ready(view: EngineView) -> Line:
    """What was there when trading began."""
    account, markets = view.account, view.markets.all()
    return {
        "lots": [_lot(lot) for lot in view.positions.lots()],
        "working": [_order(order.spec) for order in view.orders.working()],
        "used": {m.product_id: m.used_bar_s for m in markets},
        "last_add_ms": {m.product_id: m.last_add_ms for m in markets},
        "loss_streak": view.risk.loss_streak,
        "realized": account.day.realized if account.day is not None else None,
        "peak_equity": account.peak_equity,
        "entries_latched": view.orders.second_writer or view.control.entries_latched or "",
    }


def _of_day(day: TradingDay) -> tuple[Any, ...]:
    """What the day's limits are judged by."""
    return day.day, day.start_equity, day.transfers, day.breaker_ms


def _lot(lot: Lot) -> Line:
    return {field.name: getattr(lot, field.name) for field in fields(lot)}


def _order(spec: OrderSpec) -> Line:
    return {field.name: getattr(spec, field.name) for field in fields(spec)}


def _fill(fill: Fill) -> Line:
    return {field.name: getattr(fill, field.name) for field in fields(fill)}


def _product(instrument: Instrument) -> Line:
    return {"product_id": instrument.product_id, **{name: getattr(instrument, name) for name in _PRODUCT}}


def _texts(value: Any) -> Any:
    """The same with exact text for amounts and lists for tuples, as JSON has them."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return value


async def end(tape: EventRecorder | None, limit_s: float) -> None:
    """Write what waits, if there is a tape; no longer than `limit_s`."""
    if tape is None:
        return
    try:
        await asyncio.wait_for(tape.close(), limit_s)
    except TimeoutError:
        log.warning("tape: not flushed to disk within %g s", limit_s)
