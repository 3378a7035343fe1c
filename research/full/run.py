"""`--engine full`: the bot's own event engine against the in-process exchange, bar by bar. Slow, every mechanism live.

Decisions are made on closed bars; their market orders are sent at the next open, resting takes at once. The exchange
plays each bar as four prints (open, low, high, close) around a book deep enough that no order moves the price. This
is the only part of research that knows the exchange's side.
"""

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from bot.domain import events as ev
from bot.domain.kinds import ExitReason, LotKind
from bot.domain.lots import Lot
from bot.rules import codes
from research import exposure
from research.data.candles import Floats
from research.decisions import Said, are_weights
from research.engine import FillTiming, MarketModel, Prepared, RawResult, Style
from research.errors import ResearchError
from research.full.driver import BarDriver, EquityCurve, LotSales
from research.loops import types as t
from shared.settings import Settings

TELL_EVERY = 50  # bars between two words on how far it is
REASONS = {
    ExitReason.STOP: codes.EXIT_STOP,
    ExitReason.TRAIL: codes.EXIT_TRAIL,
    ExitReason.TAKE_PROFIT: codes.EXIT_TAKE,
    ExitReason.SIGNAL: codes.EXIT_SIGNAL,
    ExitReason.TARGET: codes.EXIT_TARGET,
}


def run_full(
    prepared: Prepared,
    said: Said,
    settings: Settings,
    model: MarketModel,
    progress: Callable[[int, int], None] | None = None,
) -> RawResult:
    """Trade the bars with the bot's engine. Raises ResearchError for assumptions that this exchange can't make."""
    if model.fill is not FillTiming.NEXT_OPEN or model.participation or model.impact_bps or model.slippage_bps:
        raise ResearchError("--engine full fills at the next open, without slippage or bounds on volume")
    if model.spread_bps or model.volatility_slippage:
        raise ResearchError("--engine full knows a spread in whole ticks only; leave the spread options out")
    if settings.volatility_mult:
        raise ResearchError("--engine full decides at the close and cannot apply VOLATILITY_MULT: use --engine fast")
    if prepared.granularity_s % 60:
        raise ResearchError("--engine full needs bars of whole minutes")
    settings = dataclasses.replace(settings, use_tick_price=False, max_orders_per_min=600, min_depth_usd=0.0,
                                   max_impact_bp=0.0)  # fmt: skip
    if are_weights(said) and exposure.never_rests(settings, prepared.granularity_s):
        settings = dataclasses.replace(settings, exposure_maker_sec=0.0)
    driver = BarDriver(prepared, said, settings, model)
    curve = EquityCurve([], [])
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
        if progress is not None and len(curve.equity) % TELL_EVERY == 0:
            progress(len(curve.equity), len(prepared.times))
    return _result(driver, curve, model)


def _at_time(driver: BarDriver, curve: EquityCurve, now_s: int, position: list[int], opened: list[bool]) -> None:
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
    for p in each:
        waits = p not in closing and driver.held[prepared.candles[p].product_id]
        if driver.at_weights and waits:  # where a bar is missing the quotes stand: the feed is not silent
            driver.price(prepared.candles[p], int(prepared.ticks[3][position[p] - 1]))
    driver.tell(ev.Tick())
    for p in closing:
        at = position[p]
        driver.close_bar(prepared.candles[p], at - int(prepared.first[p]))
        position[p], opened[p] = at + 1, False
    if closing:
        view = driver.engine.view
        curve.equity.append(float(view.account.equity))
        curve.held.append(float(view.positions.value))
    opening = [p for p in each if not opened[p] and position[p] < int(ends[p]) and int(starts[position[p]]) == now_s]
    if not opening:
        return
    driver.opening = True
    driver.venue.advance(now_s * 1_000_000)
    if driver.poll():
        driver.tell(ev.Tick())  # a take that ended by time rests anew
    for p in sorted(opening, key=lambda p: driver.sells_first(prepared.candles[p].product_id)):
        opened[p] = True
        candles, ticks = prepared.candles[p], int(prepared.ticks[0][position[p]])
        sent = bool(driver.held[candles.product_id])
        driver.open_bar(candles.product_id, ticks)
        if sent and driver.at_weights:
            driver.go_on(candles, ticks)


def _result(driver: BarDriver, curve: EquityCurve, model: MarketModel) -> RawResult:
    prepared = driver.prepared
    numbers = {one.product_id: p for p, one in enumerate(prepared.candles)}
    lots = [*driver.closed, *((lot, False) for lot in driver.engine.state.positions.lots)]
    ints = np.zeros((len(lots), t.T_INTS), dtype=np.int64)
    floats: Floats = np.zeros((len(lots), t.T_FLOATS))
    for row, real, (lot, at_open) in zip(ints, floats, lots, strict=True):
        _write_row(row, real, lot, at_open, numbers[lot.product_id], prepared)
        if driver.at_weights:
            _write_sales(row, real, lot, driver.sales.get(lot.lot_id, LotSales()))
    account = np.zeros(t.A_SIZE)
    account[t.A_CASH] = float(driver.engine.view.account.cash)
    account[t.A_FEES] = float(floats[:, [t.T_ENTRY_FEE, t.T_EXIT_FEE]].sum())
    account[t.A_ENTRIES] = len(lots)
    account[t.A_BREAKER_DAYS] = len(driver.breaker_days)
    account[t.A_REFUSED_FUNDS], account[t.A_REFUSED_SIZE] = driver.refused
    account[t.A_LATCHED_MS] = driver.latched_ms
    account[t.A_TURNOVER] = float(sum(lot.cost + lot.proceeds for lot, _ in lots))
    equity, held = np.array(curve.equity), np.array(curve.held)
    style = Style.EXPOSURE if driver.at_weights else Style.LOTS
    marks = prepared.ticks[3][prepared.end - 1]
    return RawResult(prepared, ints, floats, equity, held, account, model, style, marks)


def _write_sales(row: Any, real: Any, lot: Lot, sales: LotSales) -> None:
    """A holding is sold in parts: how many, the last one's price, and what those of an open one earned.

    What followed an open within seconds happened at that open: bars know no shorter time.
    """
    for column in (t.T_OPENED_MS, t.T_CLOSED_MS):
        row[column] -= row[column] % 60_000
    row[t.T_FILLS], row[t.T_EXIT_TICKS] = sales.count, round(sales.price / lot.price_increment)
    if lot.closed_ms is None and sales.count:
        part = sales.sold / lot.base_bought
        real[t.T_PNL] = float(lot.proceeds - lot.cost * part - lot.entry_fee * part - lot.exit_fee)


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
    row[t.T_REASON] = t.EXIT_END if is_open else REASONS.get(lot.exit_reason or ExitReason.TAKE_PROFIT, codes.EXIT_TAKE)
    row[t.T_RUNNER] = 1 if lot.kind is LotKind.RUNNER else 0
    row[t.T_TAKE_TICKS] = lot.take_ticks
    row[t.T_OPEN_BAR] = first + int(np.searchsorted(starts, lot.opened_ms // 1000, side="right")) - 1
    # What was sold while bars closed was sold inside the bar that ended then.
    begin_s = (lot.closed_ms or 0) // 60_000 * 60 - (0 if at_open else prepared.granularity_s)
    row[t.T_CLOSE_BAR] = end - 1 if is_open else first + int(np.searchsorted(starts, begin_s))
    row[t.T_FILLS] = 0 if is_open else 1
    row[t.T_LEFT] = round((lot.base_left if is_open else lot.dust) / step)
    real[t.T_ENTRY_FEE], real[t.T_EXIT_FEE] = float(lot.entry_fee), float(lot.exit_fee)
    real[t.T_PNL] = 0.0 if is_open else float(lot.realized_pnl or 0)
    real[t.T_TP_PCT], real[t.T_PROCEEDS] = float(lot.tp_pct), float(lot.proceeds)
